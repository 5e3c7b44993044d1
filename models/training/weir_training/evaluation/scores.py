"""Scored payments beside what came of them, read from the verdicts of `weir replay`."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from weir_training.currencies import exponent_of
from weir_training.payments import UNLABELLED, DataError, Label, add_labels, event_time_ms
from weir_training.progress import Progress

DAY_MS = 86_400_000
NEVER_MS = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Scores:
    """Columns of one length, by event time. Ids are integer codes: they say equal or not."""

    transaction_id: np.ndarray  # of str
    event_time_ms: np.ndarray
    user: np.ndarray
    merchant: np.ndarray
    amount: np.ndarray  # major units
    p: np.ndarray  # probability of fraud that the verdict named
    is_fraud: np.ndarray  # 1, 0 or UNLABELLED
    label_time_ms: np.ndarray  # when that became known; NEVER_MS without a label

    def __len__(self) -> int:
        return len(self.p)

    @property
    def day(self) -> np.ndarray:
        """Days since 1970, UTC."""
        return self.event_time_ms // DAY_MS

    def take(self, index: np.ndarray) -> Scores:
        return Scores(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass
class Origin:
    """Where verdicts came from: shown in the report, so that a figure names its model."""

    verdicts: str = ""
    sha256: str = ""
    packages: dict[str, int] = field(default_factory=dict)  # "name/version sha256:...": verdicts
    degraded: int = 0  # verdicts that were made without something the model reads
    duplicates: int = 0  # left out: the payment has its verdict already

    def package(self) -> str:
        """The one model that made them. Figures of a mixture would be nobody's."""
        if len(self.packages) != 1:
            raise DataError(
                f"{self.verdicts}: verdicts of {len(self.packages)} models: "
                + (", ".join(self.packages) or "none names a model")
            )
        return next(iter(self.packages))


def read_scores(verdicts: Path, labels: Sequence[Path]) -> tuple[Scores, Origin]:
    """Verdict lines with their labels. A verdict without a number for fraud is refused."""
    known = read_labels(labels)
    content, digest = _read(verdicts)
    origin = Origin(verdicts.name, digest)
    columns: list[tuple[Any, ...]] = []
    user_codes: dict[str, int] = {}
    merchant_codes: dict[str, int] = {}
    with Progress("verdicts", max(len(content), 1)) as progress:
        place = 0
        for number, line in enumerate(content.splitlines(), start=1):
            place += len(line) + 1
            if not line.strip():
                continue
            try:
                verdict = json.loads(line)
                if verdict["duplicate"]:
                    origin.duplicates += 1
                    continue
                label = known.get(verdict["transaction_id"])
                columns.append(
                    (
                        verdict["transaction_id"],
                        event_time_ms(verdict["event_time"]),
                        user_codes.setdefault(verdict["user_id"], len(user_codes)),
                        merchant_codes.setdefault(verdict["merchant_id"], len(merchant_codes)),
                        verdict["amount_minor"] / 10 ** exponent_of(verdict["currency"]),
                        float(verdict["risk"]["fraud"]["p"]),
                        UNLABELLED if label is None else int(label.is_fraud),
                        NEVER_MS if label is None else label.known_ms,
                    )
                )
                _count(origin, verdict)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{verdicts}:{number}: not a verdict: {error!r}") from error
            if number % 10_000 == 0:
                progress.at(min(place, len(content)))
        progress.at(max(len(content), 1))
    if not columns:
        raise DataError(f"{verdicts} holds no verdict")
    types = (object, np.int64, np.int64, np.int64, np.float64, np.float64, np.int8, np.int64)
    scores = Scores(*(np.array(column, kind) for column, kind in zip(zip(*columns), types)))
    return scores.take(np.argsort(scores.event_time_ms, kind="stable")), origin


def _count(origin: Origin, verdict: dict[str, Any]) -> None:
    origin.degraded += bool(verdict.get("degraded"))
    model = verdict.get("model")
    if model:
        name = f"{model['name']}/{model['version']} {model['digest']}"
        origin.packages[name] = origin.packages.get(name, 0) + 1


def read_labels(paths: Sequence[Path]) -> dict[str, Label]:
    """By transaction id, as training reads them."""
    known: dict[str, Label] = {}
    for path in paths:
        add_labels(known, path, _read(path)[0])
    return known


def read_outside(path: Path, scores: Scores) -> np.ndarray:
    """A slice given from outside: CSV with a header, transaction_id and one more column.

    It sorts payments into groups for a table. No model, nor the pipeline, ever sees it.
    """
    try:
        text = _read(path)[0].decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8: {error}") from error
    lines = (line.split(",") for line in text.splitlines())
    header = next(lines, [])
    if len(header) != 2 or header[0] != "transaction_id":
        raise DataError(f"{path}: the header must be transaction_id,NAME")
    of_id = {fields_[0]: fields_[1] for fields_ in lines if len(fields_) == 2}
    return np.array([of_id.get(key, "(not given)") for key in scores.transaction_id], object)


def _read(path: Path) -> tuple[bytes, str]:
    try:
        stored = path.read_bytes()
        content = gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
    except (OSError, EOFError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return content, hashlib.sha256(stored).hexdigest()
