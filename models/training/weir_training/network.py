"""The network of models/README.md: hops of attention over the user's raw rows and the merchant's.

One forward for both lives. `Plain` is trained: its leaves are plain torch. `Served` is exported: its
leaves call the C++ operators. They have the same parameters under the same names, so one loads the
other's state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence, Type

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from weir_training import operators

if TYPE_CHECKING:
    from weir_training.examples import Batch
    from weir_training.experiment import SequenceSettings

CATEGORY_SIZES = {"mcc_slot": 256, "channel_slot": 32, "country_slot": 256, "merchant_slot": 1024}
_AMOUNT = "log_amount"
_MERCHANT_GAP = "log_known"  # of a merchant row: how long its label has been known
_HINGE_STEEPNESS = 4.0  # of the hinges at the start, per standard deviation


@dataclass(frozen=True)
class Shape:
    """Inputs by name, and sizes. What is in a manifest makes the same network again."""

    features: tuple[str, ...]  # of a row
    merchant_features: tuple[str, ...] = ()  # of a merchant's row; empty: it has none
    merchant_rows: int = 0  # K
    width: int = 64  # d, of the token
    row_width: int = 32  # R, of an encoded row; a multiple of 16
    merchant_row_width: int = 16  # and of a merchant's
    attention_heads: int = 4  # H, over the user's rows
    merchant_heads: int = 8  # and over the merchant's
    inner: int = 128  # of each hop's second step
    hops: int = 2
    # Bends of the token's view of the amount: a network of smooth layers sees "just above 220" only
    # when it is told where to look. They start at quantiles of the data and are learned.
    amount_hinges: int = 24
    flat_rows: int = 8  # of the merchant's newest rows, read in order; the others by attention only
    flat_width: int = 8  # of such a row
    category_width: int = 4  # of a learned vector for a category
    embedding: int = 8  # numbers that sum the user's behaviour up; 0: only the logit of fraud
    embedding_heads: int = 2  # over the user's rows, of either branch beside the hops
    kinds: tuple[str, ...] = ()  # of fraud, to be told apart; empty: not asked

    @staticmethod
    def of(
        settings: SequenceSettings,
        features: Sequence[str],
        merchant_features: Sequence[str],
        kinds: Sequence[str] = (),
    ) -> Shape:
        """As an experiment asks for it."""
        return Shape(
            features=tuple(features),
            merchant_features=tuple(merchant_features),
            merchant_rows=settings.merchant_rows,
            width=settings.width,
            row_width=settings.row_width,
            merchant_row_width=settings.merchant_row_width,
            attention_heads=settings.attention_heads,
            merchant_heads=settings.merchant_heads,
            inner=settings.inner,
            hops=settings.hops,
            amount_hinges=settings.amount_hinges if _AMOUNT in features else 0,
            flat_rows=min(settings.flat_rows, settings.merchant_rows),
            flat_width=settings.flat_width,
            category_width=settings.category_width,
            embedding=settings.embedding,
            kinds=tuple(kinds),
        )

    @property
    def quantities(self) -> list[int]:
        """Columns of a row that are numbers; the others name a category."""
        return [i for i, name in enumerate(self.features) if name not in CATEGORY_SIZES]

    @property
    def categories(self) -> list[int]:
        return [i for i, name in enumerate(self.features) if name in CATEGORY_SIZES]

    @property
    def amount_column(self) -> int:
        """Among the quantities; 0 where there is no amount, and then no hinge looks at it."""
        names = [self.features[i] for i in self.quantities]
        return names.index(_AMOUNT) if _AMOUNT in names else 0

    @property
    def row_inputs(self) -> int:
        return len(self.quantities) + len(self.categories) * self.category_width

    @property
    def outputs(self) -> list[str]:
        """Names of the columns of forward's result."""
        names = ["fraud"]
        if self.embedding:
            names += ["next_log_amount", "next_log_gap"]
            names += [f"embedding_{i}" for i in range(self.embedding)]
        return names + [f"kind_{kind}" for kind in self.kinds]


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


