"""The network of models/README.md: two attention hops over the user's raw rows.

One forward for both lives. `Plain` is trained: its leaves are plain torch. `Served` is exported:
its leaves call the C++ operators. They have the same parameters under the same names, so one loads
the other's state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Type

import torch
from torch import Tensor, nn

from weir_training import operators


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    features: int  # F
    width: int = 64  # d, of the token
    row_width: int = 32  # R, of an encoded row; a multiple of 16
    attention_heads: int = 4  # H
    inner: int = 128  # of each hop's second step
    hops: int = 2
    outputs: int = 1  # one logit per head of the package


class _LinearParameters(nn.Module):
    """weight [K, N] is input-major: the operator then reads N consecutive weights per input."""

    def __init__(self, inputs: int, outputs: int, relu: bool = False) -> None:
        super().__init__()
        bound = math.sqrt((6.0 if relu else 3.0) / inputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.relu = relu


class PlainLinear(_LinearParameters):
    def forward(self, x: Tensor) -> Tensor:
        return operators.linear(x, self.weight, self.bias, self.relu)


class ServedLinear(_LinearParameters):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.weir.linear(x, self.weight, self.bias, self.relu)


class _AttendParameters(nn.Module):
    """How the past fades, per head: a slope on the log gap and a free correction per half e-fold.

    `slope` must stay >= 0; fit.py projects it after each step. Heads start from "all the past
    alike" to "the last hour", so that they need not find different reaches by chance.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.linspace(0.0, 1.0, heads))
        self.gap_table = nn.Parameter(torch.zeros(operators.GAP_BUCKETS, heads))


class PlainAttend(_AttendParameters):
    def forward(self, query: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor) -> Tensor:
        return operators.attend(query, rows, log_gap, mask, self.slope, self.gap_table)


class ServedAttend(_AttendParameters):
    def forward(self, query: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor) -> Tensor:
        return torch.ops.weir.attend(query, rows, log_gap, mask, self.slope, self.gap_table)


class Hop(nn.Module):
    """The token asks the past one question per head and takes in the answers."""

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        asked = shape.attention_heads * (shape.row_width + 1)  # H queries of R, then H null logits
        self.ask = linear(shape.width, asked)
        self.attend = attend(shape.attention_heads)
        self.take_in = linear(asked, shape.width)
        self.widen = linear(shape.width, shape.inner, relu=True)
        self.narrow = linear(shape.inner, shape.width)

    def forward(self, x: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor) -> Tensor:
        x = x + self.take_in(self.attend(self.ask(x), rows, log_gap, mask))
        return x + self.narrow(self.widen(x))


class AttendNetwork(nn.Module):
    """forward: the contract's six inputs -> logits [B, outputs]. No sigmoid: that is the engine's,
    per row.

    The merchant inputs are part of the signature of every package; this network has none (K = 0)
    and does not look at them.
    """

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        self.token_in = linear(shape.features, shape.width, relu=True)
        self.token_out = linear(shape.width, shape.width)
        self.encode_row = linear(shape.features, shape.row_width, relu=True)
        self.hops = nn.ModuleList(Hop(shape, linear, attend) for _ in range(shape.hops))
        self.head = linear(shape.width, shape.outputs)

    def forward(
        self,
        current: Tensor,
        history: Tensor,
        log_gap: Tensor,
        mask: Tensor,
        merchant: Tensor,
        merchant_mask: Tensor,
    ) -> Tensor:
        x = self.token_out(self.token_in(current))
        rows = self.encode_row(history)
        for hop in self.hops:
            x = hop(x, rows, log_gap, mask)
        return self.head(x)


def plain_network(shape: Shape, seed: int) -> AttendNetwork:
    """A fresh network to train; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return AttendNetwork(shape, PlainLinear, PlainAttend)


def served_network(shape: Shape, trained: AttendNetwork) -> AttendNetwork:
    """The same function through the C++ operators, without gradients. They must be loaded to call
    it.
    """
    served = AttendNetwork(shape, ServedLinear, ServedAttend)
    served.load_state_dict(trained.state_dict())
    return served.requires_grad_(False).eval()


def as_tensors(batch: object) -> tuple[Tensor, ...]:
    """A Batch as the network's six inputs."""
    current, history, log_gap, mask = (
        torch.from_numpy(getattr(batch, name)) for name in ("current", "history", "log_gap", "mask")
    )
    size = current.size(0)
    if batch.merchant is None:
        return current, history, log_gap, mask, torch.zeros(size, 0, 0), torch.zeros(size, 0)
    merchant = torch.from_numpy(batch.merchant), torch.from_numpy(batch.merchant_mask)
    return current, history, log_gap, mask, *merchant
