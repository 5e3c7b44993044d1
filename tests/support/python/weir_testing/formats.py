"""Payments and labels in every format a stock client writes, by the schemas in deploy/schemas."""
import json
import subprocess
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable

from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from .paths import DEPLOY

SCHEMAS = DEPLOY / "schemas"
Serialize = Callable[[bytes], tuple[bytes, list[tuple[str, bytes]]]]  # a line of JSON -> value and headers


def schema(name: str) -> str:
    return (SCHEMAS / name).read_text()


def timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def for_avro(fields: dict[str, Any]) -> dict[str, Any]:
    out = dict(fields)
    for name in ("event_time", "label_time"):
        if name in out:
            out[name] = timestamp(out[name])
    if "amount" in out:
        out["amount"] = Decimal(str(out["amount"]))
    return out


def generated(work: Path, *names: str) -> Any:
    """protoc's Python classes of deploy/schemas/<name>.proto, by message name."""
    work.mkdir(parents=True, exist_ok=True)
    # Generated code must be as new as the runtime, and Debian's protoc is older: only the descriptors are taken from it.
    descriptors = work / "schemas.pb"
    subprocess.run(["protoc", f"--proto_path={SCHEMAS}", "--include_imports", f"--descriptor_set_out={descriptors}",
                    *[f"{name}.proto" for name in names]], check=True)
    return classes(descriptors.read_bytes())


def classes(descriptor_set: bytes) -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2  # noqa: F401
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return {message: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{message}"))
            for file in files.file if not file.name.startswith("google/") for message in (m.name for m in file.message_type)}


def fill(message: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        if name in ("event_time", "label_time"):
            getattr(message, name).FromDatetime(timestamp(value).replace(tzinfo=None))
        elif name == "amount":
            message.amount = str(value)
        elif name == "attributes":
            continue
        else:
            setattr(message, name, value)
    return message


class Serializers:
    """Stock serializers of one topic, a subject for each format: a registry takes one kind of schema a subject."""

    def __init__(self, registry_url: str, topic: str):
        self.client = SchemaRegistryClient({"url": registry_url})
        self.topic = topic

    def avro(self, text: str, change: Callable[[dict], dict] = for_avro, in_header: bool = False) -> Serialize:
        return self._of(AvroSerializer(self.client, text, conf=self._conf("avro", in_header)), change)

    def protobuf(self, message: Any, in_header: bool = False) -> Serialize:
        return self._of(ProtobufSerializer(message, self.client, self._conf("protobuf", in_header)),
                        lambda fields: fill(message(), fields))

    def json(self, text: str, in_header: bool = False) -> Serialize:
        return self._of(JSONSerializer(text, self.client, conf={**self._conf("json", in_header), "validate": False}),
                        lambda fields: fields)

    @staticmethod
    def _conf(kind: str, in_header: bool) -> dict[str, Any]:
        return {"subject.name.strategy": lambda context, *_: f"{context.topic}-{kind}",
                **({"schema.id.serializer": header_schema_id_serializer} if in_header else {})}

    def _of(self, serializer: Any, change: Callable[[dict], Any]) -> Serialize:
        def serialize(line: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
            context = SerializationContext(self.topic, MessageField.VALUE, [])
            return serializer(change(json.loads(line)), context), context.headers
        return serialize


def plain(line: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    return line, []


def milliseconds(value: Any) -> str:
    """A time as verdicts in JSON have it."""
    moment = value if isinstance(value, datetime) else value.ToDatetime(tzinfo=timezone.utc)
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text.replace(".000Z", "Z")