class Scale(nn.Module):
    """Inputs to mean 0 and deviation 1, by figures of the training data; not learned. Not folded into
    the layers behind: there large weights would cancel, and digits with them.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(inputs))
        self.register_buffer("factor", torch.ones(inputs))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.middle) * self.factor


class WideScale(nn.Module):
    """The same bits for a whole window [B, W, F] at once: over 8 or 9 columns LibTorch's loops cost more
    than their arithmetic. Of a batch of 32 payments with 16 and 32 rows it takes 0.7 us a payment off.
    """

    def __init__(self, scale: Scale, window: int) -> None:
        super().__init__()
        self.window = window
        self.register_buffer("middle", scale.middle)
        self.register_buffer("factor", scale.factor)
        self.register_buffer("window_middle", scale.middle.repeat(window))
        self.register_buffer("window_factor", scale.factor.repeat(window))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 3 and x.size(1) == self.window:
            return ((x.flatten(1) - self.window_middle) * self.window_factor).view(x.size())
        return (x - self.middle) * self.factor  # the payment itself, or another window


class Category(nn.Module):
    """A learned vector for each value of one column. Values outside are those at the edge."""

    def __init__(self, column: int, size: int, width: int) -> None:
        super().__init__()
        self.column = column
        self.size = size
        self.table = nn.Parameter(torch.zeros(size, width))  # nothing known of any of them yet

    def forward(self, rows: Tensor) -> Tensor:
        slots = rows.select(-1, self.column).long().clamp(0, self.size - 1)
        return functional.embedding(slots, self.table)


class Columns(nn.Module):
    """Columns of a row that stand side by side."""

    # Not two __constants__: torch writes those in the order of a set of strings, which differs from
    # process to process.
    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self.start = columns[0]
        self.length = len(columns)

    def forward(self, rows: Tensor) -> Tensor:
        return rows.narrow(-1, self.start, self.length)


class ReadRow(nn.Module):
    """A row as the network reads it: quantities to scale, categories as vectors."""

    __constants__ = ["has_categories"]

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.has_categories = bool(shape.categories)
        # By their places: the engine lets no model pick columns by a tensor of numbers, nor grow a list.
        self.quantities = nn.ModuleList(Columns(run) for run in _runs(shape.quantities))
        self.scale = Scale(len(shape.quantities))
        self.categories = nn.ModuleList(
            Category(column, CATEGORY_SIZES[shape.features[column]], shape.category_width)
            for column in shape.categories
        )

    def forward(self, rows: Tensor) -> Tensor:
        if not self.has_categories:
            return self.scale(rows)
        picked = rows.narrow(-1, 0, 0)
        for columns in self.quantities:
            picked = torch.cat([picked, columns(rows)], -1)
        read = self.scale(picked)
        for category in self.categories:
            read = torch.cat([read, category(rows)], -1)
        return read


def _runs(columns: Sequence[int]) -> list[list[int]]:
    """Neighbours together, in order."""
    runs: list[list[int]] = []
    for column in columns:
        if runs and column == runs[-1][-1] + 1:
            runs[-1].append(column)
        else:
            runs.append([column])
    return runs


class Hop(nn.Module):
    """The token asks the past one question per head and takes in the answers."""

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        # H queries of R, then H null logits: "nothing in the past matters".
        asked = shape.attention_heads * (shape.row_width + 1)
        self.ask = linear(shape.width, asked)
        self.attend = attend(shape.attention_heads)
        answered = asked
        self.ask_merchant = self.attend_merchant = None
        if shape.merchant_rows:
            asked = shape.merchant_heads * (shape.merchant_row_width + 1)
            self.ask_merchant = linear(shape.width, asked)
            self.attend_merchant = attend(shape.merchant_heads)
            answered += asked
        self.take_in = linear(answered, shape.width)
        self.widen = linear(shape.width, shape.inner, relu=True)
        self.narrow = linear(shape.inner, shape.width)

    def forward(
        self,
        x: Tensor,
        rows: Tensor,
        log_gap: Tensor,
        mask: Tensor,
        merchant_rows: Tensor,
        merchant_gap: Tensor,
        merchant_mask: Tensor,
    ) -> Tensor:
        answers = self.attend(self.ask(x), rows, log_gap, mask)
        if self.ask_merchant is not None and self.attend_merchant is not None:
            asked = self.ask_merchant(x)
            others = self.attend_merchant(asked, merchant_rows, merchant_gap, merchant_mask)
            answers = torch.cat([answers, others], 1)
        x = x + self.take_in(answers)
        return x + self.narrow(self.widen(x))


class ReadMerchant(nn.Module):
    """The merchant's newest rows in order, side by side: what a query that looks at rows one by one
    cannot see, such as how many frauds came since the last genuine payment.
    """

    def __init__(self, shape: Shape, linear: Type[nn.Module]) -> None:
        super().__init__()
        self.rows = shape.flat_rows
        self.row = linear(len(shape.merchant_features), shape.flat_width, relu=True)
        self.first = linear(shape.flat_rows * (shape.flat_width + 1), shape.width, relu=True)
        self.second = linear(shape.width, shape.width, relu=True)
        self.third = linear(shape.width, shape.width)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        there = mask.narrow(1, 0, self.rows).unsqueeze(2)
        near = self.row(rows.narrow(1, 0, self.rows).contiguous()) * there
        flat = torch.cat([near, there], 2).flatten(1)
        return self.third(self.second(self.first(flat)))


class Behaviour(nn.Module):
    """The user in a few numbers, learned by foreseeing amount and gap of the next payment. A branch of
    its own: asked of the fraud token itself, the next payment costs it .004 AUC.
    """

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        asked = shape.embedding_heads * (shape.row_width + 1)
        self.ask = linear(shape.width, asked)
        self.attend = attend(shape.embedding_heads)
        self.take_in = linear(asked + shape.width, 32, relu=True)
        self.embed = linear(32, shape.embedding)
        self.foresee = linear(shape.embedding, 32, relu=True)
        self.next = linear(32, 2)
        self.register_buffer("next_middle", torch.zeros(2))
        self.register_buffer("next_deviation", torch.ones(2))

    def forward(self, token: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor) -> Tensor:
        answers = self.attend(self.ask(token), rows, log_gap, mask)
        user = self.embed(self.take_in(torch.cat([token, answers], 1)))
        following = self.next(self.foresee(user)) * self.next_deviation + self.next_middle
        return torch.cat([following, user], 1)


class Kinds(nn.Module):
    """Of which kind a fraud would be: a logit for each, to be compared with each other only. A branch
    of its own that reads the payment and what the fraud token has found, and teaches that nothing:
    the fraud score is the same bits with it and without.
    """

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        asked = shape.embedding_heads * (shape.row_width + 1)
        self.ask = linear(shape.width, asked)
        self.attend = attend(shape.embedding_heads)
        payment = shape.row_inputs + shape.amount_hinges
        self.take_in = linear(asked + payment + shape.width, 32, relu=True)
        self.tell = linear(32, len(shape.kinds))

    def forward(
        self, payment: Tensor, found: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor
    ) -> Tensor:
        if not torch.jit.is_scripting():  # what is served learns nothing
            payment, found, rows = payment.detach(), found.detach(), rows.detach()
        answers = self.attend(self.ask(found), rows, log_gap, mask)
        return self.tell(self.take_in(torch.cat([payment, found, answers], 1)))


def bounded(logit: Tensor) -> Tensor:
    """Beyond 10 a tenth of the slope: order is kept, and a float32 logit keeps its precision. Amounts
    far above all seen gave logits of 63, where rounding alone is 2e-5.
    """
    inside = logit.clamp(-10.0, 10.0)
    return inside + (logit - inside) * 0.1


class AttendNetwork(nn.Module):
    """forward: the contract's six inputs -> [B, outputs], the first a logit. No sigmoid: that is the
    engine's, per row.

    The merchant inputs are part of the signature of every package; without merchant rows (K = 0)
    this network does not look at them.
    """

    def __init__(self, shape: Shape, linear: Type[nn.Module], attend: Type[nn.Module]) -> None:
        super().__init__()
        self.amount = shape.amount_column
        self.gap_column = 0
        inputs = shape.row_inputs
        self.read_row = ReadRow(shape)
        self.hinges = self.scale_merchant = self.read_merchant = None
        self.encode_merchant = self.behaviour = self.kinds = None
        if shape.amount_hinges:
            self.hinges = linear(1, shape.amount_hinges, relu=True)
        self.token_in = linear(inputs + shape.amount_hinges, shape.width, relu=True)
        self.token_out = linear(shape.width, shape.width)
        self.encode_row = linear(inputs, shape.row_width, relu=True)
        if shape.merchant_rows:
            self.gap_column = shape.merchant_features.index(_MERCHANT_GAP)
            self.scale_merchant = Scale(len(shape.merchant_features))
            self.read_merchant = ReadMerchant(shape, linear)
            columns = len(shape.merchant_features)
            self.encode_merchant = linear(columns, shape.merchant_row_width, relu=True)
        self.hops = nn.ModuleList(Hop(shape, linear, attend) for _ in range(shape.hops))
        self.head = linear(shape.width, 1)
        if shape.embedding:
            self.behaviour = Behaviour(shape, linear, attend)
        if shape.kinds:  # last, so that all else starts from the same weights as without
            self.kinds = Kinds(shape, linear, attend)

    def forward(
        self,
        current: Tensor,
        history: Tensor,
        log_gap: Tensor,
        mask: Tensor,
        merchant: Tensor,
        merchant_mask: Tensor,
    ) -> Tensor:
        token = self.read_row(current)
        if self.hinges is not None:
            amount = token.narrow(1, self.amount, 1)
            token = torch.cat([token, self.hinges(amount)], 1)
        first = self.token_out(self.token_in(token))
        x = first
        rows = self.encode_row(self.read_row(history))
        merchant_rows, merchant_gap = rows, log_gap  # not looked at without merchant rows
        if self.scale_merchant is not None:
            scaled = self.scale_merchant(merchant)
            x = x + self.read_merchant(scaled, merchant_mask)
            merchant_rows = self.encode_merchant(scaled)
            merchant_gap = merchant.select(2, self.gap_column).contiguous()
        for hop in self.hops:
            x = hop(x, rows, log_gap, mask, merchant_rows, merchant_gap, merchant_mask)
        outputs = bounded(self.head(x))
        if self.behaviour is not None:
            outputs = torch.cat([outputs, self.behaviour(first, rows, log_gap, mask)], 1)
        if self.kinds is not None:
            outputs = torch.cat([outputs, self.kinds(token, x, rows, log_gap, mask)], 1)
        return outputs


def plain_network(shape: Shape, seed: int) -> AttendNetwork:
    """A fresh network to train; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return AttendNetwork(shape, PlainLinear, PlainAttend)


