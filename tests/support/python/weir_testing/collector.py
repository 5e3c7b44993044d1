"""An OpenTelemetry collector as small as it gets: OTLP/HTTP on loopback, read with OpenTelemetry's own messages."""
import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Keeps every span it is sent. `answer` is the status it gives, after `pause` seconds."""

    def __init__(self):
        self.answer, self.pause = 200, 0.0
        self.requests: list[dict[str, str]] = []  # headers
        self.bodies: list[str] = []
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def traces(self) -> dict[str, list[Span]]:
        found: dict[str, list[Span]] = {}
        for span in self.spans():
            found.setdefault(span.trace_id.hex(), []).append(span)
        return found

    def _handler(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                time.sleep(collector.pause)
                status = collector.answer if self.path == "/v1/traces" else 404
                if status == 200:
                    collector._take(dict(self.headers), body)
                answer = b"{}"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler

    def _take(self, headers: dict[str, str], body: str) -> None:
        request = json_format.ParseDict(_with_bytes(json.loads(body)), ExportTraceServiceRequest())  # unknown names are errors
        spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
        with self._lock:
            self.requests.append(headers)
            self.bodies.append(body)
            self._spans += spans


def _with_bytes(document):
    """OTLP writes ids in hex where the JSON of protobuf has base64."""
    if isinstance(document, list):
        return [_with_bytes(each) for each in document]
    if not isinstance(document, dict):
        return document
    ids = ("traceId", "spanId", "parentSpanId")
    return {key: base64.b64encode(bytes.fromhex(value)).decode() if key in ids else _with_bytes(value)
            for key, value in document.items()}


def attributes(span: Span) -> dict:
    def value_of(value):
        kind = value.WhichOneof("value")
        return [value_of(v) for v in value.array_value.values] if kind == "array_value" else getattr(value, kind)
    return {each.key: value_of(each.value) for each in span.attributes}
