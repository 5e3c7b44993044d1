"""What people meet when a command fails: each error says what is wrong and where, and ends with the next step, behind a semicolon.

Method: a table of failing command lines against the real binary, in a folder made for it, with secrets planted wherever a careless message
would repeat them. Nobody is asked on a network but a broker made by librdkafka in this process, which has no topics, and a port
where nobody listens. The exit codes are those of pipeline/commands.h.
"""
import gzip
import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import confluent_kafka
import yaml

from weir_testing.paths import ROOT, SAMPLE, WEIR, WORK

USAGE, DATA, UNAVAILABLE, CONFIGURATION = 64, 65, 69, 78
SECRET, CARD = "hunter2", "4539578763621486"


class Refused(NamedTuple):
    """`said`: what and where, of the whole text. `next`: part of what stands behind its last semicolon."""
    words: str
    code: int
    said: str
    next: str


RUN = "--config good.yaml"
TABLE = [
    # The command line itself.
    Refused("chekc", USAGE, "weir: there is no command 'chekc'", "did you mean 'check'?"),
    Refused("frobnicate --config good.yaml", USAGE, "weir: there is no command 'frobnicate'", "`weir --help` lists them"),
    Refused(f"{CARD}", USAGE, "weir: there is no command", "`weir --help` lists them"),
    Refused("--bogus", USAGE, "weir: there is no option '--bogus'", "`weir --help` lists them"),
    Refused("state", USAGE, "weir state: a command is missing", "one of get, erase, dump"),
    Refused("state gett U1", USAGE, "weir state: there is no command 'gett'", "did you mean 'get'?"),
    Refused("dead-letters lst", USAGE, "weir dead-letters: there is no command 'lst'", "did you mean 'list'?"),
    Refused("run", USAGE, "weir run: --config is missing", "add --config FILE, which `weir init FILE` can write"),
    Refused("run --confg good.yaml", USAGE, "weir run: there is no option '--confg'", "did you mean '--config'?"),
    Refused(f"run --password={SECRET}", USAGE, "weir run: there is no option '--password'", "`weir run --help` lists them"),
    Refused(f"run -p{SECRET}", USAGE, "weir run: there is no option '-p'", "`weir run --help` lists them"),
    Refused(f"run {RUN} kafka.properties.sasl.password={SECRET}", USAGE, "weir run: 'kafka.properties.sasl.password=' stands alone",
            "did you mean '--set kafka.properties.sasl.password=...'?"),
    Refused(f"run {RUN} --set workers=1 {SECRET}", USAGE, "weir run: an argument too many", "`weir run --help` shows what it takes"),
    Refused("run --config", USAGE, "weir run: a value of --config is missing", "`weir run --help` shows what it takes"),
    Refused("run --config nope.yaml", USAGE, "weir run: --config: there is no file nope.yaml",
            "check the path, or let `weir init nope.yaml` write one"),
    Refused("check --config .", USAGE, "weir check: --config: . is a directory", "name a file"),
    Refused(f"check --format xml {RUN}", USAGE, "weir check: --format: xml not in {{text,json,sarif}}", "`weir check --help` shows what it takes"),
    Refused("check", USAGE, "weir check: --config is missing", "`weir init FILE` can write"),
    Refused("top", USAGE, "weir top: --config or --url is missing", "`weir top --help` shows what it takes"),
    Refused("top --url 127.0.0.1:1 --interval never", USAGE, "weir top: --interval: ", "`weir top --help` shows what it takes"),
    Refused(f"state get {RUN}", USAGE, "weir state get: user_id is missing", "`weir state get --help` shows what it takes"),
    Refused("test", USAGE, "weir test: files is missing", "`weir test --help` shows what it takes"),
    Refused("completion powershell", USAGE, "weir completion: shell: powershell not in {{bash,zsh,fish}}", "`weir completion --help` shows what it takes"),
    Refused(f"explain v1 {RUN} --verdicts verdicts.jsonl", USAGE, "weir explain: --verdicts and --features go together",
            "`weir explain --help` shows what it takes"),
    Refused(f"replay {RUN} --transactions nope.jsonl --out -", USAGE, "weir replay: --transactions: there is no file nope.jsonl", "check the path"),
    Refused(f"replay {RUN} --transactions payments.jsonl --out - --json", USAGE, "--json and - both ask for standard output",
            "name a file instead of -"),
    Refused(f"tap verdcts {RUN}", USAGE, "there is no stream or step 'verdcts'", "did you mean 'verdicts'?"),
    Refused(f"tap everything-there-is {RUN}", USAGE, "there is no stream or step 'everything-there-is'", "`weir tap --help` lists them"),
    Refused(f"tap verdicts {RUN} --where acton==1", USAGE, "--where: column 1: there is no field 'acton'; did you mean 'action'?",
            "`weir tap --help` shows conditions"),
    Refused(f"dead-letters list {RUN} --since yesterday", USAGE, "--since: 'yesterday' is neither", "say 2h, 7d or"),
    Refused(f"dead-letters list {RUN} --reason rnge", USAGE, "--reason: there is no reason 'rnge'", "did you mean 'range'?"),
    Refused("probe --address nowhere", USAGE, "'nowhere' is no address", "write HOST:PORT, such as 127.0.0.1:9464"),
    Refused(f"probe --address weir:{SECRET}@localhost:1", USAGE, "'localhost:1' is no address", "write HOST:PORT, such as 127.0.0.1:9464"),
    Refused("test bare.cases.yaml", USAGE, "bare.cases.yaml names no configuration", "give --config, or `config:` in it"),
    Refused("test good.cases.yaml --only nothing", USAGE, "no case has 'nothing' in its name", "leave --only out to run all"),

    # Files and stored state.
    Refused("init good.yaml", DATA, "good.yaml: File exists", "name another file, or - to print it"),
    Refused(f"replay {RUN} --transactions cut.jsonl.gz --out v.jsonl", DATA, "cut.jsonl.gz ends early, after line ", "fetch it again"),
    Refused(f"replay {RUN} --transactions payments.jsonl --out no/folder/v.jsonl", DATA, "cannot write no/folder/v.jsonl: No such file", "name another file"),
    Refused(f"features {RUN} --transactions payments.jsonl --out no/folder/f.csv", DATA, "cannot write no/folder/f.csv: No such file",
            "name another file"),
    Refused(f"state get {CARD} {RUN}", DATA, "no stores under ", "the --config whose state.dir they are in"),
    Refused(f"state erase {RUN}", USAGE, "weir state erase: user_id is missing", "`weir state erase --help` shows what it takes"),
    Refused(f"state erase U1 {RUN}", UNAVAILABLE, "no Kafka broker answered", "check kafka.brokers"),
    Refused(f"state dump {RUN} --set state.dir=damaged", DATA, "damaged", "the store is rebuilt from the changelog when `weir run` starts next"),
    Refused(f"explain {CARD} {RUN} --verdicts verdicts.jsonl --features verdicts.jsonl", DATA, "no verdict of '", "--verdicts FILE --features FILE"),
    Refused("test wrong.cases.yaml", DATA, "wrong.cases.yaml:3:19: unknown key 'evnts'", "did you mean 'events'?"),

    # Configuration and model package.
    Refused("check --offline --config broken.yaml", CONFIGURATION, "broken.yaml:1:9: unknown key 'brokrs'", "did you mean 'brokers'?"),
    Refused("explain-config --config broken.yaml", CONFIGURATION, "broken.yaml:1:9: unknown key 'brokrs'", "did you mean 'brokers'?"),
    Refused(f"run {RUN} --set comit.interval=5ms", CONFIGURATION, "--set: unknown key 'comit.interval'", "did you mean 'commit.interval'?"),
    Refused("features --config plain.yaml --transactions payments.jsonl --out -", CONFIGURATION, "plain.yaml declares no features",
            "configs/handbook.yaml shows how"),
    Refused(f"check --offline {RUN} --set model.package=nothing", CONFIGURATION, "model package ", "set model.package to a folder that holds manifest.json: "),
    Refused(f"replay {RUN} --set model.package=package --transactions payments.jsonl --out -", CONFIGURATION, "model package ",
            "export or fetch the package again, or set model.package to another"),
    Refused("check --offline --config plain.yaml --set model.package={package} --set history.merchant_rows=32", CONFIGURATION, "the model reads the declared feature ",
            "add this line to features:\n  - {{name: "),
    Refused(f"run {RUN} --set admin.listen=127.0.0.1:{{taken}}", CONFIGURATION, "admin.listen cannot be used: ", "another process has the port, choose a free one: "),

    # Brokers, topics, instances.
    Refused(f"check {RUN} --set kafka.properties.sasl.password={SECRET}", UNAVAILABLE, "no Kafka broker answered", "check kafka.brokers, the network and "),
    Refused(f"tap verdicts {RUN} --exit", UNAVAILABLE, "no answer about topic verdicts: ", "check kafka.brokers"),
    Refused(f"tap verdicts {RUN} --exit {{asked}}", UNAVAILABLE, "there is no topic verdicts", "check its name (topics.*), or create it"),
    Refused(f"explain v1 {RUN} {{asked}}", UNAVAILABLE, "there is no topic verdicts", "check its name (topics.*), or create it"),
    Refused(f"dead-letters list {RUN} {{asked}}", UNAVAILABLE, "there is no topic dead-letters", "check its name (topics.*), or create it"),
    Refused(f"replay {RUN} --transactions topic:pay --out - {{asked}}", UNAVAILABLE, "there is no topic pay", "check its name (topics.*), or create it"),
    Refused(f"check {RUN} {{asked}}", UNAVAILABLE, "there is no topic transactions", "create it, or set topics.create: true"),
    Refused(f"run {RUN} {{asked}} --set admin.listen=127.0.0.1:0", CONFIGURATION, "missing topics: transactions", "create them, or set topics.create: true"),
    Refused("probe --address 127.0.0.1:{free}", UNAVAILABLE, "no answer from 127.0.0.1:{free}: Connection refused", "does `weir run` listen there (admin.listen)?"),
    Refused("probe --address 127.0.0.1:{taken}", UNAVAILABLE, "what listens on 127.0.0.1:{taken} is no Weir", "ask where admin.listen says"),
    Refused("top --url 127.0.0.1:{free} --once", UNAVAILABLE, "127.0.0.1:{free}", "is `weir run` up, and is its admin.listen what --url says?"),
    Refused(f"top --url http://weir:{SECRET}@127.0.0.1:{{free}}/?token={SECRET} --once", UNAVAILABLE, "http://127.0.0.1:{free}",
            "is `weir run` up, and is its admin.listen what --url says?"),
    Refused("top --url 127.0.0.1:{web} --once", UNAVAILABLE, "127.0.0.1:{web}/metrics answered 404", "is `weir run` up, and is its admin.listen what --url says?"),
]


