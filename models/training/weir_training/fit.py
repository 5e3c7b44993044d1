"""Fits the network. One thread and seeded throughout: the same data, seed and machine give the same
weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from weir_training.examples import Examples
from weir_training.network import AttendNetwork, Shape, as_tensors, plain_network
from weir_training.progress import Progress

_SCORE_BATCH = 512


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
    gradient_norm_max: float = 1.0  # one odd batch must not throw the weights away


def fit(examples: Examples, index: np.ndarray, settings: FitSettings) -> AttendNetwork:
    """Trains on the payments at `index`, all of which have a label."""
    torch.use_deterministic_algorithms(True)
    network = plain_network(Shape(features=len(examples.features)), settings.seed)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * -(-len(index) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        settings.learning_rate,
        total_steps=max(steps, 2),
        pct_start=0.1,
        cycle_momentum=False,
    )
    shuffle = np.random.default_rng(settings.seed)
    loss_seen = float("nan")
    with Progress("train", steps) as progress:
        for step in range(steps):
            place = step % (steps // settings.epochs)
            if place == 0:
                order = shuffle.permutation(index)
            chosen = order[place * settings.batch : (place + 1) * settings.batch]
            loss = _step(network, optimizer, examples, chosen, settings)
            schedule.step()
            loss_seen = loss if step == 0 else 0.98 * loss_seen + 0.02 * loss
            progress.at(step + 1, f"loss {loss_seen:.4f}")
    return network


def _step(
    network: AttendNetwork,
    optimizer: torch.optim.Optimizer,
    examples: Examples,
    chosen: np.ndarray,
    settings: FitSettings,
) -> float:
    """One gradient step; returns the loss before it."""
    label = torch.from_numpy(examples.labels(chosen))
    logit = network(*as_tensors(examples.batch(chosen))).squeeze(1)
    loss = _weighted_loss(logit, label, settings.genuine_weight)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm_max)
    optimizer.step()
    _keep_slopes_positive(network)
    return loss.item()


def _weighted_loss(logit: Tensor, label: Tensor, genuine_weight: float) -> Tensor:
    weight = genuine_weight + (1.0 - genuine_weight) * label
    return functional.binary_cross_entropy_with_logits(logit, label, weight)


def _keep_slopes_positive(network: AttendNetwork) -> None:
    """The operator takes slopes as they are and promises that more distant never counts more by
    them.
    """
    with torch.no_grad():
        for hop in network.hops:
            hop.attend.slope.clamp_(min=0.0)


def score(network: nn.Module, examples: Examples, index: np.ndarray, title: str) -> np.ndarray:
    """float32 [len(index), outputs]: logits, in the order of `index`."""
    parts = []
    with torch.inference_mode(), Progress(title, len(index)) as progress:
        for start in range(0, len(index), _SCORE_BATCH):
            chosen = index[start : start + _SCORE_BATCH]
            parts.append(network(*as_tensors(examples.batch(chosen))).numpy())
            progress.at(start + len(chosen))
    return np.concatenate(parts)
