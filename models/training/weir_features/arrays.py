"""The engine as arrays. Its module, weir_features_engine, is built by CMake."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy

_MODULE = "weir_features_engine"
_BUILT = Path(__file__).resolve().parents[3] / "build/release/pipeline/python"


class EngineMissing(ImportError):
    """The engine's module is not built, or not where we looked; the message says what to do."""


class LeftOut(UserWarning):
    """Some input is no payment or no label and has no part in the result, as in `weir features`."""


class Features(TypedDict):
    """Rows are payments in event-time order; dead letters and duplicates have none."""

    names: list[str]  # of the features, in the order of their declaration
    transaction_id: numpy.ndarray  # of str
    user_id: numpy.ndarray  # of str
    event_time_ms: numpy.ndarray  # int64, since 1970 in UTC
    values: numpy.ndarray  # float64, a row for each payment, a column for each feature; NaN is missing
    # The merchant's newest labelled payments as known at each payment, newest first: as many as history.merchant_rows.
    merchant_names: list[str]  # of their features: operators/features/merchant_rows.h
    merchant: numpy.ndarray  # float32 [payment, row, feature]; all 0 where there is no such row
    merchant_mask: numpy.ndarray  # float32 [payment, row]; 1 where there is


def compute(
    config: str | os.PathLike,
    transactions: str | os.PathLike,
    labels: str | os.PathLike | None = None,
    settings: Sequence[str] = (),
) -> Features:
    """What `weir features` writes, bit for bit. Files are .jsonl or .jsonl.gz, as on the topics; `settings` are those of --set.

    Raises ValueError, which says what is wrong with the configuration or a file. What is left out of a file is told as a
    LeftOut warning; warnings.simplefilter("error", LeftOut) makes it an exception. Other threads of Python run meanwhile, and
    may compute too.
    """
    result = _engine().compute(
        config=os.fspath(config),
        transactions=os.fspath(transactions),
        labels="" if labels is None else os.fspath(labels),
        settings=list(settings),
    )
    payments, bad_labels, lines = (result.pop(name) for name in ("dead_letters", "bad_labels", "first_bad_labels"))
    if payments or bad_labels:
        warnings.warn("\n".join([f"left out: {payments} payments, {bad_labels} labels", *lines]), LeftOut, stacklevel=2)
    for name in ("transaction_id", "user_id"):
        result[name] = numpy.array(result[name], dtype=object)
    return result


def definitions(config: str | os.PathLike, settings: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Name and definition of each declared feature, in their order: ("card_count_7d", "user count window=7d").

    A package carries those of the features it reads, and the engine refuses a configuration that declares another. Raises
    ValueError as compute() does.
    """
    return _engine().definitions(config=os.fspath(config), settings=list(settings))


def _engine():
    """From the path, or from the release build of this repository."""
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError:
        pass
    sys.path.append(str(_BUILT))
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError:
        raise EngineMissing(f"no {_MODULE} in {_BUILT}: cmake --build --preset release --target {_MODULE}") from None
    finally:
        sys.path.remove(str(_BUILT))
