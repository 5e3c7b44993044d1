#!/usr/bin/env python3
"""Faults for as long as you like: payments flow in rounds, each with kills, rebalances and a broker that dies; every round
is compared with an undisturbed replay before the next begins. Ends with 1 at the first difference and keeps everything.

    make faults ARGS="--kills 200 --delivery exactly_once --brokers 3 --seed 7"
"""
import argparse
import random
import shutil
import sys
import time

from weir_testing import oracle, sample
from weir_testing.broker import Broker
from weir_testing.chaos import Chaos
from weir_testing.job import Job
from weir_testing.paths import WEIR, WORK

KILLS_PER_ROUND = 25
SESSION = {"kafka.properties.session.timeout.ms": "6000", "kafka.properties.heartbeat.interval.ms": "500"}


def run_round(broker: Broker, number: int, seed: int, kills: int, arguments: argparse.Namespace) -> int:
    """One pass over the sample on topics of its own. Returns the number of repeated verdicts (at_least_once)."""
    folder = WORK / "faults" / f"round-{number}"
    folder.mkdir(parents=True)
    job = Job(broker, f"faults-{number}", folder, delivery=arguments.delivery, replication=arguments.brokers,
              settings=SESSION).create_input_topics()
    try:
        workers = [job.worker(name) for name in "abc"]
        workers[0].start()
        feeder = job.feeder(sample.transactions(), arguments.payments_per_second, seed)
        chaos = Chaos(job, seed, feeder, kills + 6)  # five rebalances and a broker
        chaos.kill_and_restart(workers[0], kills)
        chaos.rebalance(*workers)
        chaos.restart_broker(random.Random(seed).randrange(arguments.brokers) + 1)
        feeder.finish()
        job.wait_drained(180)
        for worker in workers[:2]:
            if worker.stop() != 0:
                raise AssertionError(f"{worker.name} ended with {worker.exit_code}:\n{worker.log_tail()}")

        expected = oracle.replay(job, sample.transactions())
        repeats = check(arguments.delivery, expected, job.read("verdicts"))
        fresh = job.worker("fresh").start_ready()
        fresh.stop()
        oracle.check_state(expected, fresh.config)
    finally:
        job.close()
    print(f"round {number}, seed {seed}: {chaos.tally}; {len(expected.verdicts)} verdicts, 0 lost, 0 wrong, "
          f"{repeats} repeats", flush=True)
    return repeats


def check(delivery: str, expected: oracle.Expected, verdicts: list) -> int:
    if delivery == "at_least_once":
        return oracle.check_at_least_once(expected, verdicts)
    oracle.check_exactly_once(expected, verdicts)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="kill -9 of a worker in all (default 100)")
    parser.add_argument("--delivery", choices=("exactly_once", "at_least_once"), default="exactly_once")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--payments-per-second", type=float, default=1_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    if not WEIR.exists():
        print(f"{WEIR} is not built: run `make`", file=sys.stderr)
        return 69
    shutil.rmtree(WORK / "faults", ignore_errors=True)
    print(f"seed {arguments.seed}", flush=True)
    seeds, started, number, left = random.Random(arguments.seed), time.monotonic(), 0, arguments.kills
    broker = Broker.start(WORK / "faults" / "broker", brokers=arguments.brokers)
    try:
        while left > 0:
            number += 1
            run_round(broker, number, seeds.randrange(1 << 31), min(left, KILLS_PER_ROUND), arguments)
            left -= KILLS_PER_ROUND
    except AssertionError as difference:
        print(f"FAILED in round {number}: {difference}\nfiles: {WORK / 'faults'}", file=sys.stderr)
        return 1
    finally:
        broker.stop()
    print(f"{arguments.kills} kills in {number} rounds, {time.monotonic() - started:.0f} s: nothing lost, doubled or wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
