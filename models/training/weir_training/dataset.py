"""A data set on disk: what the engine knew at every payment, and what was learned about it later.

    DIR/dataset.json          names, definitions, sources
    DIR/<column>.npy          a row for each payment, in replay order; read by memory map

Declared features and merchant rows are computed by the engine (weir_features), so that what a model
learns from is what it will be asked about. Rows of histories are made from the payments themselves
(examples.py), which ties them to the engine by tests/data/row_features.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from weir_training.payments import DataError, Payments, Rows, Source

FILE = "dataset.json"
NEVER_MS = np.iinfo(np.int64).max
_FORMAT = 2
_ROW = "row_"


@dataclass(frozen=True)
class DataSet:
    payments: Payments
    transaction_id: np.ndarray  # [N] of bytes
    label_time_ms: np.ndarray  # int64 [N], NEVER_MS without a label
    declared: np.ndarray  # float32 [N, D], NaN = missing
    declared_names: list[str]
    definitions: list[str]  # one line each, as the engine writes them
    merchant: np.ndarray  # float32 [N, K, 9], slot 0 newest
    merchant_mask: np.ndarray  # float32 [N, K]
    sources: list[Source]

    def __len__(self) -> int:
        return len(self.payments)

    @property
    def event_time_ms(self) -> np.ndarray:
        return self.payments.rows.event_time_ms

    def declared_columns(self, names: Sequence[str]) -> list[int]:
        missing = [name for name in names if name not in self.declared_names]
        if missing:
            raise DataError(
                f"no declared feature {', '.join(missing)}; the configuration has "
                + (", ".join(self.declared_names) or "none")
            )
        return [self.declared_names.index(name) for name in names]

    def known(self, until_ms: int, from_ms: int = 0) -> np.ndarray:
        """Positions of the payments from `from_ms` on whose label is known at `until_ms`."""
        return np.flatnonzero(
            (self.label_time_ms <= until_ms)
            & (self.event_time_ms >= from_ms)
            & (self.payments.is_fraud >= 0)
        )


def write(folder: Path, data: DataSet) -> None:
    """The description comes last: without it there is no data set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, column in _columns(data).items():
        np.save(folder / f"{name}.npy", column)
    about = {
        "format": _FORMAT,
        "payments": len(data),
        "declared": [
            {"name": name, "definition": definition}
            for name, definition in zip(data.declared_names, data.definitions)
        ],
        "merchant_rows": data.merchant.shape[1],
        "kinds": list(data.payments.kind_names),
        "sources": [asdict(source) for source in data.sources],
    }
    (folder / FILE).write_text(json.dumps(about, indent=1) + "\n")


def read(folder: Path) -> DataSet:
    """By memory map: processes that read it share it, and only what is used is loaded."""
    try:
        about = json.loads((folder / FILE).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is no data set: {error}") from error
    if about["format"] != _FORMAT:
        raise DataError(f"{folder} has format {about['format']}, this program reads {_FORMAT}")

    def column(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    rows = Rows(*(column(_ROW + f.name) for f in fields(Rows)))
    return DataSet(
        payments=Payments(
            rows,
            column("user"),
            column("is_fraud"),
            kind=column("kind"),
            kind_names=tuple(about["kinds"]),
        ),
        transaction_id=column("transaction_id"),
        label_time_ms=column("label_time_ms"),
        declared=column("declared"),
        declared_names=[d["name"] for d in about["declared"]],
        definitions=[d["definition"] for d in about["declared"]],
        merchant=column("merchant"),
        merchant_mask=column("merchant_mask"),
        sources=[Source(**source) for source in about["sources"]],
    )


def _columns(data: DataSet) -> dict[str, np.ndarray]:
    columns = {_ROW + f.name: getattr(data.payments.rows, f.name) for f in fields(Rows)}
    return columns | {
        "user": data.payments.user,
        "is_fraud": data.payments.is_fraud,
        "kind": data.payments.kind,
        "transaction_id": data.transaction_id,
        "label_time_ms": data.label_time_ms,
        "declared": data.declared,
        "merchant": data.merchant,
        "merchant_mask": data.merchant_mask,
    }


def join(payments: Payments, engine: dict[str, Any], definitions: list[str], sources: list[Source]) -> DataSet:
    """Payments as read, beside what the engine said of them; those it has no row for are left out.

    The engine drops dead letters and duplicates; both sides order by event time, but payments of
    one moment may stand in another order, so they are matched by their ids.
    """
    ids = np.array([key.encode() for key in engine["transaction_id"]])
    mine = payments.transaction_id
    order = np.argsort(mine, kind="stable")
    place = np.searchsorted(mine[order], ids)
    found = (place < len(mine)) & (mine[order[np.minimum(place, len(mine) - 1)]] == ids)
    if not found.all():
        raise DataError(
            f"the engine knows {int((~found).sum())} payments that these files do not have, such as "
            f"{ids[~found][0].decode()}"
        )
    index = order[place]
    # Histories need replay order: that of the files among equal times, as the engine has it.
    by_time = np.argsort(index, kind="stable")
    index = index[by_time]
    count = len(ids)
    merchant = engine.get("merchant")
    if merchant is None:
        merchant, mask = np.zeros((count, 0, 9), np.float32), np.zeros((count, 0), np.float32)
    else:
        mask = np.asarray(engine["merchant_mask"], np.float32)
    return DataSet(
        payments=payments.take(index),
        transaction_id=mine[index],
        label_time_ms=payments.label_time_ms[index],
        declared=np.asarray(engine["values"])[by_time].astype(np.float32),
        declared_names=list(engine["names"]),
        definitions=definitions,
        merchant=np.asarray(merchant, np.float32)[by_time],
        merchant_mask=mask[by_time],
        sources=sources,
    )