def served_network(shape: Shape, trained: AttendNetwork, history_rows: int) -> AttendNetwork:
    """The same function through the C++ operators, without gradients. They must be loaded to call
    it. Any window will do; that of `history_rows` is the fastest.
    """
    served = AttendNetwork(shape, ServedLinear, ServedAttend)
    served.load_state_dict(trained.state_dict())
    served.read_row.scale = WideScale(served.read_row.scale, history_rows)
    if served.scale_merchant is not None:
        served.scale_merchant = WideScale(served.scale_merchant, shape.merchant_rows)
    return served.requires_grad_(False).eval()


def fit_scale(
    network: AttendNetwork,
    shape: Shape,
    current: np.ndarray,
    merchant: np.ndarray | None,
    following: np.ndarray | None = None,
) -> None:
    """Sets what a fresh network should know of the data: the scale of its inputs and of what it is to
    foresee, and hinges at quantiles of the amount. `current` [n, F], `merchant` [n, G] rows that are
    there, `following` [n, 2] next payments.
    """
    numbers = current[:, shape.quantities].astype(np.float64)
    _set_scale(network.read_row.scale, numbers)
    if merchant is not None and len(merchant):
        _set_scale(network.scale_merchant, merchant.astype(np.float64))
    with torch.no_grad():
        if following is not None and network.behaviour is not None:
            network.behaviour.next_middle.copy_(torch.from_numpy(following.mean(axis=0)))
            network.behaviour.next_deviation.copy_(torch.from_numpy(following.std(axis=0) + 1e-3))
        if network.hinges is not None:
            scale, column = network.read_row.scale, shape.amount_column
            knots = np.quantile(numbers[:, column], _hinge_places(shape.amount_hinges))
            knots = (knots - float(scale.middle[column])) * float(scale.factor[column])
            network.hinges.weight.fill_(_HINGE_STEEPNESS)
            network.hinges.bias.copy_(torch.from_numpy(-_HINGE_STEEPNESS * knots))


