"""The step `data`: from transactions and labels to a data set, in one go or day by day in workers.

In parts, each worker computes some days and the days before them that their features look back on
(history_days). What reaches back further by count, such as the eighth label of a rarely used
merchant, is then missing, as it would be after a start of the engine that long ago.
"""

from __future__ import annotations

import gzip
import importlib
import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import numpy as np
import yaml

from weir_training import dataset
from weir_training.experiment import DataSettings
from weir_training.payments import DataError, event_time_ms, read_payments
from weir_training.progress import Progress

_DAY_MS = 86_400_000
# Sections of the engine's configuration that features and merchant rows depend on.
_DECIDING = ("features", "history", "input", "dedupe")
_ENGINE = "weir_features"  # the module that computes; tests name another


@dataclass(frozen=True)
class Part:
    """One worker's share; plain values, so that it can travel to another process or machine."""

    config: str
    transactions: list[str]
    labels: list[str]
    set: list[str]
    first_ms: int  # of the history
    from_ms: int
    until_ms: int  # first moment outside
    folder: str
    engine: str


def deciding(config: Path) -> dict[str, Any]:
    """What of an engine's configuration decides a data set. Another model or broker leaves it as it is,
    and days of computing with it.
    """
    try:
        document = yaml.safe_load(config.read_text()) or {}  # an empty file is all defaults
    except (OSError, yaml.YAMLError) as error:
        raise DataError(f"{config} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise DataError(f"{config} is no configuration: it holds no keys")
    return {key: value for key, value in document.items() if key.split(".")[0] in _DECIDING}


def build(settings: DataSettings, folder: Path) -> dict[str, Any]:
    """Writes the data set; returns what step.json says of it."""
    payments, sources = read_payments(settings.transactions, settings.labels)
    if settings.features:
        engine = _from_parquet(settings.features)
    else:
        engine = _computed(settings, payments.rows.event_time_ms, folder)
    definitions = dict(asked("definitions", str(settings.config), list(settings.set)))
    other = [name for name in engine["names"] if name not in definitions]
    if other:
        raise DataError(f"{settings.config} does not declare {', '.join(other)}")
    texts = [definitions[name] for name in engine["names"]]
    data = dataset.join(payments, engine, texts, sources)
    dataset.write(folder, data)
    labelled = data.payments.is_fraud >= 0
    return {
        "payments": len(data),
        "labelled": int(labelled.sum()),
        "frauds": int((data.payments.is_fraud > 0).sum()),
        "declared": len(data.declared_names),
        "merchant_rows": int(data.merchant.shape[1]),
    }


def asked(what: str, *of: Any, engine: str | None = None) -> Any:
    """The engine's answer: `compute` or `definitions`. What it refuses is an error of the data."""
    module = importlib.import_module(engine or _ENGINE)
    try:
        return getattr(module, what)(*of)
    except ValueError as error:
        raise DataError(str(error)) from error


def _computed(settings: DataSettings, time_ms: np.ndarray, folder: Path) -> dict[str, Any]:
    if not settings.part_days and len(settings.transactions) == len(settings.labels) == 1:
        files = (settings.config, settings.transactions[0], settings.labels[0])
        return asked("compute", *map(str, files), list(settings.set))
    parts = list(_parts(settings, time_ms, folder / "parts"))
    results = []
    with Progress("data", len(parts)) as progress:
        for number, path in enumerate(_spread(settings.workers, compute_part, parts), start=1):
            results.append(np.load(path, allow_pickle=True).item())
            progress.at(number)
    shutil.rmtree(folder / "parts")
    return {
        name: results[0][name]
        if name == "names"
        else np.concatenate([result[name] for result in results])
        for name in results[0]
    }


def _parts(settings: DataSettings, time_ms: np.ndarray, folder: Path) -> Iterator[Part]:
    common = (
        str(settings.config),
        [str(path) for path in settings.transactions],
        [str(path) for path in settings.labels],
        list(settings.set),
    )
    first, last = int(time_ms[0]), int(time_ms[-1])
    if settings.part_days == 0:
        yield Part(*common, 0, first, last + 1, str(folder), _ENGINE)
        return
    step = settings.part_days * _DAY_MS
    for from_ms in range(first // _DAY_MS * _DAY_MS, last + 1, step):
        history = from_ms - settings.history_days * _DAY_MS
        yield Part(*common, history, from_ms, from_ms + step, str(folder), _ENGINE)


def _spread(workers: str, work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[str]:
    """Results in the order of the parts, whoever makes them."""
    if workers == "ray":
        yield from _by_ray(work, parts)
    elif workers == "processes":
        with ProcessPoolExecutor() as pool:
            yield from pool.map(work, parts)
    else:
        yield from map(work, parts)


def _by_ray(work: Callable[[Part], str], parts: Sequence[Part]) -> Iterator[str]:
    """On a cluster that is joined already, or on one of this machine that goes when the parts are
    made: training needs its cores and memory.
    """
    import ray  # optional: models/training/requirements-ray.txt

    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(log_to_driver=False)
    try:
        remote = ray.remote(work)
        for promise in [remote.remote(part) for part in parts]:
            yield ray.get(promise)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # as if it had happened here
    finally:
        if is_ours:
            ray.shutdown()


def compute_part(part: Part) -> str:
    """In a worker: what the engine says of the payments of a part, as a file; returns its path."""
    folder = Path(part.folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{part.from_ms}"
    transactions, labels = folder / f"{name}.jsonl", folder / f"{name}-labels.jsonl"
    ids = _cut(part.transactions, transactions, _in_time(part.first_ms, part.until_ms))
    _cut(part.labels, labels, lambda record: record["transaction_id"] in ids)
    files = (part.config, str(transactions), str(labels))
    engine = asked("compute", *files, part.set, engine=part.engine)
    mine = np.asarray(engine["event_time_ms"]) >= part.from_ms
    result = {"names": engine["names"]}
    for column in ("transaction_id", "values", "merchant", "merchant_mask"):
        if column in engine:
            result[column] = np.asarray(engine[column])[mine]
    path = folder / f"{name}.npy"
    np.save(path, np.array(result, dtype=object), allow_pickle=True)
    transactions.unlink()
    labels.unlink()
    return str(path)


def _in_time(from_ms: int, until_ms: int) -> Callable[[dict[str, Any]], bool]:
    return lambda record: from_ms <= event_time_ms(record["event_time"]) < until_ms


def _cut(sources: Sequence[str], out: Path, wanted: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Copies the lines that are wanted, as they are; returns their transaction ids."""
    ids: set[str] = set()
    with open(out, "wb") as sink:
        for source in sources:
            with open(source, "rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
            with gzip.open(source) if packed else open(source, "rb") as file:
                for line in file:
                    try:
                        record = json.loads(line)
                        if not wanted(record):
                            continue
                        ids.add(record["transaction_id"])
                    except (KeyError, TypeError, ValueError) as error:
                        raise DataError(f"{source}: not JSON lines: {error!r}") from error
                    sink.write(line if line.endswith(b"\n") else line + b"\n")
    return ids


def _from_parquet(folder: Path) -> dict[str, Any]:
    """Exported features (weir_features export). They hold no merchant rows."""
    from pyarrow import dataset as arrow  # optional: .ci/requirements.txt

    try:
        table = arrow.dataset(folder, partitioning="hive").to_table()
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error}") from error
    about = ("transaction_id", "user_id", "event_time", "day")
    names = [name for name in table.column_names if name not in about]
    columns = [table[name].to_numpy().astype(np.float64) for name in names]
    return {
        "names": names,
        "transaction_id": table["transaction_id"].to_numpy(zero_copy_only=False),
        "values": np.stack(columns, axis=1) if columns else np.zeros((len(table), 0)),
    }
