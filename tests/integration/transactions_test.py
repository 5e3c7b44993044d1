"""What a dead or doubled instance leaves behind is never seen by a reader of committed data."""
from weir_testing import oracle, sample
from weir_testing.case import BrokerCase, main
from weir_testing.waiting import eventually

FENCED = {3, 69}  # "stop and recover from the log", "unavailable"


class Transactions(BrokerCase):
    def test_open_transaction_of_a_killed_worker_is_never_visible(self):
        """A long commit interval leaves the transaction open; the uncommitted reader shows that verdicts were written."""
        lines = sample.transactions()[:2_000]
        job = self.job().create_input_topics()
        slow = job.worker("a", **{"commit.interval": "10s"}).start_ready()
        job.publish(lines)
        eventually(lambda: sum(self.broker.ends(job.topic["verdicts"]).values()) >= 100, 30, "verdicts on their way")
        slow.kill()
        uncommitted = len(job.read("verdicts", "read_uncommitted"))
        self.assertGreater(uncommitted, 0)
        self.assertEqual(job.read("verdicts"), [])

        # The next instance of the same name aborts what was left open, then does the work again.
        job.worker("a").start_ready()
        job.wait_drained()
        expected = oracle.replay(job, lines)
        oracle.check_exactly_once(expected, job.read("verdicts"))
        self.assertEqual(len(job.read("verdicts", "read_uncommitted")), uncommitted + len(lines))

    def test_second_instance_of_one_name_ends_one_of_them_without_a_loss(self):
        lines = sample.transactions()[:6_000]
        job = self.job().create_input_topics()
        first = job.worker("twin", state="first").start_ready()
        first_config = first.config.rename(self.work / "twin-first.yaml")  # each has its own store and admin port
        first.config = first_config
        feeder = job.feeder(lines, 1_500, self.seed)
        eventually(lambda: job.committed() > 500, 30, "the first one works")
        second = job.worker("twin", state="second")
        second.log_path = self.work / "twin-second.log"
        second.start()

        eventually(lambda: not (first.alive and second.alive), 60, "one of the twins gives up")
        loser, winner = (first, second) if not first.alive else (second, first)
        self.assertIn(loser.exit_code, FENCED, loser.log_tail())
        winner.wait_ready()
        feeder.finish()
        eventually(job.is_drained, 60, "the other twin drains", every=0.2)
        self.assertEqual(winner.stop(), 0, winner.log_tail())
        oracle.check_exactly_once(oracle.replay(job, lines), job.read("verdicts"))


if __name__ == "__main__":
    main()
