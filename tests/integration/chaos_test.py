"""All 30,930 payments while 20 workers are killed, five rebalances happen and the broker restarts, in both delivery modes.

Method: a feeder publishes in slices of random size; every fault falls somewhere into that stream. At the end, verdicts and
state are compared with an undisturbed replay; the state is read from an instance that rebuilt it from the changelog alone.
"""
import sys

from weir_testing import oracle, sample
from weir_testing.case import BrokerCase, main
from weir_testing.chaos import Chaos

# A dead instance's partitions wait this long for it to come back.
SESSION = {"kafka.properties.session.timeout.ms": "6000", "kafka.properties.heartbeat.interval.ms": "500"}
KILLS, REBALANCES, BROKER_RESTARTS = 20, 5, 1
PAYMENTS_PER_SECOND = 1_000


class Chaotic:
    delivery: str

    def test_kills_rebalances_and_a_broker_restart(self):
        job = self.job(delivery=self.delivery, settings=SESSION).create_input_topics()
        first, second, third = (job.worker(name) for name in "abc")
        first.start()
        feeder = job.feeder(sample.transactions(), PAYMENTS_PER_SECOND, self.seed, sample.labels())
        chaos = Chaos(job, self.seed, feeder, KILLS + REBALANCES + BROKER_RESTARTS)

        chaos.kill_and_restart(first, KILLS)
        chaos.rebalance(first, second, third)
        chaos.restart_broker()
        feeder.finish()
        # A broker that dies takes answers with it. A static member whose join it was fences itself with the next try; a
        # transaction that waited longer than transaction.timeout.ms was ended by the broker, which fences its producer. Both
        # end a worker with 69, for a supervisor to start it again.
        job.wait_drained_and_whole(restarts=3)
        for worker in (first, second):
            self.assertEqual(worker.stop(), 0, worker.log_tail())
        print(f"  {chaos.tally}", file=sys.stderr)

        expected = oracle.replay(job, sample.transactions(), sample.labels())
        self.assertEqual(len(expected.verdicts), 30_930)
        self.check_verdicts(expected, job.read("verdicts"))

        compared = oracle.check_features(job, sample.transactions())
        print(f"  {compared} feature values equal those of weir features", file=sys.stderr)

        fresh = job.worker("fresh")
        fresh.start_ready()
        self.assertEqual(fresh.stop(), 0, fresh.log_tail())
        oracle.check_state(expected, fresh.config)


class ExactlyOnce(Chaotic, BrokerCase):
    delivery = "exactly_once"

    def check_verdicts(self, expected, verdicts):
        oracle.check_exactly_once(expected, verdicts)


class AtLeastOnce(Chaotic, BrokerCase):
    delivery = "at_least_once"

    def check_verdicts(self, expected, verdicts):
        repeats = oracle.check_at_least_once(expected, verdicts)
        print(f"  {repeats} repeats, all with the bytes of the first", file=sys.stderr)


if __name__ == "__main__":
    main()
