"""Fits a network, by a loss that the caller gives. Seeded throughout and resumable.

Alone it runs on one thread: the same data, seed and machine give the same weights, also when it was
killed in between and went on from its checkpoint. Several processes (world.py) take shares of each
batch; what comes out is then the same for the same number of processes.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from weir_training.examples import Examples
from weir_training.network import as_tensors
from weir_training.progress import Progress
from weir_training.world import ALONE, World

_SCORE_BATCH = 512
# Frauds are found where a merchant had one or where the amount is high: of the genuine payments
# there, none is spared. Of the others a share stands for all.
_HIGH_AMOUNT_QUANTILE = 0.95
_WARM_UP = 0.1


@dataclass(frozen=True)
class FitSettings:
    """Each with its effect; all of them go into the manifest."""

    seed: int = 7
    epochs: int = 4  # passes over the training period; cost is proportional
    batch: int = 512
    learning_rate: float = 2e-3  # highest rate; warms up over the first steps, then falls to zero
    # Of a genuine payment in the loss; a fraud weighs 1: frauds are few. Calibration undoes it.
    genuine_weight: float = 0.15
    # Keeps attention logits small. Without it queries grow until float32 rounding moves single
    # scores by more than 1e-5 (1.7e-5 on the handbook; 0.85e-5 with it, for .03 less AP).
    weight_decay: float = 0.3
    # Of plain genuine payments, drawn anew for each epoch; they weigh more in return.
    easy_share: float = 1.0
    average: float = 0.0  # decay per step of the average of weights that is kept; 0: the last ones
    gradient_norm_max: float = 1.0  # one odd batch must not throw the weights away


# Positions and weights of an epoch's payments, in the order in which they are learned from.
Draw = Callable[[np.random.Generator], "tuple[np.ndarray, np.ndarray]"]
# Outputs of the network, positions, weights -> the loss of the batch.
Loss = Callable[[Tensor, np.ndarray, Tensor], Tensor]


def fit(
    network: nn.Module,
    examples: Examples,
    draw: Draw,
    loss: Loss,
    settings: FitSettings,
    title: str = "train",
    checkpoint: Path | None = None,
    world: World = ALONE,
) -> nn.Module:
    """Trains the network in place. With `checkpoint`, each epoch's end is kept there, and a run
    that finds the file goes on from it.
    """
    torch.use_deterministic_algorithms(True)
    size = len(draw(np.random.default_rng([settings.seed, 0]))[0])
    per_epoch = max(size // settings.batch, 1)
    state = _State(network, settings, per_epoch * settings.epochs)
    first = state.restored(checkpoint)
    world.wait()  # all have read it before it may be written again
    with Progress(title, per_epoch * settings.epochs) as progress:
        for epoch in range(first, settings.epochs):
            # An epoch's draw depends on its number only, so that going on needs no other state.
            index, weight = draw(np.random.default_rng([settings.seed, epoch]))
            for place in range(per_epoch):
                batch = slice(place * settings.batch, (place + 1) * settings.batch)
                mine = slice(world.rank, None, world.size)
                state.step(examples, index[batch][mine], weight[batch][mine], loss, world)
                if world.leads:
                    done = epoch * per_epoch + place + 1
                    progress.at(done, f"loss {state.loss_seen:.4f}")
            if checkpoint and world.leads:
                state.keep(checkpoint, epoch + 1)
    state.finish()
    return network


class _State:
    """All that an interrupted fit needs to go on as if nothing had been."""

    def __init__(self, network: nn.Module, settings: FitSettings, steps: int) -> None:
        self.network = network
        self.loss_seen = float("nan")
        self._settings = settings
        named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        self._parameters = [p for _, p in named]
        # Clipped apart: a large gradient of the kinds must not shorten the steps of the others.
        of_kinds = [p for name, p in named if name.startswith("kinds.")]
        others = [p for name, p in named if not name.startswith("kinds.")]
        self._clipped = [group for group in (others, of_kinds) if group]
        self._average = [p.detach().clone() for p in self._parameters]
        self._steps_done = 0
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda done: _share_of_rate(done / steps)
        )

    def step(
        self, examples: Examples, index: np.ndarray, weight: np.ndarray, loss: Loss, world: World
    ) -> None:
        outputs = self.network(*as_tensors(examples.batch(index)))
        value = loss(outputs, index, torch.from_numpy(weight))
        self._optimizer.zero_grad(set_to_none=True)
        value.backward()
        world.average_gradients(self._parameters)
        for group in self._clipped:
            nn.utils.clip_grad_norm_(group, self._settings.gradient_norm_max)
        self._optimizer.step()
        self._schedule.step()
        _keep_slopes_positive(self.network)
        self._follow()
        now = value.item()
        is_first = self.loss_seen != self.loss_seen
        self.loss_seen = now if is_first else 0.98 * self.loss_seen + 0.02 * now

    def _follow(self) -> None:
        if not self._settings.average:
            return
        self._steps_done += 1
        # Early on the average follows quickly: the first weights are of no use to it.
        decay = min(self._settings.average, self._steps_done / (9 + self._steps_done))
        with torch.no_grad():
            torch._foreach_mul_(self._average, decay)
            torch._foreach_add_(self._average, self._parameters, alpha=1 - decay)

    def finish(self) -> None:
        """The network gets the averaged weights, if there are any."""
        if self._settings.average:
            with torch.no_grad():
                for parameter, average in zip(self._parameters, self._average):
                    parameter.copy_(average)

    def keep(self, path: Path, epochs_done: int) -> None:
        """Whole or not at all: a kill while writing leaves the one before."""
        draft = path.with_suffix(".new")
        torch.save(
            {
                "epochs_done": epochs_done,
                "network": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "average": self._average,
                "steps_done": self._steps_done,
                "loss_seen": self.loss_seen,
            },
            draft,
        )
        os.replace(draft, path)

    def restored(self, path: Path | None) -> int:
        """Epochs that are done already."""
        if path is None or not path.exists():
            return 0
        kept = torch.load(path)
        self.network.load_state_dict(kept["network"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self._schedule.load_state_dict(kept["schedule"])
        self._average = kept["average"]
        self._steps_done = kept["steps_done"]
        self.loss_seen = kept["loss_seen"]
        return kept["epochs_done"]


def _share_of_rate(share_done: float) -> float:
    """Of the highest learning rate: up over the first tenth of the steps, then down to zero, both
    as half a cosine.
    """
    if share_done < _WARM_UP:
        return 0.04 + 0.48 * (1 - math.cos(math.pi * share_done / _WARM_UP))
    left = (share_done - _WARM_UP) / (1 - _WARM_UP)
    return 0.5 * (1 + math.cos(math.pi * min(left, 1.0)))


def draw_labelled(examples: Examples, index: np.ndarray, settings: FitSettings) -> Draw:
    """Every informative payment of `index` and a share of the plain ones, shuffled."""
    label = examples.labels(index)
    weight = settings.genuine_weight + (1 - settings.genuine_weight) * label
    plain = np.zeros(len(index), bool)
    if settings.easy_share < 1:
        plain = (label == 0) & ~examples.is_notable(index, _HIGH_AMOUNT_QUANTILE)
    must, easy = np.flatnonzero(~plain), np.flatnonzero(plain)
    taken = int(len(easy) * settings.easy_share)

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        some = random.choice(easy, taken, replace=False) if taken < len(easy) else easy
        chosen = np.concatenate([must, some])
        weights = weight[chosen].copy()
        if taken:
            weights[len(must) :] *= len(easy) / taken
        order = random.permutation(len(chosen))
        return index[chosen[order]], weights[order].astype(np.float32)

    return draw


def draw_all(index: np.ndarray) -> Draw:
    """Every payment of `index`, shuffled, all alike."""

    def draw(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return random.permutation(index), np.ones(len(index), np.float32)

    return draw


def fraud_loss(examples: Examples) -> Loss:
    """Weighted cross entropy of the first output."""

    def loss(outputs: Tensor, index: np.ndarray, weight: Tensor) -> Tensor:
        label = torch.from_numpy(examples.labels(index))
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], label, weight)

    return loss


def next_loss(examples: Examples, until_ms: int, columns: slice) -> Loss:
    """Distance to the amount and gap of the same user's next payment, where that came before
    `until_ms`, in deviations; absolute beyond 1, so that one odd gap does not
    outweigh the rest.
    """
    after, is_known = examples.next_payment(until_ms)
    # Both on their own scale: amounts of one user vary less than gaps do.
    deviation = torch.from_numpy(after[is_known > 0].std(axis=0) + 1e-3)

    def loss(outputs: Tensor, index: np.ndarray, weight: Tensor) -> Tensor:
        target, known = torch.from_numpy(after[index]), torch.from_numpy(is_known[index])
        off = (outputs[:, columns] - target) / deviation
        error = functional.smooth_l1_loss(off, torch.zeros_like(off), reduction="none").sum(1)
        return (error * known).mean()

    return loss


def kind_loss(kind: np.ndarray, kinds: Sequence[int], columns: slice) -> Loss:
    """Cross entropy of a fraud's kind among `kinds`, codes in the order of `columns`. `kind` [N] of
    all payments: one that is not among them, as of a genuine payment, teaches nothing. A fraud
    counts as in fraud_loss: 1 of the batch.
    """
    place = {code: at for at, code in enumerate(kinds)}
    target = torch.tensor([place.get(int(code), -1) for code in kind])

    def loss(outputs: Tensor, index: np.ndarray, weight: Tensor) -> Tensor:
        logits, told = outputs[:, columns], target[index]
        return functional.cross_entropy(logits, told, ignore_index=-1, reduction="sum") / len(index)

    return loss


def sum_of(one: Loss, other: Loss, weight_of_other: float) -> Loss:
    """Several tasks at once."""
    return lambda outputs, index, weight: one(outputs, index, weight) + weight_of_other * other(
        outputs, index, weight
    )


def _keep_slopes_positive(network: nn.Module) -> None:
    """The operator takes slopes as they are and promises that more distant never counts more by
    them.
    """
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(".slope"):
                parameter.clamp_(min=0.0)


def score(network: nn.Module, examples: Examples, index: np.ndarray, title: str) -> np.ndarray:
    """float32 [len(index), outputs]: logits, in the order of `index`."""
    parts = []
    with torch.inference_mode(), Progress(title, len(index)) as progress:
        for start in range(0, len(index), _SCORE_BATCH):
            chosen = index[start : start + _SCORE_BATCH]
            parts.append(network(*as_tensors(examples.batch(chosen))).numpy())
            progress.at(start + len(chosen))
    return np.concatenate(parts)
