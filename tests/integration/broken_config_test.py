"""What people get wrong in a configuration, as they meet it: `weir check` on a file, the lines it prints, the exit code.

Each case is a whole file but for the two keys without which nothing loads (REQUIRED), and every line of stderr: place to the column,
what is wrong, what to do. JSON and SARIF say the same.
"""
import json
import os
import subprocess
import unittest

from weir_testing.paths import WEIR, WORK

REQUIRED = b"kafka.brokers: localhost:9092\nstate.dir: /tmp/weir\n"
CONFIGURATION = 78
CASES = {
    "unknown_key": (b'kafka:\n  brokrs: a:1\n' + REQUIRED,
        ["2:3: unknown key 'brokrs'; did you mean 'brokers'?"]),
    "unknown_section": (b'comit:\n  interval: 5ms\n' + REQUIRED,
        ["1:1: unknown key 'comit'; did you mean 'commit'?"]),
    "unknown_dotted_key": (b'commit.intervall: 5ms\n' + REQUIRED,
        ["1:1: unknown key 'commit.intervall'; did you mean 'commit.interval'?"]),
    "key_of_another_section": (b'state:\n  records_max: 5\n' + REQUIRED,
        ["2:3: unknown key 'records_max'; did you mean 'commit.records_max'?"]),
    "missing_brokers": (b'state.dir: /tmp/weir\n',
        ["1:1: kafka.brokers is missing; add it: host:port, several separated by commas"]),
    "missing_state_dir": (b'kafka.brokers: localhost:9092\n',
        ["1:1: state.dir is missing; add it: path"]),
    "empty_file": (b'',
        ["1:1: kafka.brokers is missing; add it: host:port, several separated by commas",
         "1:1: state.dir is missing; add it: path"]),
    "only_a_comment": (b'# nothing here\n',
        ["1:1: kafka.brokers is missing; add it: host:port, several separated by commas",
         "1:1: state.dir is missing; add it: path"]),
    "top_is_a_list": (b'- kafka\n- state\n',
        ["1:1: the file holds a value, not keys; write 'key: value' lines"]),
    "top_is_a_word": (b'weir\n',
        ["1:1: the file holds a value, not keys; write 'key: value' lines"]),
    "duplicate_key": (b'commit:\n  interval: 5ms\n  interval: 6ms\n' + REQUIRED,
        ["3:3: duplicate key 'interval', first at 2:3; keep one of them"]),
    "duplicate_section": (b'commit:\n  interval: 5ms\ncommit:\n  settle: 1ms\n' + REQUIRED,
        ["3:1: duplicate key 'commit', first at 1:1; keep one of them"]),
    "nested_and_dotted": (b'commit:\n  interval: 5ms\ncommit.interval: 6ms\n' + REQUIRED,
        ["3:1: commit.interval is given twice, first at 2:3; keep one of them"]),
    "country_no": (b'kafka.group_id: no\n' + REQUIRED,
        ["1:17: kafka.group_id: unquoted no is a boolean, not text; write \"no\" in quotes if the word is meant"]),
    "country_no_in_filter": (b'features:\n  - {name: f, entity: user, function: count, window: 1d, filter: no}\n' + REQUIRED,
        ["2:66: features.0.filter: unquoted no is ambiguous; write false, or \"no\" in quotes if the word is meant"]),
    "yes_for_a_switch": (b'topics.create: yes\n' + REQUIRED,
        ["1:16: topics.create: 'yes' is not true or false; write true"]),
    "switch_in_quotes": (b'topics.create: "true"\n' + REQUIRED,
        ["1:16: topics.create: \"true\" in quotes is text, not true or false; remove the quotes"]),
    "octal": (b'workers: 010\n' + REQUIRED,
        ["1:10: workers: '010' starts with 0, which some read as octal; write 10"]),
    "hexadecimal": (b'workers: 0x10\n' + REQUIRED,
        ["1:10: workers: '0x10' is not a whole number; write digits only"]),
    "number_with_underscore": (b'commit.records_max: 10_000\n' + REQUIRED,
        ["1:21: commit.records_max: '10_000' is not a whole number; write digits only"]),
    "sexagesimal": (b'workers: 1:30\n' + REQUIRED,
        ["1:10: workers: '1:30' is not a whole number; write digits only"]),
    "formats_without_a_registry": (REQUIRED + b'formats.transactions: avro\n',
        ["3:23: registered formats need a schema registry, and registry.urls names none; set registry.urls"]),
    "console_of_other_verdicts": (b'console.listen: 127.0.0.1:9470\nformats.verdicts: avro\nregistry.urls: [http://localhost:8081]\n' + REQUIRED,
        ["1:17: the console reads verdicts as JSON, and formats.verdicts is another format; set formats.verdicts: json, or leave "
         "console.listen out"]),
    "exponent_for_a_count": (b'workers: 1e1\n' + REQUIRED,
        ["1:10: workers: '1e1' is not a whole number; write digits only"]),
    "negative_count": (b'workers: -1\n' + REQUIRED,
        ["1:10: workers: '-1' is not a whole number; write digits only"]),
    "count_too_large": (b'workers: 65\n' + REQUIRED,
        ["1:10: workers: 65 is out of range; use 1 to 64"]),
    "fraction_for_a_count": (b'workers: 1.5\n' + REQUIRED,
        ["1:10: workers: '1.5' is not a whole number; write digits only"]),
    "number_for_text": (b'kafka.group_id: 42\n' + REQUIRED,
        ["1:17: kafka.group_id: 42 is a number, not text; put it in quotes: \"42\""]),
    "nan": (b'decide.prior: .nan\n' + REQUIRED,
        ["1:15: decide.prior: '.nan' is not a number; write it like 0.25 or 15"]),
    "infinite": (b'decide.costs.review: .inf\n' + REQUIRED,
        ["1:22: decide.costs.review: '.inf' is not a number; write it like 0.25 or 15"]),
    "share_above_one": (b'decide.costs.fraud_loss_share: 1.5\n' + REQUIRED,
        ["1:32: decide.costs.fraud_loss_share: 1.5 is out of range; use 0 to 1"]),
    "tab": (b'commit:\n\tinterval: 5ms\n' + REQUIRED,
        ["2:10: not YAML: illegal map value; indent with spaces, not with tabs"]),
    "tab_after_value_indent": (b'kafka:\n  properties:\n  \tclient.id: weir\n' + REQUIRED,
        ["3:13: not YAML: illegal map value; indent with spaces, not with tabs"]),
    "bom_utf16": (b'\xff\xfek\x00a\x00f\x00k\x00a\x00.\x00b\x00r\x00o\x00k\x00e\x00r\x00s\x00:\x00 \x00a\x00:\x001\x00\n\x00',
        ["1:1: the file is not UTF-8 text; save it as UTF-8"]),
    "not_utf8": (b'kafka.group_id: caf\xe9\n' + REQUIRED,
        ["1:20: the file is not UTF-8 text; save it as UTF-8"]),
    "null_byte": (b'kafka.group_id: a\x00b\n' + REQUIRED,
        ["1:18: the file is not UTF-8 text; save it as UTF-8"]),
    "anchor": (b'commit: &c\n  interval: 5ms\n' + REQUIRED,
        ["1:9: anchors (&name) are not supported; write the value where it is used"]),
    "alias": (b'commit.interval: &i 5ms\ncommit.settle: *i\n' + REQUIRED,
        ["1:18: anchors (&name) are not supported; write the value where it is used",
         "2:16: aliases (*name) are not supported; write the value out"]),
    "merge_key": (b'commit:\n  <<: {interval: 5ms}\n' + REQUIRED,
        ["2:3: unknown key '<<'; known in commit: interval, settle, records_max"]),
    "tag": (b'workers: !!int "3"\n' + REQUIRED,
        ["1:10: tags (!name) are not supported; remove the tag; quote a value to make it text"]),
    "two_documents": (b'workers: 1\n---\nworkers: 2\n' + REQUIRED,
        ["1:1: kafka.brokers is missing; add it: host:port, several separated by commas",
         "1:1: state.dir is missing; add it: path",
         "2:1: a second document starts; keep one in the file: remove the '---'"]),
    "unclosed_quote": (b'kafka.group_id: "weir\n' + REQUIRED,
        ["1:1: kafka.brokers is missing; add it: host:port, several separated by commas",
         "1:1: state.dir is missing; add it: path",
         "1:17: the quote that starts here is never closed; add the closing quote",
         "1:17: kafka.group_id: 'weir kafka.brokers: localhost:9092 state.dir: /tmp/weir ' does not fit; use 1 to "
         "64 letters, digits, '.', '_' or '-'"]),
    "unclosed_bracket": (b'model.allow: [a, b\n' + REQUIRED,
        ["1:15: model.allow: 'a' does not fit; use sha256: and 64 hex digits",
         "1:18: model.allow: 'b kafka.brokers' does not fit; use sha256: and 64 hex digits",
         "2:14: not YAML: end of sequence flow not found; check indentation, colons and quotes here and on the "
         "line above"]),
    "no_unit": (b'commit.interval: 10\n' + REQUIRED,
        ["1:18: commit.interval: '10' has no unit; write 10ms (units: ms, s, m, h or d)"]),
    "unknown_unit": (b'commit.interval: 10sec\n' + REQUIRED,
        ["1:18: commit.interval: unknown unit 'sec'; write 10s"]),
    "space_before_unit": (b'commit.interval: 10 ms\n' + REQUIRED,
        ["1:18: commit.interval: '10 ms' has a space before its unit; remove the space"]),
    "fraction_of_a_unit": (b'commit.interval: 1.5s\n' + REQUIRED,
        ["1:18: commit.interval: '1.5s' is not a whole number; use a whole number of a smaller unit"]),
    "decimal_size": (b'state.hot_bytes: 64MB\n' + REQUIRED,
        ["1:18: state.hot_bytes: unknown unit 'MB'; write 64MiB"]),
    "size_too_small": (b'state.hot_bytes: 1KiB\n' + REQUIRED,
        ["1:18: state.hot_bytes: 1KiB is out of range; use 1MiB to 1024GiB"]),
    "duration_too_long": (b'commit.interval: 1h\n' + REQUIRED,
        ["1:18: commit.interval: 1h is out of range; use 1ms to 10s"]),
    "wrong_choice": (b'delivery: exactly-once\n' + REQUIRED,
        ["1:11: delivery: 'exactly-once' is not one of exactly_once, at_least_once; did you mean 'exactly_once'?"]),
    "null_value": (b'instance.id:\n' + REQUIRED,
        ["1:1: instance.id has no value; write one, or remove the line"]),
    "list_for_a_word": (b'instance.id: [a]\n' + REQUIRED,
        ["1:14: instance.id is one value, not a list; write 1 to 64 letters, digits, '.', '_' or '-'"]),
    "section_for_a_word": (b'instance.id: {a: b}\n' + REQUIRED,
        ["1:1: instance.id is a value, not a section; write 1 to 64 letters, digits, '.', '_' or '-'"]),
    "word_for_a_section": (b'commit: fast\n' + REQUIRED,
        ["1:9: commit is a section, not a value; put keys below it: interval, settle, records_max"]),
    "broker_without_port": (b'kafka.brokers: localhost\nstate.dir: /tmp/weir\n',
        ["1:16: kafka.brokers: 'localhost' does not fit; use host:port, several separated by commas"]),
    "owned_property": (b'kafka.properties.enable.auto.commit: "true"\n' + REQUIRED,
        ["1:1: kafka.properties.enable.auto.commit cannot be set: Weir commits offsets together with results; "
         "remove it"]),
    "unset_variable": (b'kafka.group_id: ${WEIR_TEST_UNSET}\n' + REQUIRED,
        ["1:17: kafka.group_id: environment variable WEIR_TEST_UNSET is not set; set it, or give a default: "
         "${WEIR_TEST_UNSET:value}"]),
    "unclosed_variable": (b'kafka.group_id: ${WEIR\n' + REQUIRED,
        ["1:17: kafka.group_id: '${' is never closed; add the '}', or write $${ for the characters themselves"]),
    "secret_file_away": (b'kafka.properties.sasl.password_file: /no/such/file\n' + REQUIRED,
        ["1:38: kafka.properties.sasl.password_file: cannot read /no/such/file: No such file or directory; check "
         "the path and its permissions"]),
    "topic_with_a_slash": (b'topics.verdicts: a/b\n' + REQUIRED,
        ["1:18: topics.verdicts: 'a/b' does not fit; use 1 to 249 letters, digits, '.', '_' or '-'"]),
    "one_topic_twice": (b'topics.verdicts: same\ntopics.features: same\n' + REQUIRED,
        ["2:18: topics.verdicts and topics.features are both 'same'; give each topic a name of its own"]),
    "digest_too_short": (b'model.allow: ["sha256:12"]\n' + REQUIRED,
        ["1:15: model.allow: 'sha256:12' does not fit; use sha256: and 64 hex digits"]),
    "feature_without_a_window": (b'features:\n  - {name: f, entity: user, function: count}\n' + REQUIRED,
        ["2:6: feature 'f': count needs a window; add window: 1s to 90d"]),
    "feature_window_too_long": (b'features:\n  - {name: f, entity: user, function: count, window: 91d}\n' + REQUIRED,
        ["2:54: features.0.window: 91d is out of range; use 1s to 90d"]),
    "feature_of_an_unknown_field": (b'features:\n  - {name: f, entity: user, function: sum, field: amont, window: 1d}\n' + REQUIRED,
        ["2:51: features.0.field: 'amont' is not one of amount, ratio, fraud, labelled, user, merchant, device, "
         "ip, card, mcc, country, merchant_country, channel, currency, card_present, hour, weekend, night; did you "
         "mean 'amount'?"]),
    "sum_of_a_name": (b'features:\n  - {name: f, entity: user, function: sum, field: channel, window: 1d}\n' + REQUIRED,
        ["2:51: feature 'f': sum needs a field that is a number: amount, ratio, fraud or labelled"]),
    "two_features_of_one_name": (b'features:\n  - {name: f, entity: user, function: count, window: 1d}\n  - {name: f, entity: user, function: count, window: 2d}\n' + REQUIRED,
        ["3:12: feature 'f' is declared twice, first at 2:12; give each a name of its own"]),
    "filter_that_does_not_read": (b'features:\n  - {name: f, entity: user, function: count, window: 1d, filter: amount > and}\n' + REQUIRED,
        ["2:66: feature 'f': filter, character 10: 'and' does not fit; write an amount such as 100 or 99.95, at "
         "most 4 places"]),
    "listen_without_port": (b'admin.listen: 0.0.0.0\n' + REQUIRED,
        ["1:15: admin.listen: '0.0.0.0' does not fit; use address:port, such as 127.0.0.1:9464"]),
    "console_where_the_probes_are": (b'admin.listen: 127.0.0.1:9464\nconsole.listen: 127.0.0.1:9464\n' + REQUIRED,
        ["2:17: console.listen and admin.listen are both 127.0.0.1:9464; give each a port of its own"]),
}


