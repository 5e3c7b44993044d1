"""SIGTERM drains, commits and leaves in a bounded time; a second signal leaves at once; neither loses anything."""
import signal
import time

from weir_testing import oracle, sample
from weir_testing.case import BrokerCase, main
from weir_testing.waiting import eventually

DRAIN_SECONDS = 15  # a worker's own bound, with room for a busy machine
AT_ONCE_SECONDS = 3


class Shutdown(BrokerCase):
    def test_sigterm_under_load_commits_and_leaves_in_time(self):
        lines = sample.transactions()
        job = self.job().create_input_topics()
        job.publish(lines[:20_000])
        worker = job.worker("a").start_ready()
        eventually(lambda: job.committed() > 0, 30, "work has begun", every=0.01)
        started = time.monotonic()
        self.assertEqual(worker.stop(DRAIN_SECONDS), 0, worker.log_tail())
        print(f"  left after {time.monotonic() - started:.2f} s")

        # What it said is committed is committed, and nothing is left open.
        committed = job.committed()
        self.assertEqual(len(job.read("verdicts")), committed)
        self.assertEqual(len(job.read("verdicts", "read_uncommitted")), committed)

        job.worker("a").start_ready()
        job.publish(lines[20_000:22_000])
        job.wait_drained()
        oracle.check_exactly_once(oracle.replay(job, lines[:22_000]), job.read("verdicts"))

    def test_partitions_move_to_the_rest_of_the_group_at_once(self):
        """A planned leave must not wait for a session to end (45 s)."""
        job = self.job().create_input_topics()
        leaving = job.worker("a").start_ready()
        staying = job.worker("b").start()
        eventually(lambda: staying.is_ready() and staying.metric("weir_assigned_partitions") == 2, 60, "shared evenly")
        started = time.monotonic()
        self.assertEqual(leaving.stop(), 0, leaving.log_tail())
        eventually(lambda: staying.metric("weir_assigned_partitions") == 4, 20, "the rest takes over")
        print(f"  taken over {time.monotonic() - started:.2f} s after SIGTERM")

    def test_second_signal_leaves_at_once_even_while_the_broker_hangs(self):
        lines = sample.transactions()[:5_000]
        job = self.job().create_input_topics()
        worker = job.worker("a").start_ready()
        job.publish(lines)
        eventually(lambda: job.committed() > 0, 30, "work has begun", every=0.01)
        with self.broker.paused():
            worker.signal(signal.SIGTERM)
            time.sleep(0.3)  # the first one must have been taken before the second is sent
            worker.signal(signal.SIGTERM)
            self.assertNotEqual(worker.wait_exit(AT_ONCE_SECONDS), 0, "it cannot have drained")
        job.worker("a").start_ready()
        eventually(job.is_drained, 60, "drained by the next instance", every=0.2)
        oracle.check_exactly_once(oracle.replay(job, lines), job.read("verdicts"))


if __name__ == "__main__":
    main()
