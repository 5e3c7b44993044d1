"""Three brokers, replication 3, and one of them dies by kill -9 in the middle: the job goes on and nothing changes."""
from weir_testing import oracle, sample
from weir_testing.broker import Broker
from weir_testing.case import BrokerCase, main
from weir_testing.chaos import Chaos
from weir_testing.paths import WORK
from weir_testing.waiting import eventually

PAYMENTS = 10_000


class ThreeBrokers(BrokerCase):
    @classmethod
    def make_broker(cls) -> Broker:
        cluster = Broker.start(WORK / "three-brokers", brokers=3)
        cls.addClassCleanup(cluster.stop)
        return cluster

    def test_a_dead_broker_costs_no_verdict_and_adds_none(self):
        lines = sample.transactions()[:PAYMENTS]
        job = self.job(replication=3).create_input_topics()
        worker = job.worker("a").start_ready()
        feeder = job.feeder(lines, 700, self.seed)
        eventually(lambda: job.committed() > PAYMENTS // 10, 60, "a tenth of the way")

        victim = self.random.randrange(1, 4)
        self.broker.kill(victim)
        at_death = job.committed()
        eventually(lambda: job.committed() > at_death + 500, 90, "goes on with two brokers", every=0.2)
        self.broker.restart(victim)
        Chaos(job, self.seed).kill_and_restart(worker, 2)

        feeder.finish()
        job.wait_drained()
        self.assertEqual(worker.stop(), 0, worker.log_tail())
        expected = oracle.replay(job, lines)
        oracle.check_exactly_once(expected, job.read("verdicts"))
        oracle.check_state(expected, worker.config)


if __name__ == "__main__":
    main()
