"""`weir probe`, the health check of machines without a shell: its exit code is what the instance says of itself."""
import http.server
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from weir_testing.paths import WEIR

OK, USAGE, UNAVAILABLE, CONFIG = 0, 64, 69, 78


class Admin(http.server.BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, str]] = {}

    def do_GET(self):
        code, text = self.answers.get(self.path, (404, "what?"))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def probe(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([WEIR, "probe", *arguments], capture_output=True, text=True, timeout=30)


class Probe(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Admin)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def test_ready_is_0_and_restoring_is_69_and_the_answer_is_printed(self):
        Admin.answers = {"/readyz": (200, '{"ready":true}'), "/livez": (200, '{"live":true}')}
        done = probe("--address", self.address)
        self.assertEqual((done.returncode, done.stdout), (OK, '{"ready":true}\n'))
        Admin.answers["/readyz"] = (503, '{"ready":false}')
        done = probe("ready", "--address", self.address)
        self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, '{"ready":false}\n'))
        self.assertEqual(probe("live", "--address", self.address).returncode, OK)

    def test_the_address_is_that_of_the_configuration(self):
        Admin.answers = {"/readyz": (200, "{}")}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "weir.yaml"
            # All addresses: asked on loopback.
            file.write_text(f"kafka: {{brokers: 'localhost:9092'}}\nstate: {{dir: {folder}/state}}\n"
                            f"admin: {{listen: '0.0.0.0:{self.server.server_port}'}}\n")
            done = probe("--config", str(file))
            self.assertEqual(done.returncode, OK, done.stderr)
            file.write_text("kafka: {brokrs: x}\n")
            self.assertEqual(probe("--config", str(file)).returncode, CONFIG)

    def test_nobody_there_is_69_and_says_where_it_asked(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = probe("--address", address)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn(f"no answer from {address}: Connection refused", done.stderr)

    def test_something_else_that_listens_there_is_no_weir(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def shout():
                peer, _ = server.accept()
                with peer:
                    peer.recv(1024)
                    peer.sendall(b"220 mail.example.com ESMTP\r\n")
            threading.Thread(target=shout, daemon=True).start()
            done = probe("--address", f"127.0.0.1:{server.getsockname()[1]}")
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("is no Weir", done.stderr)

    def test_an_address_that_is_none_is_64(self):
        for address in ("9464", "host:9464", "127.0.0.1:0", "127.0.0.1:99999"):
            with self.subTest(address):
                done = probe("--address", address)
                self.assertEqual(done.returncode, USAGE)
                self.assertIn("write HOST:PORT", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
