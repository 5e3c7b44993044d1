"""What operators and Prometheus see, and what nobody may see: card numbers and user ids outside the data topics."""
import re
import subprocess

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.paths import promtool
from weir_testing.waiting import eventually

CARD_NUMBER = "4539578763621486"  # passes the Luhn check; belongs to nobody
WANTED_METRICS = {
    "weir_events_consumed_total", "weir_verdicts_total", "weir_dead_letters_total", "weir_duplicates_total", "weir_late_total",
    "weir_consumer_lag_records", "weir_consumer_lag_seconds", "weir_step_duration_seconds_bucket",
    "weir_verdict_delay_seconds_bucket", "weir_commits_total", "weir_state_disk_bytes", "weir_hot_set_bytes",
    "weir_restore_records_total", "weir_restore_remaining_records", "weir_model_info", "weir_score_bucket",
    "weir_assigned_partitions", "weir_build_info"}


class Endpoints(BrokerCase):
    def test_metrics_readiness_and_privacy(self):
        job = self.job().create_input_topics()
        worker = job.worker("a", **{"metrics.interval": "1s"}).start()
        eventually(worker.is_live, 20, "live before it is ready", every=0.01)
        worker.wait_ready()
        lines = sample.transactions()[:2_000]
        job.publish(lines)
        with_card = lines[0].replace(b'"transaction_id":"680910"', f'"transaction_id":"{CARD_NUMBER}"'.encode())
        self.assertIn(CARD_NUMBER.encode(), with_card)
        job.publish((with_card,))
        job.wait_drained()
        eventually(lambda: worker.metric("weir_dead_letters_total", reason="pan") == 1, 10, "the card number is refused")

        text = worker.metrics_text()
        with self.subTest("promtool check metrics is clean"):
            checked = subprocess.run([promtool(), "check", "metrics"], input=text.encode(), capture_output=True)
            self.assertEqual((checked.returncode, checked.stderr.decode().strip()), (0, ""))
        with self.subTest("every promised metric is there"):
            names = set(re.findall(r"^(\w+)", text, re.MULTILINE))
            self.assertEqual(WANTED_METRICS - names, set())
        with self.subTest("the figures are right"):
            self.assertEqual(worker.metric("weir_events_consumed_total"), 2_001)
            self.assertEqual(worker.metric("weir_verdicts_total"), 2_000)
            # A gauge is renewed every half second.
            eventually(lambda: worker.metric("weir_consumer_lag_records") == 0, 5, "no lag")
            self.assertEqual(worker.metric("weir_assigned_partitions"), 4)
            self.assertGreater(worker.metric("weir_commits_total", outcome="committed"), 0)
        with self.subTest("the windowed metrics topic holds JSON without names either"):
            windows = eventually(lambda: job.read("metrics"), 30, "a window of metrics", every=0.5)
            self._is_private("metrics topic", b"\n".join(r.value for r in windows).decode(), lines)

        self.assertEqual(worker.stop(), 0, worker.log_tail())
        self._is_private("/metrics", text, lines)
        self._is_private("log", worker.log(), lines)
        for stream in ("dead_letters", "features", "verdicts"):
            records = self.broker.read(job.topic[stream])
            everything = b"\n".join(part for r in records for part in (r.key or b"", r.value or b"", *r.headers.values()))
            self.assertNotIn(CARD_NUMBER.encode(), everything, stream)

    def _is_private(self, where: str, text: str, lines: tuple[bytes, ...]) -> None:
        with self.subTest(f"no card number and no user in {where}"):
            self.assertNotIn(CARD_NUMBER, text)
            users = {sample.user_of(line).decode() for line in lines}
            named = [user for user in users if re.search(rf"\b{user}\b", text)]
            self.assertEqual(named, [])


if __name__ == "__main__":
    main()
