"""`weir test` from outside: cases in YAML, their reports, and the schema that editors read. No broker."""
import json
import re
import shutil
import subprocess
import unittest
from xml.etree import ElementTree

import jsonschema
import yaml

from weir_testing.paths import ROOT, WEIR, WORK

DATA = 65


def weir(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([WEIR, *map(str, arguments)], capture_output=True, text=True)


class Cases(unittest.TestCase):
    """`weir test`: the shipped cases pass, and a wrong expectation says where and what."""

    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "command-line-cases"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        (cls.folder / "plain.yaml").write_text("kafka.brokers: a:1\nstate.dir: unused\n")

    def cases(self, text: str, *arguments) -> subprocess.CompletedProcess:
        file = self.folder / "cases.yaml"
        file.write_text("config: plain.yaml\n" + text)
        return weir("test", file, *arguments)

    def test_the_shipped_cases_pass(self):
        done = weir("test", ROOT / "configs/handbook.tests.yaml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^[6-9] cases, 0 failed$")

    WRONG = """cases:
  - name: no <model> decides
    events:
      - payment: {user: U1, amount: 12.50}
        expect: {action: decline, degraded: [no_model]}
    state: {U1: history_rows == 2}
"""

    def test_a_wrong_expectation_is_shown_with_place_expected_and_got(self):
        done = self.cases(self.WRONG)
        self.assertEqual(done.returncode, DATA, done.stderr)
        self.assertIn("cases.yaml:6:26: action\n  expected decline\n  got      approve\n", done.stdout)
        self.assertRegex(done.stdout, r"cases.yaml:7:\d+: state of U1\n  expected history_rows == 2\n  got ")
        self.assertIn("1 cases, 1 failed", done.stdout)
        line = json.loads(self.cases(self.WRONG, "--json").stdout)
        self.assertEqual((line["passed"], [f["what"] for f in line["failures"]]), (False, ["action", "state of U1"]))
        suite = ElementTree.fromstring(self.cases(self.WRONG, "--format", "junit").stdout).find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("1", "1"))
        self.assertEqual(suite.find("testcase").get("name"), "no <model> decides")

    def test_a_broken_file_says_where(self):
        for text, said in (("cases: [{name: a, evnts: []}]", "cases.yaml:2:19: unknown key 'evnts'; did you mean 'events'?"),
                           ("cases: [{name: a, events: [{advance: 5}]}]", "cases.yaml:2:38: "),
                           ("cases: [{name: a, events: [{payment: {}, label: {}}]}]", "one of payment, label, record, advance"),
                           ("cases: []", "no cases")):
            with self.subTest(text):
                done = self.cases(text)
                self.assertEqual(done.returncode, DATA)
                self.assertIn(said, done.stderr)


class YamlOfEditors(yaml.SafeLoader):
    """YAML 1.2 has no timestamps: 2018-06-11T10:00:00Z is text."""
    yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
                               for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


