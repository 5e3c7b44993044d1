"""The console's server in Python: serves the page and made-up data, and misbehaves when a test asks it to."""
import json
import queue
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from made_up import MODEL, Source, at, figures

WEB = Path(__file__).resolve().parents[3] / "pipeline/console/web"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class FakeConsole:
    """Tests change its fields while pages are open; each is read at the next request. Threads: the server's own, one a request."""

    def __init__(self):
        self.source = Source()
        self.random = random.Random(3)
        self.session = {"analyst": "ada@bank.example", "can_decide": True, "why_not": None, "instance": "weir-0", "version": "1.2.0", "model": MODEL,
                        "kept": {"verdicts": 50_000, "from": at(self.source.now)}, "demo": False}
        self.verdicts = [self.source.summary() for _ in range(40)]
        self.cases = sorted((self.source.queue_case() for _ in range(12)), key=lambda case: -case["money_per_minute"])
        self.dispositions: dict[str, dict] = {}
        self.posts: list[dict] = []
        self.feeds_seen: list[dict] = []       # query and headers of every feed that was asked for
        self.feed_refusal: int | None = None   # status instead of a feed
        self.refusals: list[tuple[int, dict]] = []  # answers to the next dispositions
        self.api_refusal: tuple[int, dict] | None = None
        self.replay: list[tuple[str, dict]] = []  # sent at the start of a feed
        self._feeds: list[queue.Queue] = []
        self._position = 0
        self._gate = threading.Event()
        self._gate.set()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.drop_feeds()
        self._server.shutdown()
        self._server.server_close()

    # -- what a test does to the pages

    def push(self, event: str, data: dict) -> None:
        self._position += 1
        for feed in list(self._feeds):
            feed.put((self._position, event, data))

    def show(self, *summaries: dict, skipped: int = 0) -> None:
        self.verdicts.extend(summaries)
        self.push("verdicts", {"verdicts": list(summaries), "skipped": skipped})

    def show_figures(self, **fields) -> None:
        self.push("figures", figures(self.random, **fields))

    def drop_feeds(self) -> None:
        for feed in list(self._feeds):
            feed.put(None)

    def hold_dispositions(self) -> None:
        self._gate.clear()

    def release_dispositions(self) -> None:
        self._gate.set()

    @property
    def feeds(self) -> int:
        return len(self._feeds)

    def decide(self, verdict_id: str, disposition: str, analyst: str, note: str | None = None) -> dict:
        before = self.dispositions.get(verdict_id)
        known = self.find(verdict_id)
        said = {"verdict_id": verdict_id, "transaction_id": known["transaction_id"], "user_id": known["user_id"], "disposition": disposition, "analyst": analyst,
                "note": note, "at": at(self.source.now), "label_id": f"analyst-{verdict_id[:12]}", "revision": (before["revision"] if before else 0) + 1}
        self.dispositions[verdict_id] = said
        self.push("disposition", said)
        return said

    def find(self, verdict_id: str) -> dict | None:
        return next((known for known in [*self.verdicts, *self.cases] if known["verdict_id"] == verdict_id), None)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeConsole
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/":
            return self._file(WEB / "index.html")
        if url.path.startswith("/assets/"):
            return self._file(WEB / Path(url.path).name)
        if url.path.startswith("/test/"):
            return self._file(Path(__file__).with_name(Path(url.path).name))
        if url.path == "/api/feed":
            return self._feed(query)
        if self.fake.api_refusal and url.path != "/api/session":
            return self._json(*self.fake.api_refusal)
        if url.path == "/api/session":
            return self._json(200, self.fake.session)
        if url.path == "/api/queue":
            waiting = [case for case in self.fake.cases if case["verdict_id"] not in self.fake.dispositions]
            return self._json(200, {"cases": waiting, "waiting": len(waiting), "money_waiting": {"EUR": 12345.5}})
        if url.path == "/api/verdicts":
            text = query.get("q", "")
            found = [known for known in reversed(self.fake.verdicts) if any(
                known[field].startswith(text) for field in ("transaction_id", "user_id", "merchant_id", "verdict_id"))]
            return self._json(200, {"verdicts": found, "complete": True, "from": self.fake.session["kept"]["from"]})
        if url.path.startswith("/api/case/"):
            return self._case(url.path.rsplit("/", 1)[1])
        return self._json(404, {"error": "No such page", "next": "Start at /"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.fake.posts.append({**body, "header": self.headers.get("X-Weir-Console")})
        self.fake._gate.wait(10)
        if self.fake.refusals:
            return self._json(*self.fake.refusals.pop(0))
        present = self.fake.dispositions.get(body["verdict_id"])
        if present and body.get("revision", present["revision"]) != present["revision"]:
            return self._json(409, {"error": "Decided meanwhile", "next": "Look again", "disposition": present})
        return self._json(201, self.fake.decide(body["verdict_id"], body["disposition"], self.fake.session["analyst"], body.get("note")))

    def _case(self, verdict_id: str):
        known = self.fake.find(verdict_id)
        if not known:
            return self._json(404, {"error": "This verdict is older than what this server keeps (50,000 verdicts)",
                                    "next": f"Read it from the topic: weir explain {verdict_id} --config FILE"})
        said = self.fake.dispositions.get(verdict_id)
        return self._json(200, {**self.fake.source.case({**known, "disposition": said}), "dispositions": [said] if said else []})

    def _feed(self, query: dict):
        self.fake.feeds_seen.append({"query": query, "last": self.headers.get("Last-Event-ID")})
        if self.fake.feed_refusal:
            return self._json(self.fake.feed_refusal, {"error": "all 64 places of the feed are taken", "next": "Try again in a minute"}, {"Retry-After": "2"})
        feed: queue.Queue = queue.Queue()
        self._head(200, "text/event-stream", None)
        for event, data in self.fake.replay:
            self.fake._position += 1
            feed.put((self.fake._position, event, data))
        self.fake._feeds.append(feed)
        try:
            while (item := feed.get()) is not None:
                position, event, data = item
                text = f"id: {position}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the page has gone
        finally:
            self.fake._feeds.remove(feed)
            self.close_connection = True

    def _file(self, path: Path):
        if not path.is_file():
            return self._json(404, {"error": "No such file", "next": ""})
        self._send(200, path.read_bytes(), TYPES[path.suffix])

    def _json(self, status: int, body: dict, headers: dict | None = None):
        self._send(status, json.dumps(body).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict | None = None):
        self._head(status, kind, len(body), headers)
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int | None, headers: dict | None = None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", "default-src 'self'")
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header(*(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))))
        self.end_headers()
        if length is None:
            self.wfile.flush()


if __name__ == "__main__":  # to look at the page by hand
    import time
    fake = FakeConsole()
    print(fake.url, flush=True)
    while True:
        fake.show_figures()
        fake.show(*(fake.source.summary() for _ in range(2)), skipped=210)
        time.sleep(1)
