"""One example per payment: the payment itself and what its user did before.

Exactly what the engine feeds the model, so that training and serving are one function: the last W
payments of the same user strictly before this one in (event time, order of arrival).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Sequence

import numpy as np

from weir_training.payments import Payments, Rows
from weir_training.row_features import ROW_FEATURES, log_gap, row_features

_SCAN_BATCH = 8192


@dataclass(frozen=True)
class Batch:
    """Inputs of the network for B payments, float32; the layout of ScoreBatch in
    pipeline/core/scorer.h.
    """

    current: np.ndarray  # [B, F]
    history: np.ndarray  # [B, W, F]  oldest first from slot 0 on; unused slots behind, all zero
    log_gap: np.ndarray  # [B, W]
    mask: np.ndarray  # [B, W]  1 = row is there
    merchant: np.ndarray | None = None  # [B, K, G]  slot 0 newest; None: K = G = 0
    merchant_mask: np.ndarray | None = None  # [B, K]
    declared: np.ndarray | None = None  # [B, D]  NaN = missing; None: D = 0


@dataclass(frozen=True)
class MerchantRows:
    """What was known of each payment's merchant: columns chosen from a data set."""

    rows: np.ndarray  # float32 [N, K or more, 9], may lie on disk
    mask: np.ndarray  # float32 [N, K or more]
    count: int  # K
    columns: Sequence[int]  # G of the nine


def history_index(payments: Payments, rows_max: int) -> np.ndarray:
    """int32 [N, W]: positions of each payment's past rows, oldest first, -1 = no row."""
    # Payments are in replay order, so a stable sort by user leaves every user's payments in it.
    by_user = np.argsort(payments.user, kind="stable")
    sorted_user = payments.user[by_user]
    place = np.arange(len(by_user))
    is_first = np.r_[True, sorted_user[1:] != sorted_user[:-1]]
    first = np.maximum.accumulate(np.where(is_first, place, 0))
    count = np.minimum(place - first, rows_max)
    slot = np.arange(rows_max)
    past = by_user.take(
        place[:, None] - count[:, None] + slot, mode="clip"
    )  # unused slots: any row
    index = np.empty((len(by_user), rows_max), np.int32)
    index[by_user] = np.where(slot < count[:, None], past, -1)
    return index


