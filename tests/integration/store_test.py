"""The local store is a cache: lost, damaged, foreign or old, it is never trusted beyond what the changelog confirms.

Method: a job works off some payments and stops; something happens to its local store; it starts again on what is left and
works off the rest. Verdicts and state must be those of an undisturbed run.
"""
import random
import shutil
from pathlib import Path

from weir_testing import oracle, sample
from weir_testing.case import BrokerCase, main

FIRST, ALL = 6_000, 8_000


class Store(BrokerCase):
    def setUp(self):
        super().setUp()
        self.lines = sample.transactions()[:ALL]
        self.running = self.job(settings={"state.write_back_interval": "100ms"}).create_input_topics()
        self.store = self.running.state_dir("a")
        self.running.publish(self.lines[:FIRST])
        self.work_off()

    def work_off(self, how: str = "stop"):
        """Starts on the store as it is, drains, and ends. Returns records restored and stores rebuilt."""
        worker = self.running.worker("a").start_ready()
        self.running.wait_drained()
        figures = worker.metric("weir_restore_records_total"), worker.metric("weir_store_rebuilds_total")
        if how == "kill":
            worker.kill()
        else:
            self.assertEqual(worker.stop(), 0, worker.log_tail())
        return figures

    def check(self):
        expected = oracle.replay(self.running, self.lines)
        oracle.check_exactly_once(expected, self.running.read("verdicts"))
        oracle.check_state(expected, self.running.config("a"))

    def work_off_the_rest_and_check(self):
        self.running.publish(self.lines[FIRST:])
        figures = self.work_off()
        self.check()
        return figures

    def test_a_whole_store_reads_next_to_nothing_again(self):
        restored, rebuilt = self.work_off_the_rest_and_check()
        self.assertLess(restored, 200)
        self.assertEqual(rebuilt, 0)

    def test_a_lost_store_is_restored(self):
        shutil.rmtree(self.store)
        restored, _ = self.work_off_the_rest_and_check()
        self.assertGreater(restored, 100)

    def test_an_old_store_catches_up(self):
        old = self.work / "old"
        shutil.copytree(self.store, old)
        self.running.publish(self.lines[FIRST:])
        self.work_off("kill")
        shutil.rmtree(self.store)
        old.rename(self.store)
        restored, rebuilt = self.work_off()
        self.assertGreater(restored, 0)
        self.assertEqual(rebuilt, 0)
        self.check()

    def test_a_store_damaged_all_over_is_refused_and_rebuilt(self):
        for file in self.tables():
            flip(file, self.random, range(0, file.stat().st_size, 512))
        _, rebuilt = self.work_off_the_rest_and_check()
        self.assertEqual(rebuilt, 4, "each of the four partitions had a damaged store")

    def test_one_flipped_bit_in_the_users_is_noticed_when_they_are_read(self):
        for file in self.tables():
            flip(file, self.random, [self.random.randrange(file.stat().st_size // 2)])
        _, rebuilt = self.work_off_the_rest_and_check()
        self.assertGreater(rebuilt, 0)

    def test_a_store_of_another_job_is_refused_and_rebuilt(self):
        other = self.job("other").create_input_topics()
        other.publish(self.lines[:500])
        worker = other.worker("a", state="other").start_ready()
        other.wait_drained()
        self.assertEqual(worker.stop(), 0)
        shutil.rmtree(self.store)
        other.state_dir("other").rename(self.store)
        _, rebuilt = self.work_off_the_rest_and_check()
        self.assertEqual(rebuilt, 4)

    def tables(self) -> list[Path]:
        files = sorted(self.store.rglob("*.sst"))
        self.assertTrue(files, "a clean stop leaves the state in table files")
        return files


def flip(file: Path, source: random.Random, places) -> None:
    """One random bit at each place."""
    content = bytearray(file.read_bytes())
    for place in places:
        content[place] ^= 1 << source.randrange(8)
    file.write_bytes(content)


if __name__ == "__main__":
    main()