def _hinge_places(count: int) -> np.ndarray:
    """Quantiles: as many over the bulk as over the last tenth, where amounts are few and say most."""
    above = count // 2
    return np.r_[np.linspace(0.02, 0.9, count - above), 1 - np.geomspace(0.08, 0.0005, above)]


def _set_scale(scale: Scale, values: np.ndarray) -> None:
    """What lies within [-1, 1] stays as it is: a rare flag divided by its small deviation would
    outweigh everything else.
    """
    is_wide = np.abs(values).max(axis=0) > 1.0
    deviation = np.maximum(values.std(axis=0), 1e-3)
    with torch.no_grad():
        scale.middle.copy_(torch.from_numpy(np.where(is_wide, values.mean(axis=0), 0.0)))
        scale.factor.copy_(torch.from_numpy(np.where(is_wide, 1.0 / deviation, 1.0)))


def as_tensors(batch: Batch) -> tuple[Tensor, ...]:
    """A Batch as the network's six inputs."""
    current, history, log_gap, mask = (
        torch.from_numpy(getattr(batch, name)) for name in ("current", "history", "log_gap", "mask")
    )
    size = current.size(0)
    if batch.merchant is None:
        return current, history, log_gap, mask, torch.zeros(size, 0, 0), torch.zeros(size, 0)
    merchant = torch.from_numpy(batch.merchant), torch.from_numpy(batch.merchant_mask)
    return current, history, log_gap, mask, *merchant
