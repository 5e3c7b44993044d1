"""The compose file, by the schema of compose files and by what it refers to. It is not started: there is no engine here."""
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

from weir_testing.paths import CONFIG, DEPLOY, ROOT, WEIR, promtool

FOLDER = DEPLOY / "compose"
FILE = FOLDER / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]


class Compose(unittest.TestCase):
    def test_it_is_a_compose_file(self):
        def judge(file):
            return subprocess.run([ROOT / ".venv/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", file], capture_output=True, text=True)
        done = judge(FILE)
        self.assertEqual(done.returncode, 0, done.stdout)
        print("not started: that takes a container engine", file=sys.stderr)

    def test_images_are_of_one_version(self):
        for name, service in SERVICES.items():
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$", name)

    def test_every_mounted_file_is_there_and_every_volume_is_declared(self):
        for service in SERVICES.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((FOLDER / source).exists(), source)
                else:
                    self.assertIn(source, COMPOSE["volumes"])

    def test_nothing_listens_beyond_this_machine(self):
        for service in SERVICES.values():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_weir_s_command_is_one_that_it_takes(self):
        command = SERVICES["weir"]["command"]
        words = [word.replace("/opt/weir/", f"{ROOT}/") for word in command[1:]]
        done = subprocess.run([WEIR, "explain-config", *words], capture_output=True, text=True, env=SERVICES["weir"]["environment"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('kafka.brokers: "kafka:9093"', done.stdout)
        self.assertTrue(yaml.safe_load(CONFIG.read_text())["topics"]["create"])
        self.assertIn("INSIDE://kafka:9093", SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])

    def test_it_may_as_little_as_in_the_chart(self):
        weir = SERVICES["weir"]
        self.assertEqual((weir["read_only"], weir["cap_drop"], weir["security_opt"]), (True, ["ALL"], ["no-new-privileges:true"]))
        self.assertGreater(int(weir["stop_grace_period"].removesuffix("s")), 10)  # shutdown.timeout of the configuration

    def test_prometheus_takes_its_file_with_our_rules(self):
        # Where they lie in the container, side by side.
        with tempfile.TemporaryDirectory() as folder:
            for volume in SERVICES["prometheus"]["volumes"]:
                source, target = volume.split(":")[:2]
                if source.startswith("."):
                    shutil.copy(FOLDER / source, f"{folder}/{target.rsplit('/', 1)[1]}")
            done = subprocess.run([promtool(), "check", "config", f"{folder}/compose.yml"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
        self.assertEqual(scraped, ["weir:" + re.search(r"admin\.listen=\S+:(\d+)", " ".join(SERVICES["weir"]["command"]))[1]])

    def test_grafana_finds_dashboards_and_their_source(self):
        provider = yaml.safe_load((FOLDER / "grafana-dashboards.yaml").read_text())["providers"][0]
        mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
        self.assertEqual(mounted["../grafana"], provider["options"]["path"])
        [source] = yaml.safe_load((FOLDER / "grafana-sources.yaml").read_text())["datasources"]
        self.assertEqual((source["type"], source["url"]), ("prometheus", "http://prometheus:9090"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
