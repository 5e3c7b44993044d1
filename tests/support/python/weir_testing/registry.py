"""A real schema registry on loopback for the time of a test, and a front before it that can be taken away."""
import atexit
import base64
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf import descriptor_pb2

from .paths import ROOT

_SCRIPT = ROOT / "tests/support/schema-registry/schema-registry"
_GUIDS = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Registry:
    """Apicurio with Confluent's API. Ends with stop(), or with the test process."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.url = _script("start", str(directory))
        atexit.register(self.stop)

    def stop(self) -> None:
        _script("stop", str(self.directory))
        atexit.unregister(self.stop)

    def set_compatibility(self, subject: str, level: str) -> None:
        ask(f"{self.url}/config/{subject}", "PUT", {"compatibility": level})

    def add(self, subject: str, schema: str, kind: str = "AVRO") -> int:
        """The id of the schema, registered if it was not."""
        return ask(f"{self.url}/subjects/{subject}/versions", "POST", {"schema": schema, "schemaType": kind})["id"]


class Front:
    """Passes requests on and counts them; away(): nobody listens. Adds what Apicurio 3.3.3 does not have and Confluent's
    registry does: a GUID of each schema, by which it can be asked for, and Protobuf schemas as descriptors in base64."""

    def __init__(self, registry: Registry):
        self.registry = registry
        self.requests: list[str] = []
        self.authorization: str | None = None  # of the last request
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.back()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def back(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler_of(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def away(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def close(self) -> None:
        self.away()

    def answer(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self.requests.append(f"{method} {path}")
        if path.startswith("/schemas/guids/"):
            path = f"/schemas/ids/{self._id_of(path.removeprefix('/schemas/guids/').split('?')[0])}"
        request = urllib.request.Request(self.registry.url + path, body, method=method,
                                         headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()
        document = json.loads(content or b"null")
        if "format=serialized" in path and document.get("schemaType") == "PROTOBUF":
            document["schema"] = _serialized(ask(self.registry.url + path.split("?")[0])["schema"])
        if isinstance(document, dict) and "id" in document:
            document["guid"] = guid_of(document["id"])
        return status, json.dumps(document).encode()

    @staticmethod
    def _id_of(guid: str) -> int:
        return next((i for i in range(1, 1_000) if guid_of(i) == guid), 999_999)


def _serialized(proto: str) -> str:
    if "{" not in proto:
        return proto  # registered so
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "schema.proto").write_text(proto)
        made = subprocess.run(["protoc", f"--proto_path={folder}", "--descriptor_set_out=/dev/stdout", "schema.proto"],
                              capture_output=True, check=True).stdout
    return base64.b64encode(descriptor_pb2.FileDescriptorSet.FromString(made).file[0].SerializeToString()).decode()


def guid_of(schema_id: int) -> str:
    return str(uuid.uuid5(_GUIDS, str(schema_id)))


def shared(work: Path) -> Registry:
    """One of this process. Without a Java that can run it the test is skipped, and says so."""
    global _shared
    found = subprocess.run([_SCRIPT, "java"], capture_output=True, text=True)
    if found.returncode != 0:
        print(f"SKIPPED, no schema registry: {found.stderr.strip()}", file=sys.stderr, flush=True)
        raise unittest.SkipTest(found.stderr.strip())
    if _shared is None:
        _shared = Registry(work)
    return _shared


def ask(url: str, method: str = "GET", body: dict | None = None):
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, method=method,
                                     headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def _handler_of(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self):
            front.authorization = self.headers.get("Authorization")
            length = int(self.headers.get("Content-Length") or 0)
            status, content = front.answer(self.command, self.path, self.rfile.read(length) if length else None)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # who asked has lost patience
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on

        def log_message(self, *_):
            pass

    return Handler


def _script(command: str, *arguments: str) -> str:
    done = subprocess.run([_SCRIPT, command, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"schema-registry {command}: {done.stderr.strip()}")
    return done.stdout.strip()


_shared: Registry | None = None
