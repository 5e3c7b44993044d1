"""Several processes that train one network, as torchrun starts them. Alone is the usual case.

Every process holds the whole network and takes its share of each batch; gradients are averaged
before each step, so all make the same step. Gloo, on CPUs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Iterable

import torch
from torch import distributed


@dataclass(frozen=True)
class World:
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Writes, talks, and does alone what is not shared."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """In place. The loss reaches the same parameters in every process."""
        if self.size == 1:
            return
        reached = [p for p in parameters if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in reached])
        distributed.all_reduce(flat)
        flat /= self.size
        for p, part in zip(reached, flat.split([p.numel() for p in reached])):
            p.grad.copy_(part.view_as(p))


ALONE = World()


def world_of_environment() -> World:
    """Joins the others when torchrun started this process. Waiting is for as long as steps take."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    distributed.init_process_group("gloo", timeout=timedelta(days=2))
    return World(distributed.get_rank(), size)
