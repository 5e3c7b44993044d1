"""Weir against a real broker on this machine: the end-to-end figures of the README.

    .venv/bin/python tests/bench/live_bench.py [--quick] [--only NAME]

Prints one line a figure and, at the end, all of them as JSON. Rates are per core of CPU the job itself used (user + system of
its process), so that the broker and the load beside it on the same machine do not count; the load of others is printed with
each row. Payments: seeded, 100,000 users, about 200 bytes of JSON, event times one second apart per thousand payments.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support" / "python"))

from confluent_kafka import Producer  # noqa: E402

from weir_testing.broker import Broker  # noqa: E402
from weir_testing.job import PARTITIONS, Job  # noqa: E402
from weir_testing.paths import WEIR, WORK  # noqa: E402

USERS = 100_000
SEED = 20261122
START_S = 1_700_000_000
PROBE = WEIR.parent / "tests/bench/delay_probe"
BROKER_HEAP_MB = 1400  # with the 384 of the tests a collection of tens of milliseconds comes every second
TICK = os.sysconf("SC_CLK_TCK")


def payment(rng: random.Random, index: int, users: int = USERS) -> tuple[bytes, bytes]:
    """Key and value of the index-th payment."""
    user = f"U{rng.randrange(users):07d}"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_S + index // 1000))
    value = (f'{{"transaction_id":"T{index:010d}","user_id":"{user}","event_time":"{when}","amount":{rng.randrange(100, 90000) / 100},'
             f'"currency":"EUR","merchant_id":"M{rng.randrange(10000):05d}","country":"FR","merchant_country":"DE",'
             f'"channel":"web","mcc":"5411"}}')
    return user.encode(), value.encode()


def publish(job: Job, count: int, users: int = USERS) -> None:
    producer = Producer({"bootstrap.servers": job.broker.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
                         "queue.buffering.max.messages": 500_000})
    rng = random.Random(SEED)
    for index in range(count):
        key, value = payment(rng, index, users)
        producer.produce(job.topic["transactions"], value=value, key=key)
        if index % 1000 == 0:
            producer.poll(0)
    producer.flush()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine_busy() -> float:
    """Core seconds all processes used so far."""
    fields = [int(f) for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


class Bench:
    def __init__(self, broker: Broker, quick: bool):
        self.broker, self.quick = broker, quick
        self.figures: dict[str, dict] = {}
        self._number = 0

    def job(self, **settings) -> Job:
        self._number += 1
        name = f"bench{self._number}-{os.getpid()}"
        work = WORK / name
        work.mkdir(parents=True, exist_ok=True)
        delivery = settings.pop("delivery", "exactly_once")
        entities = settings.pop("entities", False)
        settings.setdefault("log.level", "warn")
        return Job(self.broker, name, work, delivery=delivery, settings=settings, entities=entities).create_input_topics()

    def report(self, name: str, **values) -> None:
        self.figures[name] = values
        print(f"{name:34} " + "  ".join(f"{k} {v:,.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items()),
              flush=True)

    # -- figures

    def throughput(self, name: str, delivery: str, model: bool, windows: bool = False, entities: bool = False) -> None:
        """Drains a backlog; the first third warms up. `windows`: with the features over users of configs/handbook.yaml;
        `entities`: with those over merchants, and the stage that makes them in the same process."""
        count = 120_000 if self.quick else (400_000 if model else 800_000)
        settings = {} if model else {"model.package": ""}
        if not windows:
            settings["features"] = []
        job = self.job(delivery=delivery, entities=entities, **settings)
        publish(job, count)
        worker = job.worker().start()
        pid = worker_pid(worker)
        done = lambda: job.committed()  # noqa: E731
        while done() < count // 3:
            time.sleep(0.02)
        first, cpu, wall, busy = done(), cpu_seconds(pid), time.monotonic(), machine_busy()
        while done() < count:
            time.sleep(0.02)
        cpu, wall, busy = cpu_seconds(pid) - cpu, time.monotonic() - wall, machine_busy() - busy
        verdicts = count - first
        steps = step_microseconds(worker, count)
        self.report(name, per_core=verdicts / cpu, per_second=verdicts / wall, job_cores=cpu / wall, other_cores=(busy - cpu) / wall,
                    resident_mb=resident_mb(pid), users=USERS)
        self.report(f"{name}: us per step", **steps)
        worker.stop()
        job.close()

    def delay(self, name: str, delivery: str, rate: int = 1000, entities: bool = False) -> None:
        """From a client's publish call to its read_committed reader having the verdict; the client is delay_probe."""
        warm_up, seconds = (5, 10) if self.quick else (20, 60)
        job = self.job(delivery=delivery, entities=entities)
        worker = job.worker().start_ready()
        probe = subprocess.Popen([PROBE, self.broker.bootstrap, job.topic["transactions"], job.topic["verdicts"], str(PARTITIONS),
                                  str(rate), str(warm_up), str(seconds)], stdout=subprocess.PIPE, text=True)
        time.sleep(warm_up)
        pids = {"job": worker_pid(worker), "broker": self.broker.pid(), "client": probe.pid}
        start, wall = {who: cpu_seconds(pid) for who, pid in pids.items()}, time.monotonic()
        time.sleep(seconds - 1)
        cores = {who: cpu_seconds(pid) - start[who] for who, pid in pids.items()}
        wall = time.monotonic() - wall
        delays = json.loads(probe.communicate()[0])
        tenths = delays.pop("tenths_p50_ms")
        self.report(name, **delays, **{f"{who}_cores": used / wall for who, used in cores.items()})
        print(f"{'':34} p50 of each tenth: {tenths}")
        self.report(f"{name}: us per step", **step_microseconds(worker, rate * (warm_up + seconds)))
        if entities:
            self.report(f"{name}: profile staleness", **{f"p{q}_s": quantile(worker, "weir_profile_staleness_seconds", q / 100)
                                                         for q in (50, 99)})
        worker.stop()
        job.close()

    def start(self) -> None:
        """From starting the process to its first committed verdict; the same instance ran before."""
        job = self.job()
        worker = job.worker().start_ready()
        worker.stop()
        publish(job, 100)
        begin = time.monotonic()
        worker.start()
        while not worker_ended(worker) and job.committed() == 0:
            time.sleep(0.005)
        self.report("start to first verdict", seconds=time.monotonic() - begin)
        worker.stop()
        job.close()

    def restore(self) -> None:
        """A new instance without a local store, after the first was killed."""
        count = 100_000 if self.quick else 1_000_000
        job = self.job(**{"model.package": ""})
        worker = job.worker("full").start_ready()
        publish(job, count)
        while job.committed() < count:
            time.sleep(0.1)
        worker.kill()
        fresh = job.worker("fresh")  # another instance: no local store; takes over when the session of the first has ended
        fresh.start_ready(180)
        self.report("restore from the changelog alone", records=fresh.metric("weir_restore_records_total"),
                    seconds=fresh.metric("weir_restore_duration_seconds"), resident_mb=resident_mb(worker_pid(fresh)))
        fresh.stop()
        job.close()


