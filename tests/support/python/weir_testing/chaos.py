"""Faults while a job runs: kills, rebalances, a broker that dies. All from one seed."""
import random
import sys
import time
from dataclasses import dataclass

from .job import Job
from .sample import Feeder
from .waiting import eventually
from .worker import Worker


@dataclass
class Tally:
    kills: int = 0
    kills_before_ready: int = 0
    rebalances: int = 0
    broker_restarts: int = 0

    def __str__(self) -> str:
        return (f"{self.kills} kill -9 ({self.kills_before_ready} of them while starting), {self.rebalances} rebalances, "
                f"{self.broker_restarts} broker restarts")


class Chaos:
    """Does harm to the workers of a job while `feeder` publishes; the caller judges what comes out.

    With `faults`, the number there will be, each fault lets the next part of the stream flow: they spread over all of it,
    however slow the machine is.
    """

    def __init__(self, job: Job, seed: int, feeder: Feeder | None = None, faults: int = 0):
        self.job, self.random, self.tally = job, random.Random(seed), Tally()
        self._feeder, self._faults, self._done = feeder, faults, 0
        self._next_fault()

    def kill_and_restart(self, worker: Worker, times: int) -> None:
        """kill -9 at a random moment: mostly while it works, sometimes while it starts or restores."""
        for _ in range(times):
            if self.random.random() < 0.25:
                pause(self.random.uniform(0.0, 0.8))
                if not worker.is_ready():
                    self.tally.kills_before_ready += 1
            else:
                worker.wait_ready()
                pause(self.random.uniform(0.0, 0.6))
            worker.kill()
            self.tally.kills += 1
            self._next_fault()
            worker.start()
        worker.wait_ready()

    def rebalance(self, first: Worker, second: Worker, third: Worker) -> None:
        """Five changes of ownership with two and three instances: join, join, leave, death, join. `first` runs."""
        second.start()
        self._settled("second joins", first, second)
        third.start()
        self._settled("third joins", first, second, third)
        second.stop()
        self._settled("second leaves", first, third)
        third.kill()  # a static member: its partitions wait for it until the session ends
        self.tally.kills += 1
        self._settled("third is given up", first)
        second.start()
        self._settled("second comes back", first, second)

    def restart_broker(self, broker_id: int = 1) -> None:
        """kill -9, a while without it, and back."""
        self.job.broker.kill(broker_id)
        pause(self.random.uniform(0.2, 1.5))
        self.job.broker.restart(broker_id)
        self.tally.broker_restarts += 1
        self._next_fault()

    def _next_fault(self) -> None:
        self._done += 1
        if self._feeder and self._faults:
            self._feeder.allow(min(self._done / (self._faults + 1), 1))

    def _settled(self, what: str, *workers: Worker) -> None:
        def settled() -> bool:
            for worker in workers:
                assert worker.alive, f"{worker.name} ended with {worker.exit_code}:\n{worker.log_tail()}"
            return self.job.is_whole(list(workers))

        started = time.monotonic()
        eventually(settled, 60, what, every=0.1)
        self.tally.rebalances += 1
        self._next_fault()
        print(f"  {what}: settled after {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def pause(seconds: float) -> None:
    """A random moment is what is wanted here, not a condition."""
    time.sleep(seconds)