class Examples:
    """Makes batches on demand: all windows at once would repeat every row W times."""

    def __init__(
        self,
        payments: Payments,
        features: Sequence[str],
        rows_max: int,
        merchant: MerchantRows | None = None,
    ) -> None:
        self.payments = payments
        self._merchant = merchant
        self.features = list(features)
        self.history_rows = rows_max
        self._history = history_index(payments, rows_max)
        self._pair_columns = [i for i, name in enumerate(features) if ROW_FEATURES[name].of_pair]
        self._pair_names = [features[i] for i in self._pair_columns]
        # Seen from itself a payment has its current-row features; the pair columns are redone per
        # window.
        self._own = row_features(payments.rows, payments.rows, self.features)

    def batch(self, index: np.ndarray) -> Batch:
        """The examples of the payments at `index` [B]."""
        past = self._history[index]
        there = past >= 0
        rows = self.payments.rows.take(past)
        now = _column(self.payments.rows.take(index))
        history = self._own[past]
        if self._pair_columns:
            history[..., self._pair_columns] = row_features(rows, now, self._pair_names)
        history[~there] = 0.0
        gaps = np.where(there, log_gap(rows.event_time_ms, now.event_time_ms), np.float32(0))
        merchant, merchant_mask = self._merchant_rows(index)
        return Batch(
            self._own[index], history, gaps, there.astype(np.float32), merchant, merchant_mask
        )

    def _merchant_rows(self, index: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self._merchant is None:
            return None, None
        kept = self._merchant
        rows = kept.rows[index, : kept.count]
        if len(kept.columns) < rows.shape[2]:
            rows = rows[..., list(kept.columns)]
        return np.ascontiguousarray(rows), np.ascontiguousarray(kept.mask[index, : kept.count])

    def labels(self, index: np.ndarray) -> np.ndarray:
        """float32 [B]: 1 = fraud."""
        return self.payments.is_fraud[index].astype(np.float32)

    def past_of(self, position: int) -> np.ndarray:
        """Positions of the past rows of one payment, oldest first."""
        past = self._history[position]
        return past[past >= 0]

    def is_notable(self, index: np.ndarray, amount_quantile: float) -> np.ndarray:
        """Where something points at fraud: the merchant had one, as known then; the amount is among
        the highest of `index`, or far above what the user pays.
        """
        amount = self._amount_major()[index]
        notable = (amount > np.quantile(amount, amount_quantile)) | self._is_unusual(index)
        if self._merchant is not None and 0 in self._merchant.columns:
            for start in range(0, len(index), _SCAN_BATCH):
                part = slice(start, start + _SCAN_BATCH)
                rows = self._merchant.rows[index[part], : self._merchant.count, 0]
                mask = self._merchant.mask[index[part], : self._merchant.count]
                notable[part] |= (rows * mask).any(axis=1)
        return notable

    def _is_unusual(self, index: np.ndarray) -> np.ndarray:
        """More than e times the median of the user's past payments, as far as rows go back."""
        unusual = np.zeros(len(index), bool)
        amount = self.payments.rows.amount_minor
        for start in range(0, len(index), _SCAN_BATCH):
            part = slice(start, start + _SCAN_BATCH)
            past = self._history[index[part]]
            values = np.where(past >= 0, amount[past], np.nan)
            is_known = (past >= 0).any(axis=1)
            median = np.full(len(past), np.inf)
            median[is_known] = np.nanmedian(values[is_known], axis=1)
            unusual[part] = amount[index[part]] > np.e * median
        return unusual

    def next_payment(self, until_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """float32 [N, 2]: ln(1 + amount) of the user's next payment and ln(1 + minutes) until it;
        float32 [N]: 1 where there is one before `until_ms`.
        """
        rows, user = self.payments.rows, self.payments.user
        by_user = np.argsort(user, kind="stable")
        has_next = user[by_user][1:] == user[by_user][:-1]
        here, after = by_user[:-1][has_next], by_user[1:][has_next]
        target = np.zeros((len(user), 2), np.float32)
        target[here, 0] = np.log1p(self._amount_major()[after])
        target[here, 1] = log_gap(rows.event_time_ms[here], rows.event_time_ms[after])
        known = np.zeros(len(user), np.float32)
        known[here] = rows.event_time_ms[after] < until_ms
        return target, known

    def _amount_major(self) -> np.ndarray:
        rows = self.payments.rows
        return rows.amount_minor / np.power(10.0, rows.currency_exponent)

    def domain(self, index: np.ndarray) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each current-row feature among these payments."""
        own = self._own[index]
        return {
            name: (float(own[:, i].min()), float(own[:, i].max()))
            for i, name in enumerate(self.features)
        }


def varying_features(payments: Payments, rows_max: int, index: np.ndarray) -> list[str]:
    """The quantities that take more than one value in these payments or in their histories.

    The others would enter the network as constants. Their weights would stay what chance made them
    at the start, and on the first day the value did change the score would move by noise.
    """
    names = [name for name, feature in ROW_FEATURES.items() if not feature.is_category]
    examples = Examples(payments, names, rows_max)
    low = np.full(len(names), np.inf)
    high = -low
    for start in range(0, len(index), _SCAN_BATCH):
        batch = examples.batch(index[start : start + _SCAN_BATCH])
        for seen in (batch.current, batch.history[batch.mask > 0]):
            low = np.minimum(low, seen.min(axis=0, initial=np.inf))
            high = np.maximum(high, seen.max(axis=0, initial=-np.inf))
    return [name for name, is_varying in zip(names, low < high) if is_varying]


def _column(rows: Rows) -> Rows:
    """[B] -> [B, 1], to stand against the W rows of each payment's history."""
    return Rows(*(getattr(rows, f.name)[:, None] for f in fields(rows)))