def quantile(worker, histogram: str, q: float) -> float:
    """Linear inside a bucket, as Prometheus does it."""
    buckets = sorted((float(le), count) for le, count in worker.buckets(histogram).items())
    wanted, below, start = q * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > below:
            return start + (bound - start) * (wanted - below) / (count - below) if bound != float("inf") else start
        below, start = count, bound
    return start


def worker_pid(worker) -> int:
    return worker._process.pid


def worker_ended(worker) -> bool:
    return not worker.alive


def step_microseconds(worker, count: int) -> dict[str, float]:
    steps = ("consume", "decode", "validate", "dedupe", "history", "windows", "score", "decide", "emit", "produce", "commit")
    return {step: worker.metric("weir_step_duration_seconds_sum", step=step) / count * 1e6 for step in steps}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="a tenth of the load, for a first look")
    arguments.add_argument("--only", default="", help="only figures whose name holds this")
    options = arguments.parse_args()
    broker = Broker.start(WORK / "bench-broker", heap_mb=BROKER_HEAP_MB)
    bench = Bench(broker, options.quick)
    plan = [
        ("throughput exactly_once model", lambda n: bench.throughput(n, "exactly_once", True)),
        ("throughput exactly_once no model", lambda n: bench.throughput(n, "exactly_once", False)),
        ("throughput at_least_once model", lambda n: bench.throughput(n, "at_least_once", True)),
        ("throughput at_least_once no model", lambda n: bench.throughput(n, "at_least_once", False)),
        ("throughput exactly_once model windows", lambda n: bench.throughput(n, "exactly_once", True, windows=True)),
        ("throughput exactly_once model entities", lambda n: bench.throughput(n, "exactly_once", True, windows=True, entities=True)),
        ("delay exactly_once 1000/s", lambda n: bench.delay(n, "exactly_once")),
        ("delay exactly_once 1000/s entities", lambda n: bench.delay(n, "exactly_once", entities=True)),
        ("delay at_least_once 1000/s", lambda n: bench.delay(n, "at_least_once")),
        ("start to first verdict", lambda _: bench.start()),
        ("restore", lambda _: bench.restore()),
    ]
    for name, run in plan:
        if options.only in name:
            run(name)
    print(json.dumps(bench.figures, indent=1))


if __name__ == "__main__":
    main()
