"""The two operators of the network in plain torch, and the loader of their C++ form.

Plain torch is differentiable and within 1e-5 of the C++ operators, but not bit-equal to them: the
library's matrix products change bits with batch size and CPU. Training uses this form; everything
that is shipped or asserted bit for bit uses `torch.ops.weir.*`.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

GAP_BUCKETS = 24


class OperatorsMissing(Exception):
    """The C++ operators are not built, or not where we looked; the message says what to do."""


def linear(x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
    """weir::linear. x [..., K], weight [K, N] (input-major), bias [N] -> [..., N]."""
    out = x.matmul(weight) + bias
    return out.relu() if relu else out


def attend(
    query: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor, slope: Tensor, gap_table: Tensor
) -> Tensor:
    """weir::attend. query [B, H*R + H], rows [B, W, R], log_gap and mask [B, W], slope [H],
    gap_table [24, H] -> [B, H*R + H]: H weighted sums of rows, then H weighted mean log gaps.

    The last H values of a query are the logits of "nothing in the past matters", whose value is
    zero.
    """
    heads = slope.size(0)
    width = rows.size(2)
    q = query[:, : heads * width].view(-1, heads, width)
    null_logit = query[:, heads * width :].unsqueeze(2)
    bucket = (log_gap * 2.0).long().clamp(0, GAP_BUCKETS - 1)
    bias = functional.embedding(bucket, gap_table) - log_gap.unsqueeze(2) * slope  # [B, W, H]
    logits = q.matmul(rows.transpose(1, 2)) / math.sqrt(width) + bias.transpose(1, 2)  # [B, H, W]
    logits = logits.masked_fill(mask.unsqueeze(1) == 0, -math.inf)
    weights = torch.cat([logits, null_logit], 2).softmax(2)[:, :, :-1]
    sums = weights.matmul(rows)  # [B, H, R]
    gaps = weights.matmul(log_gap.unsqueeze(2)).squeeze(2)  # [B, H]
    return torch.cat([sums.flatten(1), gaps], 1)


def load_operators(library: Path) -> None:
    """Makes torch.ops.weir.linear and torch.ops.weir.attend available in this process."""
    if not library.is_file():
        raise OperatorsMissing(
            f"no operator library at {library}: build the target weir_torch_ops, or pass --ops PATH"
        )
    try:
        torch.ops.load_library(str(library.resolve()))
    except OSError as error:
        raise OperatorsMissing(f"cannot load {library}: {error}") from error
