"""The command line from outside: a first configuration, the schema editors read, completion in real shells, the man page. No broker."""
import contextlib
import gzip
import json
import os
import pty
import re
import select
import shutil
import subprocess
import unittest
from pathlib import Path

import jsonschema
import yaml

from weir_testing.paths import ROOT, SAMPLE, WEIR, WORK

USAGE, DATA = 64, 65


def weir(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run([WEIR, *map(str, arguments)], capture_output=True, text=True, **more)


class FirstConfiguration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "command-line"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)

    def test_what_init_writes_passes_check_and_is_never_overwritten(self):
        file = self.folder / "weir.yaml"
        self.assertEqual(weir("init", file).returncode, 0)
        done = weir("check", "--offline", "--config", file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("3 declared: 2 over a user, 1 over a merchant", done.stdout)
        file.write_text("mine: 1\n")
        done = weir("init", file)
        self.assertEqual((done.returncode, file.read_text()), (DATA, "mine: 1\n"))
        self.assertIn("name another file", done.stderr)

    def test_every_value_is_explained_with_its_origin(self):
        file = self.folder / "explained.yaml"
        file.write_text("kafka: {brokers: 'a:1', properties: {sasl.password: hidden}}\nstate.dir: /tmp/weir\n")
        told = weir("explain-config", "--config", file, "--set", "workers=2", "--json").stdout
        self.assertNotIn("hidden", told)
        values = {item["key"]: (item["value"], item["from"]) for item in json.loads(told)}
        self.assertEqual(values["workers"], ("2", "--set"))
        self.assertEqual(values["commit.interval"], ("20ms", "default"))
        self.assertEqual(values["kafka.brokers"], ('"a:1"', f"{file}:1:9"))
        self.assertEqual(values["kafka.properties.sasl.password"][0], "********")
        text = weir("explain-config", "--config", file).stdout
        self.assertRegex(text, r"commit\.interval: 20ms +# default")


def some_payments(folder, count: int):
    """The first of the sample as a plain file."""
    payments = folder / "payments.jsonl"
    with gzip.open(SAMPLE / "transactions.jsonl.gz", "rt") as lines:
        payments.write_text("".join(line for line, _ in zip(lines, range(count))))
    return payments


class ForPrograms(unittest.TestCase):
    """--json: one JSON document, or one a line, on stdout and nothing else there."""

    # run answers nothing, and logs as log.format says; the others print scripts and pages.
    WITHOUT = {"/run", "/completion", "/man", "/reference"}

    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "command-line-json"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        cls.plain = cls.folder / "plain.yaml"
        cls.plain.write_text("kafka.brokers: a:1\nstate.dir: state\nfeatures: [{name: payments, entity: user, function: count, window: 1d}]\n")

    def answer(self, *arguments) -> dict:
        done = weir(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_every_command_that_answers_takes_it(self):
        said = re.findall(r"(?m)^    (/[^:\s]+)\) COMPREPLY=\(\$\(compgen (?:-f )?-W '([^']*)'", weir("completion", "bash").stdout)
        commands = {path: words.split() for path, words in said}
        self.assertIn("/state/get", commands)
        for path, words in commands.items():
            is_group = any(other.startswith(path + "/") for other in commands)
            with self.subTest(path):
                self.assertEqual("--json" in words, not is_group and path not in self.WITHOUT)

    def test_check_says_what_would_run(self):
        told = self.answer("check", "--offline", "--config", ROOT / "configs/handbook.yaml")
        self.assertEqual((told["ok"], told["findings"]), (True, []))
        self.assertEqual((told["runs"]["delivery"], told["runs"]["input"]["topic"]), ("exactly_once", "transactions"))
        self.assertIn("models/zoo", told["runs"]["model"]["package"])
        keys = {item["key"]: item for item in self.answer("check", "--keys")}
        self.assertEqual((keys["commit.interval"]["default"], keys["commit.interval"]["required"]), ("20ms", False))
        self.assertEqual((keys["kafka.brokers"]["default"], keys["kafka.brokers"]["required"]), (None, True))

    def test_version_and_init(self):
        self.assertEqual(set(self.answer("version")), {"name", "version", "revision"})
        file = self.folder / "new.yaml"
        told = self.answer("init", file)
        self.assertEqual((told["file"], file.exists()), (str(file), True))
        self.assertIn("weir check", told["next"])

    def test_replay_and_features_sum_up(self):
        payments = some_payments(self.folder, 50)
        options = ["--config", self.plain, "--transactions", payments, "--labels", SAMPLE / "labels.jsonl.gz"]
        told = self.answer("replay", *options, "--out", self.folder / "verdicts.jsonl")
        self.assertEqual((told["payments"], told["verdicts"], sum(told["actions"].values())), (50, 50, 50))
        self.assertEqual((told["degraded"], told["quality"]), (50, None))  # there is no model
        told = self.answer("features", *options, "--out", self.folder / "table.csv")
        self.assertEqual((told["rows"], told["labels_not_understood"]), (50, 0))
        self.assertEqual(set(told["labels_to_users"]), {"applied", "repeated", "outdated", "waiting", "expired"})

    def test_data_and_answer_do_not_share_stdout(self):
        for arguments in (["init", "-"], ["features", "--config", self.plain, "--transactions", self.plain, "--out", "-"],
                          ["replay", "--config", self.plain, "--transactions", self.plain, "--out", self.folder / "v", "--state-out", "-"]):
            done = weir(*arguments, "--json")
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
            self.assertIn("name a file instead of -", done.stderr)

    def test_the_demo_talks_on_stderr(self):
        done = weir("demo", "--json", "--rate", "0", "--config", self.plain, "--transactions", some_payments(self.folder, 200), timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.addCleanup(shutil.rmtree, Path(told["verdicts_file"]).parent)
        self.assertEqual((told["payments"], told["verdicts"]), (200, 200))
        self.assertIn("events/s", done.stderr)
        with open(told["verdicts_file"]) as verdicts:
            self.assertEqual(len(verdicts.readlines()), 200)


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(weir("check", "--schema").stdout)
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def errors(self, text: str) -> list[str]:
        return [error.message for error in self.validator.iter_errors(yaml.safe_load(text))]

    def test_configurations_that_load_fit(self):
        for text in (weir("init", "-").stdout, (ROOT / "configs/handbook.yaml").read_text(), (ROOT / "configs/sffsd.yaml").read_text(),
                     "commit: {interval: 5ms}", "commit.interval: 5ms", "decide.costs_by_currency: {EUR: {review: 3}}",
                     "decide: {costs_by_currency.EUR.review: 3}", "workers: ${WORKERS:2}", "kafka.properties: {client.id: me}",
                     "kafka: {properties: {sasl.password_file: /run/secrets/kafka}}", "kafka.group_id_file: group"):
            with self.subTest(text[:40]):
                self.assertEqual(self.errors(text), [])

    def test_mistakes_do_not(self):
        for text in ("comit: {interval: 5ms}", "commit: {intervall: 5ms}", "commit.interval: 5", "commit.interval: 5 sec", "workers: 65",
                     "workers: many", "delivery: exactly-once", "topics.create: maybe", "features: {name: x}", "features: [{nam: x}]",
                     "decide.costs_by_currency: {EUR: {revue: 3}}", "model.allow: digest"):
            with self.subTest(text):
                self.assertNotEqual(self.errors(text), [])

    def test_every_key_says_what_it_does(self):
        keys = [line.split(": ")[0] for line in weir("check", "--keys").stdout.splitlines() if not line.startswith(" ")]
        self.assertEqual(sorted(self.schema["$defs"]), sorted(keys))
        for key, definition in self.schema["$defs"].items():
            self.assertGreater(len(definition["description"]), 20, key)


class Completion(unittest.TestCase):
    CASES = {
        "weir che": ["check"],
        "weir state ": ["dump", "get", "-h", "--help", "--help-all"],
        "weir check --fo": ["--format"],
        "weir check --format ": ["json", "sarif", "text"],
        "weir completion ": ["bash", "fish", "zsh"],
        "weir run --set commit.i": ["commit.interval="],
        "weir tap dead": ["dead-letters"],
    }

    def test_bash(self):
        script = weir("completion", "bash").stdout
        for line, wanted in self.CASES.items():
            with self.subTest(line):
                words = line.split(" ")
                ask = "COMP_WORDS=({}); COMP_CWORD={}; _weir 2> /dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"".format(
                    " ".join(f"'{word}'" for word in words), len(words) - 1)
                done = subprocess.run(["bash", "--norc", "-c", script + ask], capture_output=True, text=True)
                self.assertEqual(done.stderr, "")
                said = done.stdout.split()
                self.assertEqual(set(wanted) - set(said), set())
                if line.split(" ")[-1]:
                    self.assertEqual(sorted(said), sorted(wanted))

    def test_bash_completes_files(self):
        script = weir("completion", "bash").stdout + "COMP_WORDS=(weir run --config con); COMP_CWORD=3; _weir; echo ${COMPREPLY[@]}"
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, cwd=ROOT)
        self.assertEqual(done.stdout.split(), ["configs"])

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish(self):
        script = weir("completion", "fish").stdout
        for line, wanted in self.CASES.items():
            with self.subTest(line):
                done = subprocess.run(["fish", "--no-config", "-c", f"{script}\ncomplete -C '{line}'"], capture_output=True, text=True)
                said = [answer.split("\t")[0] for answer in done.stdout.splitlines()]
                if not line.split(" ")[-1].startswith("-"):  # fish offers options when asked for one
                    wanted = [word for word in wanted if not word.startswith("-")]
                self.assertEqual((done.stderr, set(wanted) - set(said)), ("", set()))

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_reads_it(self):
        script = WORK / "command-line-zsh" / "_weir"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(weir("completion", "zsh").stdout)
        done = subprocess.run(["zsh", "-f", "-c", f"fpath=({script.parent} $fpath); autoload -Uz compinit && compinit -D -u; "
                                                  "print $_comps[weir]; autoload +X _weir"], capture_output=True, text=True)
        self.assertEqual((done.stdout.strip(), done.stderr), ("_weir", ""))


class Explain(unittest.TestCase):
    """`weir explain` over files: the shipped model, with its trees and its rows of merchants, says the same bits again."""

    def test_decisions_of_a_replay_are_made_again_bit_for_bit(self):
        folder = WORK / "command-line-explain"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        payments = some_payments(folder, 400)
        config, verdicts, features = ROOT / "configs/handbook.yaml", folder / "verdicts.jsonl", folder / "features.jsonl"
        done = weir("replay", "--config", config, "--transactions", payments, "--labels", SAMPLE / "labels.jsonl.gz",
                    "--out", verdicts, "--features-out", features, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["verdicts"], 400)
        made = [json.loads(line) for line in verdicts.read_text().splitlines()]
        most_costly = max(made, key=lambda verdict: verdict["risk"]["fraud"]["p"])
        for verdict in (most_costly, made[-1]):
            done = weir("explain", verdict["transaction_id"], "--config", config, "--verdicts", verdicts, "--features", features)
            count = len(verdict["reasons"])
            self.assertIn(f"identical: p bits equal, action equal, {count} of {count} reasons", done.stdout)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        # A record that was changed by hand is not made again.
        line = next(line for line in features.read_text().splitlines() if most_costly["verdict_id"] in line)
        bits = json.loads(line)["outputs"]["logit_bits"]
        features.write_text(line.replace(bits, "00000000"))
        done = weir("explain", most_costly["verdict_id"], "--config", config, "--verdicts", verdicts, "--features", features, "--json")
        self.assertEqual(done.returncode, DATA)
        self.assertEqual(json.loads(done.stdout)["differences"], [{"field": "outputs.logit_bits", "then": "00000000", "now": bits}])


class StateDump(unittest.TestCase):
    """The state of a demo, dumped: how far it is shows where somebody looks, and nowhere else."""

    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "command-line-dump"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        config = cls.folder / "plain.yaml"
        config.write_text("kafka.brokers: a:1\nstate.dir: state\n")
        done = weir("demo", "--json", "--rate", "0", "--config", config, "--transactions", some_payments(cls.folder, 1_500), timeout=120)
        ran = Path(json.loads(done.stdout)["verdicts_file"]).parent
        cls.addClassCleanup(shutil.rmtree, ran)
        cls.command = [WEIR, "state", "dump", "--config", config, "--set", f"state.dir={ran / 'state'}"]

    def test_a_pipe_gets_lines_and_nothing_else(self):
        done = subprocess.run(self.command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        users = {json.loads(line)["user_id"] for line in (self.folder / "payments.jsonl").read_text().splitlines()}
        self.assertEqual({json.loads(line)["user_id"] for line in done.stdout.splitlines()}, users)

    def test_a_terminal_beside_a_file_shows_how_far_it_is(self):
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=terminal, text=True) as dump:
            os.close(terminal)
            drawn = b""
            while dump.stdout.read(4_096) and not drawn:  # the pipe is smaller than the dump: it cannot be done before
                if select.select([screen], [], [], 0.05)[0]:
                    drawn = os.read(screen, 1_000)
            dump.stdout.read()
        self.assertRegex(drawn.decode(), r"^\r\x1b\[K\d+ users")

    def test_a_screen_that_gets_the_lines_does_not_get_both(self):
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        with subprocess.Popen(self.command, stdout=terminal, stderr=terminal) as dump:
            os.close(terminal)
            shown = b""
            with contextlib.suppress(OSError):  # EIO: the other end is closed
                while part := os.read(screen, 65_536):
                    shown += part
        self.assertEqual(dump.returncode, 0)
        self.assertNotIn(b"\x1b", shown)


class ManPage(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc here")
    def test_it_is_clean_and_names_every_command(self):
        page = weir("man").stdout
        linted = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, capture_output=True, text=True)
        # No date: the page is of the binary that printed it.
        self.assertEqual([line for line in linted.stdout.splitlines() if "missing date" not in line], [])
        text = subprocess.run(["mandoc", "-T", "ascii"], input=page, capture_output=True, text=True).stdout
        plain = "".join(text[i] for i in range(len(text)) if text[i] != "\b" and (i + 1 == len(text) or text[i + 1] != "\b"))
        for command in ("run", "demo", "init", "check", "explain-config", "replay", "features", "tap", "explain", "dead-letters list", "dead-letters replay", "test",
                        "top", "state get", "state dump", "completion"):
            self.assertIn(f"weir {command}", plain)
        self.assertIn("78", plain)


if __name__ == "__main__":
    unittest.main()