class BrokenConfig(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = WORK / "broken-config"
        cls.folder.mkdir(parents=True, exist_ok=True)

    def check(self, text: bytes, *more: str) -> subprocess.CompletedProcess:
        (self.folder / "weir.yaml").write_bytes(text)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_TEST")}
        return subprocess.run([WEIR, "check", "--offline", "--config", "weir.yaml", *more],
                              cwd=self.folder, env=environment, capture_output=True)

    def test_every_finding_has_its_place_and_a_remedy(self):
        self.assertGreaterEqual(len(CASES), 50)
        for name, (text, lines) in CASES.items():
            with self.subTest(name):
                done = self.check(text)
                self.assertEqual(done.stderr.decode().splitlines(), [f"weir.yaml:{line}" for line in lines])
                self.assertEqual((done.returncode, done.stdout), (CONFIGURATION, b""))

    def test_programs_get_the_same_findings(self):
        for name in list(CASES)[::8]:
            text, lines = CASES[name]
            with self.subTest(name):
                done = self.check(text, "--format", "json")
                self.assertEqual((done.returncode, done.stderr), (CONFIGURATION, b""))
                said = json.loads(done.stdout)
                self.assertFalse(said["ok"])
                self.assertEqual([f"{f['line']}:{f['column']}: " + "; ".join(filter(None, (f["what"], f["remedy"])))
                                  for f in said["findings"]], lines)

    def test_code_hosts_get_them_with_their_places(self):
        text, lines = CASES["two_documents"]
        run, = json.loads(self.check(text, "--format", "sarif").stdout)["runs"]
        self.assertEqual(run["tool"]["driver"]["name"], "weir")
        places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
        self.assertEqual({place["artifactLocation"]["uri"] for place in places}, {"weir.yaml"})
        self.assertEqual([f"{place['region']['startLine']}:{place['region']['startColumn']}: {result['message']['text']}"
                          for place, result in zip(places, run["results"])], lines)

    def test_what_is_right_is_said_to_be(self):
        done = self.check(REQUIRED, "--format", "json")
        told = json.loads(done.stdout)
        self.assertEqual((done.returncode, told["ok"], told["findings"]), (0, True, []))
        self.assertEqual(told["runs"]["input"], {"brokers": "localhost:9092", "topic": "transactions"})

    def test_a_model_that_is_not_there_is_a_finding_too(self):
        done = self.check(b"model.package: no/such/folder\n" + REQUIRED, "--format", "json")
        self.assertEqual(done.returncode, CONFIGURATION)
        finding, = json.loads(done.stdout)["findings"]
        self.assertIn("no/such/folder", finding["what"])
        self.assertIn("set model.package to a folder", finding["remedy"])


if __name__ == "__main__":
    unittest.main()
