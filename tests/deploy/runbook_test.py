"""The runbook: a section for each alert and no other; its commands exist, and what it quotes is what Weir says."""
import re
import subprocess
import unittest
from functools import cache

from rules_test import alerts
from weir_testing.paths import DEPLOY, ROOT, WEIR

TEXT = (DEPLOY / "runbook.md").read_text()
SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
# In code: between backticks, or indented.
CODE = re.findall(r"`([^`]+)`", TEXT) + re.findall(r"^    (.+)$", TEXT, re.MULTILINE)


def of_alerts() -> dict[str, str]:
    return {name: body for name, _, body in (section.partition("\n") for section in SECTIONS) if re.fullmatch(r"Weir\w+", name)}


@cache
def help_of(*command: str) -> str:
    return subprocess.run([WEIR, *command, "--help"], capture_output=True, text=True, check=True).stdout


class Runbook(unittest.TestCase):
    def test_every_alert_has_its_section_and_every_section_its_alert(self):
        self.assertEqual(list(of_alerts()), list(dict.fromkeys(of_alerts())))
        self.assertEqual(of_alerts().keys(), alerts().keys())

    def test_sections_say_who_feels_it_what_to_do_and_whom_to_wake(self):
        for name, body in of_alerts().items():
            with self.subTest(name):
                for part in ("**Users**:", "**See**:", "**Wake**:"):
                    self.assertIn(part, body)
                self.assertRegex(body, r"(?m)^(1\. |\| |- )")
                if alerts()[name]["labels"]["severity"] != "page":
                    self.assertNotRegex(body, r"\*\*Wake\*\*: (the|Kafka's|whoever)[^.;]*at once\.")

    def test_links_lead_to_sections(self):
        anchors = {re.sub(r"[^\w -]", "", section.split("\n")[0]).lower().replace(" ", "-") for section in SECTIONS}
        self.assertEqual(set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) - anchors, set())

    def test_commands_of_weir_exist_with_their_options(self):
        if not WEIR.exists():
            raise FileNotFoundError(f"{WEIR} is not built: run `make`")
        of_weir = re.compile(r"\bweir ((?:check|explain-config|state|tap|run|replay|demo)\b[^|;`]*)")
        commands = [command for code in CODE for command in of_weir.findall(code.replace("\n", " "))]
        self.assertGreater(len(commands), 15)
        for command in commands:
            with self.subTest(command):
                words = command.split()
                name = words[:2] if words[0] == "state" else words[:1]
                help_text = help_of(*name)
                for option in (word for word in words if re.match(r"-", word)):
                    self.assertRegex(help_text, rf"(?<![\w-]){re.escape(option)}(?![\w-])")

    def test_what_is_quoted_of_the_log_is_said_by_the_source(self):
        source = "".join(file.read_text() for file in (ROOT / "pipeline").rglob("*.cc")) + "".join(
            file.read_text() for file in (ROOT / "state").glob("*.cc"))
        said = re.sub(r'"\s*"', "", source)  # literals in pieces
        quoted = ("transaction given up", "the local store is refused", "restore waits", "tried again in",
                  "until then profiles grow stale", "another process runs with this instance.id",
                  "the outcome of a transaction is unknown", "transactions in a row were given up", "the local store was rebuilt",
                  "the committed offset is no longer in the log", "its dead letters cannot be written",
                  "but the changelog has no commit record", "the changelog's last commit record says", "it stands at changelog position",
                  "joining the group", "restoring state", "a partition is stopped, see the log")
        for phrase in quoted:
            with self.subTest(phrase):
                self.assertIn(phrase, TEXT)
                self.assertIn(phrase, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