class CaseSchema(unittest.TestCase):
    """`weir test --schema`, for editors: it and the reader say the same of a file."""

    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(weir("test", "--schema").stdout)
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)
        cls.folder = WORK / "command-line-case-schema"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        (cls.folder / "plain.yaml").write_text("kafka.brokers: a:1\nstate.dir: unused\n")

    def errors(self, text: str) -> list[str]:
        return [error.message for error in self.validator.iter_errors(yaml.load(text, YamlOfEditors))]

    def read(self, text: str) -> subprocess.CompletedProcess:
        file = self.folder / "cases.yaml"
        file.write_text(text)
        return weir("test", file, "--config", self.folder / "plain.yaml")

    def test_files_that_run_fit(self):
        self.assertEqual(self.errors((ROOT / "configs/handbook.tests.yaml").read_text()), [])
        shown = weir("test", "--help").stdout
        shown = shown[shown.index("  config: "):shown.index("Events are")]
        for text in (shown, "cases: [{name: a, events: [{payment: {id: 42, amout: many}}, {label: {of: 42, fraud: false}, every: 1d}]}]",
                     "cases: [{name: a, events: [{record: {key: U1, value: 5}, expect: {dead_letter: decode, detail: 'not a JSON object'}}]}]",
                     "cases: [{name: a, events: [{payment: {}, expect: {p: null, model: null, reasons.0.code: short_history, degraded: [no_model]}}]}]"):
            with self.subTest(text[:60]):
                self.assertEqual(self.errors(text), [])
        self.assertNotIn("unknown", self.read(text).stderr)
        self.assertEqual(self.read("cases: [{name: a, events: [{payment: {id: 42}}, {label: {of: 42}}]}]").returncode, 0)

    def test_mistakes_do_not_and_the_reader_refuses_them_too(self):
        one = "{name: a, events: [%s]}"
        cases = ["{name: a, events: []}", "{events: [{payment: {}}]}", "{name: a}", "{name: a, evnts: []}",
                 "{name: a, now: yesterday, events: [{payment: {}}]}", "{name: a, state: [U1], events: [{payment: {}}]}",
                 one % "{}", one % "{payment: {}, advance: 1d}", one % "{paymnt: {}}", one % "{payment: U1}", one % "{advance: 5}",
                 one % "{payment: {}, times: 0}", one % "{payment: {}, times: 10001}", one % "{payment: {}, every: day}",
                 one % "{record: {kye: U1}}", one % "{payment: {}, expect: approve}", one % "{payment: {}, expect: {acton: approve}}",
                 one % "{payment: {}, expect: {risk.fraud.q: 1}}", one % "{payment: {}, expect: {reasons.0.cod: x}}"]
        for case in cases:
            self.assertNotEqual(self.errors(f"cases: [{case}]"), [], case)
        for text in ("caes: []", "cases: []", "cases: {name: a}", "set: workers=2", "cases:\n" + "".join(f"- {case}\n" for case in cases)):
            with self.subTest(text[:60]):
                self.assertNotEqual(self.errors(text), [])
                done = self.read(text)
                self.assertEqual((done.returncode, done.stdout), (DATA, ""))
                for line in done.stderr.splitlines():
                    self.assertRegex(line, r"cases.yaml:\d+:\d+: .+; .+")
        self.assertEqual({int(line) for line in re.findall(r"cases.yaml:(\d+):", done.stderr)}, set(range(2, len(cases) + 2)))
        one = f"cases: [{one}]"
        for expectation in ("{reasons: [amount_hgh]}", "{dead_letter: rnge}", "{p: 2}", "{p: {form: 0}}", "{amount_minor: '5'}"):
            self.assertNotEqual(self.errors(one % f"{{payment: {{}}, expect: {expectation}}}"), [], expectation)

    def test_every_key_of_the_reader_is_there_and_says_what_it_is(self):
        defs = self.schema["$defs"]
        done = self.read("z-z-z: 1\ncases: [{z-z-z: 1, events: [{z-z-z: 1}, {record: {z-z-z: 1}}, {payment: {}, expect: {z-z-z: 1}}]}]")
        said = re.findall(r"unknown (?:key|field) 'z-z-z'; use one of (.*)", done.stderr)
        self.assertEqual(len(said), 5, done.stderr)
        for known, place in zip(said, (self.schema, defs["case"], defs["event"], defs["record"], defs["expect"])):
            names = known.split(", ")
            self.assertEqual(list(place["properties"])[:len(names)], names)
            self.assertIn(len(place["properties"]), [len(names)] if place is not defs["expect"] else range(30, 60))
            for name, key in place["properties"].items():
                self.assertGreater(len(key["description"]), 10, name)
        # Beside ours any field of a verdict may be expected.
        fields = [name for name in defs["expect"]["properties"] if name not in ("features", "where")]
        self.assertIn("runner_up.cost_gap", fields)
        done = self.read("cases: [{name: a, events: [{payment: {}, expect: {%s}}]}]" % ", ".join(f"{name}: null" for name in fields))
        self.assertEqual((done.returncode, done.stderr), (DATA, ""))


if __name__ == "__main__":
    unittest.main()
