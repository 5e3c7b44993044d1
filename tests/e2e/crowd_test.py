"""The console among bad neighbours: clients that do not read, and more clients than there are places. Method: a real broker and a real `weir run`, asked
over plain sockets that can be as slow as one likes."""
import contextlib
import http.client
import json
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from real_console import ANALYST, RealConsole, tell  # noqa: E402
from weir_testing.case import BrokerCase, main  # noqa: E402
from weir_testing.paths import WORK  # noqa: E402
from weir_testing.waiting import eventually  # noqa: E402

PAYMENTS = 300
FEEDS_MAX = 24
CONNECTIONS_MAX = FEEDS_MAX + 128  # beyond: refused, up to 32 at a time
SLOW = 20
FEED_BYTES_MAX = 512 << 10         # that wait for a client
NOTE = "\U0001F41F" * 500          # the longest there is: 2,000 bytes


class Feed:
    """A client of the live feed; threads: one, when it reads."""

    def __init__(self, port: int, receive_bytes: int | None = None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(b"GET /api/feed?user=nobody HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.decided: list[tuple[float, str]] = []  # when, verdict
        self.longest_silence = 0.0

    def close(self) -> None:
        """At once, whoever still reads."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def head(self) -> str:
        found = b""
        while b"\r\n\r\n" not in found:
            found += self.socket.recv(1)
        return found.decode()

    def read(self, enough: threading.Event) -> None:
        answer = http.client.HTTPResponse(self.socket)
        answer.begin()
        text, last = b"", time.monotonic()
        while not enough.is_set():
            got = answer.read1(1 << 16)
            now = time.monotonic()
            if not got:
                return
            self.longest_silence, last = max(self.longest_silence, now - last), now
            *lines, text = (text + got).split(b"\n")
            for line in lines:
                if line.startswith(b"data: ") and b'"disposition"' in line:
                    self.decided.append((now, json.loads(line[6:])["verdict_id"]))


class Crowd(BrokerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        name = f"crowd-{time.time_ns():x}"
        folder = WORK / name
        folder.mkdir(parents=True)
        cls.console = RealConsole(cls.broker, name, folder, entities=False, **{"console.feeds_max": FEEDS_MAX})
        cls.addClassCleanup(cls.console.close)
        cls.worker = cls.console.worker
        cls.console.publish(PAYMENTS)
        cls.console.job.wait_drained()
        cls.known = cls.console.verdicts()
        eventually(lambda: cls.console.get("/api/session")["kept"]["verdicts"] == PAYMENTS, 20, "the console has read all verdicts")

    def test_a_client_that_does_not_read_is_dropped_and_nobody_else_waits(self):
        before = self.worker.metric("weir_console_dropped_feeds_total")
        slow = [Feed(self.console.port, receive_bytes=4_096) for _ in range(SLOW)]
        quick = Feed(self.console.port)
        self.addCleanup(lambda: [feed.close() for feed in (*slow, quick)])
        enough = threading.Event()
        reading = threading.Thread(target=quick.read, args=(enough,), daemon=True)
        reading.start()
        eventually(lambda: self.worker.metric("weir_console_clients") == SLOW + 1, 10, "all feeds")
        resting, highest, sent = memory_of(self.worker), 0, []

        def dropped() -> bool:
            nonlocal highest
            self._others_decide(40, sent)
            # No more on the way than the server keeps for those who come late.
            eventually(lambda: len(quick.decided) >= len(sent) - 80, 10, lambda: f"{len(quick.decided)} of {len(sent)} decisions heard")
            highest = max(highest, memory_of(self.worker))
            return self.worker.metric("weir_console_dropped_feeds_total") - before == SLOW
        eventually(dropped, 40, lambda: f"{self.worker.metric('weir_console_dropped_feeds_total') - before} of {SLOW} dropped", every=0.2)
        eventually(lambda: len(quick.decided) == len(sent), 10, lambda: f"{len(quick.decided)} of {len(sent)} decisions heard")
        enough.set()
        reading.join(10)
        tell(f"{SLOW} dropped after {len(sent)} decisions; the quick one heard all, silent for {quick.longest_silence:.2f} s at most; "
             f"{(highest - resting) / 2**20:.0f} MiB more at the worst")
        self.assertEqual([verdict for _, verdict in quick.decided], sent, "all of them, in order")
        self.assertLess(quick.longest_silence, 1.5)
        self.assertLess(len(sent) * len(NOTE.encode()), 4 * FEED_BYTES_MAX, "bytes that waited for one client, in the kernel too")
        self.assertLess(highest - resting, SLOW * 2 * FEED_BYTES_MAX + (32 << 20))
        self.assertEqual(self.worker.metric("weir_console_clients"), 1)

    def test_all_places_of_the_feed_taken_is_503_and_when_to_come_back(self):
        eventually(lambda: self.worker.metric("weir_console_clients") == 0, 30, "all feeds of others ended")
        refused = self.worker.metric("weir_console_refused_feeds_total")
        feeds = [Feed(self.console.port) for _ in range(FEEDS_MAX)]
        self.addCleanup(lambda: [feed.close() for feed in feeds])
        eventually(lambda: self.worker.metric("weir_console_clients") == FEEDS_MAX, 10, "all places taken")
        late = Feed(self.console.port)
        self.addCleanup(late.close)
        head = late.head()
        self.assertRegex(head, r"^HTTP/1.1 503 ")
        self.assertRegex(head, r"\r\nRetry-After: 5\r\n")
        self.assertEqual(self.worker.metric("weir_console_refused_feeds_total") - refused, 1)
        with self.subTest("everything else is answered"):
            self.assertEqual(self.console.get("/api/session")["analyst"], ANALYST)
        feeds.pop().close()

        def has_place() -> bool:
            feeds.append(Feed(self.console.port))
            return feeds[-1].head().startswith("HTTP/1.1 200 ")
        eventually(has_place, 20, "a place again", every=0.3)

    def test_all_connections_taken_is_503_and_when_to_come_back(self):
        idle = [connected(self.console.port) for _ in range(CONNECTIONS_MAX)]
        self.addCleanup(lambda: [each.close() for each in idle])
        asked = []

        def refused() -> bool:
            asked.append(ask(self.console.port, "/api/session"))
            return asked[-1].startswith("HTTP/1.1 503 ")
        eventually(refused, 10, lambda: f"refused: {asked[-1]}", every=0.1)
        self.assertRegex(asked[-1], r"\r\nRetry-After: 2\r\n")
        self.assertIn('"next":"close pages that nobody looks at', asked[-1])
        with self.subTest("probes and metrics have a listener of their own"):
            self.assertTrue(self.worker.is_live() and self.worker.is_ready())
        for each in idle:
            each.close()
        eventually(lambda: ask(self.console.port, "/api/session").startswith("HTTP/1.1 200 "), 10, "answered again", every=0.1)

    def _others_decide(self, count: int, sent: list[str]) -> None:
        """Records on `audit` as another console writes them."""
        users = [verdict["user_id"] for verdict in self.known.values()]
        user = users[0].encode()  # one partition: in order
        for _ in range(count):
            sent.append(f"{len(sent):032x}")
            self.console.job.publisher.send(self.console.job.topic["audit"], json.dumps({
                "what": "disposition", "at": "2026-11-29T02:00:00.000Z", "analyst": "bob", "verdict_id": sent[-1], "transaction_id": "x", "user_id": user.decode(),
                "after": {"disposition": "good", "revision": 1}, "note": NOTE, "label_id": None}, ensure_ascii=False).encode(), user)
        self.console.job.publisher.flush()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)


def ask(port: int, path: str) -> str:
    with connected(port) as client:
        client.settimeout(20)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while got := client.recv(1 << 16):
            answer += got
        return answer.decode()


def memory_of(worker) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()