def package_of(config: str) -> Path:
    """The model package that a shipped configuration serves."""
    return ROOT / "configs" / yaml.safe_load((ROOT / config).read_text())["model"]["package"]


class Web(http.server.BaseHTTPRequestHandler):
    """Metrics for who comes with a password."""

    def do_GET(self):
        if "Authorization" not in self.headers:
            return self.send_error(404)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'weir_verdicts_total{action="approve",worker="0"} 1\n')

    def log_message(self, *_):
        pass


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "errors"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        cls.write_files()
        cls.free = socket.socket()
        cls.free.bind(("127.0.0.1", 0))  # and nobody listens
        cls.taken = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=cls.shout, daemon=True).start()
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.broker = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
        asked = next(iter(cls.broker.list_topics(timeout=10).brokers.values()))
        cls.places = {"free": cls.free.getsockname()[1], "taken": cls.taken.getsockname()[1], "web": cls.web.server_port,
                      "package": package_of("configs/handbook.yaml"), "asked": f"--set kafka.brokers={asked.host}:{asked.port}"}

    @classmethod
    def tearDownClass(cls):
        cls.web.shutdown()
        cls.web.server_close()
        cls.free.close()
        cls.taken.close()

    @classmethod
    def shout(cls):
        while True:
            try:
                peer, _ = cls.taken.accept()
            except OSError:
                return
            with peer:
                peer.recv(1024)
                peer.sendall(b"220 mail.example.com ESMTP\r\n")

    @classmethod
    def write_files(cls):
        def write(name: str, text: str):
            file = cls.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        plain = f"kafka: {{brokers: '127.0.0.1:1', properties: {{sasl.username: weir, sasl.password: {SECRET}}}}}\nstate.dir: state\n"
        write("plain.yaml", plain)
        write("good.yaml", plain + "features: [{name: payments, entity: user, function: count, window: 1d}]\n")
        write("broken.yaml", f"kafka: {{brokrs: a, properties: {{sasl.password: {SECRET}}}}}\nkafka.brokers: a:1\nstate.dir: state\n")
        write("bare.cases.yaml", "cases: [{name: a, events: [{payment: {}}]}]\n")
        write("good.cases.yaml", "config: plain.yaml\ncases: [{name: a, events: [{payment: {}}]}]\n")
        write("wrong.cases.yaml", f"# {CARD}\nconfig: plain.yaml\ncases: [{{name: a, evnts: 1, events: [{{payment: {{card_token: '{CARD}'}}}}]}}]\n")
        write("damaged/p0/CURRENT", "MANIFEST-000005\n")
        write("damaged/p0/MANIFEST-000005", "not a manifest")
        write("package/manifest.json", json.dumps({"format": 99}))
        with gzip.open(SAMPLE / "transactions.jsonl.gz", "rt") as lines:
            payments = "".join(line for line, _ in zip(lines, range(20)))
        write("payments.jsonl", payments)
        write("verdicts.jsonl", "{}\n")
        whole = gzip.compress(payments.encode())
        (cls.folder / "cut.jsonl.gz").write_bytes(whole[:len(whole) // 2])

    def run_one(self, case: Refused) -> subprocess.CompletedProcess:
        words = case.words.format(**self.places).split()
        return subprocess.run([WEIR, *words], cwd=self.folder, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)

    def test_each_says_what_and_where_and_ends_with_the_next_step(self):
        with ThreadPoolExecutor(12) as pool:  # those that wait for a broker wait together
            for case, done in zip(TABLE, pool.map(self.run_one, TABLE)):
                with self.subTest(case.words):
                    self.assertEqual((done.returncode, done.stdout), (case.code, ""), done.stderr)
                    self.assertIn(case.said.format(**self.places), done.stderr)
                    said, step = done.stderr.rsplit("; ", 1)
                    self.assertIn(case.next.format(**self.places), step)
                    self.assertRegex(done.stderr, r"(?m)^(weir( [a-z-]+)*|--set|[\w.]+:\d+:\d+): ")
                    for unwanted in ("\x1b", SECRET, CARD, "Run with --help"):
                        self.assertNotIn(unwanted, done.stderr)

    def test_a_password_in_an_address_is_not_shown_where_all_is_well_either(self):
        url = f"http://weir:{SECRET}@127.0.0.1:{self.places['web']}"
        for form in ([], ["--json"]):
            done = subprocess.run([WEIR, "top", "--url", url, "--once", "--interval", "0.1", *form], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"http://127.0.0.1:{self.places['web']}", done.stdout)
            self.assertNotIn(SECRET, done.stdout + done.stderr)

    def test_nothing_at_all_is_answered_with_help_on_stderr(self):
        done = subprocess.run([WEIR], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("weir check --config weir.yaml", done.stderr)

    def test_help_is_no_error(self):
        for words in (["--help"], ["state", "get", "--help"], ["--help-all"]):
            done = subprocess.run([WEIR, *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_codes_are_those_of_the_man_page(self):
        page = subprocess.run([WEIR, "man"], capture_output=True, text=True).stdout
        documented = set(map(int, re.findall(r"(?m)^\.TP\n(\d+)$", page)))
        self.assertLessEqual({case.code for case in TABLE}, documented)
        header = (ROOT / "pipeline/commands.h").read_text()
        self.assertEqual(documented, set(map(int, re.findall(r"kExit\w+ = (\d+),", header))))


if __name__ == "__main__":
    unittest.main()
