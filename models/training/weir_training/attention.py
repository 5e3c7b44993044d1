"""Where the network looked: the weights of weir::attend, computed once more for one payment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from weir_training import operators
from weir_training.examples import Examples
from weir_training.network import as_tensors


def weights_of(
    query: Tensor, rows: Tensor, log_gap: Tensor, mask: Tensor, slope: Tensor, gap_table: Tensor
) -> Tensor:
    """[B, H, W] of the inputs of operators.attend; what is missing to 1 went to "nothing"."""
    heads, width = slope.size(0), rows.size(2)
    q = query[:, : heads * width].reshape(-1, heads, width)
    null_logit = query[:, heads * width :].unsqueeze(2)
    bucket = (log_gap * 2.0).long().clamp(0, operators.GAP_BUCKETS - 1)
    bias = functional.embedding(bucket, gap_table) - log_gap.unsqueeze(2) * slope
    logits = q.matmul(rows.transpose(1, 2)) / math.sqrt(width) + bias.transpose(1, 2)
    logits = logits.masked_fill(mask.unsqueeze(1) == 0, -math.inf)
    return torch.cat([logits, null_logit], 2).softmax(2)[:, :, :-1]


def recorded(network: nn.Module, inputs: tuple[Tensor, ...]) -> list[tuple[str, Tensor]]:
    """Name and weights [B, H, W] of every attention of the network, in the order of its reads."""
    seen: list[tuple[str, Tensor]] = []
    hooks = []
    for name, module in network.named_modules():
        if hasattr(module, "gap_table") and hasattr(module, "slope"):

            def keep(module: nn.Module, given: tuple, _: Any, name: str = name) -> None:
                seen.append((name, weights_of(*given[:4], module.slope, module.gap_table)))

            hooks.append(module.register_forward_hook(keep))
    try:
        with torch.inference_mode():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def story(
    network: nn.Module, examples: Examples, position: int, p: float, merchant_features: list[str]
) -> dict[str, Any]:
    """The section of the report: past rows with the weight that every head of every hop gave."""
    index = np.array([position])
    batch = examples.batch(index)
    rows = examples.payments.rows
    seen = recorded(network, as_tensors(batch))
    reads = []
    past = examples.past_of(position)
    texts = []
    for place in range(len(past)):
        at = int(past[place])
        texts.append(
            [
                _ago(int(rows.event_time_ms[position] - rows.event_time_ms[at])),
                f"{rows.amount_minor[at] / 10 ** int(rows.currency_exponent[at]):,.2f}",
                "yes" if rows.merchant[at] == rows.merchant[position] else "",
            ]
        )
    columns = ["before this payment", "amount", "same merchant"]
    of_history = [read for read in seen if not read[0].endswith("_merchant")]
    of_merchant = [read for read in seen if read[0].endswith("_merchant")]
    reads.append(_read("The user's past payments, newest last", columns, texts, of_history))
    if of_merchant:
        there = int(batch.merchant_mask[0].sum())
        texts = [
            [_value(name, value) for name, value in zip(merchant_features, batch.merchant[0, slot])]
            for slot in range(there)
        ]
        title = "The merchant's labelled payments, newest first"
        reads.append(_read(title, merchant_features, texts, of_merchant))
    amount = rows.amount_minor[position] / 10 ** int(rows.currency_exponent[position])
    moment = np.datetime64(int(rows.event_time_ms[position]), "ms").astype(str)[:16]
    return {
        "about": f"A fraud of {moment}, amount {amount:,.2f}, p {p:.3f}, from the held-out days.",
        "reads": reads,
    }


def _read(
    title: str, columns: list[str], texts: list[list[str]], seen: list[tuple[str, Tensor]]
) -> dict[str, Any]:
    heads = [f"{_place(name)}.{h}" for name, w in seen for h in range(1, w.shape[1] + 1)]
    weights = torch.cat([w[0] for _, w in seen]) if seen else torch.zeros(0, len(texts))
    return {
        "title": title,
        "columns": columns,
        "heads": heads,
        "rows": [
            {"texts": text, "weights": [round(float(w), 4) for w in weights[:, slot]]}
            for slot, text in enumerate(texts)
        ],
    }


def _place(name: str) -> str:
    """Of a read within the network, for people: "hop 1", or "behaviour" beside the hops."""
    parts = name.split(".")
    return f"hop {int(parts[1]) + 1}" if parts[0] == "hops" else parts[0]


def _value(name: str, value: float) -> str:
    if name in ("fraud", "same_user", "night", "weekend"):
        return "yes" if value else ""
    return f"{value:.2f}"


def _ago(gap_ms: int) -> str:
    minutes = gap_ms // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
