"""Features as Parquet, partitioned by day. README.md describes the schema, which other programs rely on."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy
import pyarrow
from pyarrow import parquet

from .arrays import Features

SCHEMA_VERSION = "1"
_FILE = "part-0.parquet"


class Period(NamedTuple):
    """Days in UTC, `until` excluded."""

    first: date
    until: date

    @staticmethod
    def parse(text: str) -> Period:
        """FROM:UNTIL, both as 2018-06-11."""
        first, _, until = text.partition(":")
        period = Period(date.fromisoformat(first), date.fromisoformat(until))
        if period.first >= period.until:
            raise ValueError(f"empty period: {text}")
        return period


class Written(NamedTuple):
    rows: int
    days: int


def schema_of(names: list[str]) -> pyarrow.Schema:
    fields = [
        pyarrow.field("transaction_id", pyarrow.string(), nullable=False),
        pyarrow.field("user_id", pyarrow.string(), nullable=False),
        pyarrow.field("event_time", pyarrow.timestamp("ms", tz="UTC"), nullable=False),
        *(pyarrow.field(name, pyarrow.float64()) for name in names),
    ]
    return pyarrow.schema(fields, metadata={"weir.features.schema": SCHEMA_VERSION})


def export(features: Features, out: Path, period: Period | None = None) -> Written:
    """Writes out/day=2018-06-11/part-0.parquet for each day (of the period, if there is one) that has payments.

    A day's file appears, or takes the place of an earlier one, whole and at once; days that are not written now stay. ValueError
    before anything is written: a feature has the name of another column, or the days that stay have other features.
    """
    taken = {"transaction_id", "user_id", "event_time", "day"} & set(features["names"])
    if taken:
        raise ValueError(f"a feature may not be called {', '.join(sorted(taken))}: those columns exist")
    schema = schema_of(features["names"])
    day_of_row = features["event_time_ms"].astype("datetime64[ms]").astype("datetime64[D]")
    days = [day for day in numpy.unique(day_of_row) if period is None or period.first <= day.item() < period.until]
    files = [out / f"day={day}" / _FILE for day in days]
    for other in set(out.glob(f"day=*/{_FILE}")) - set(files):
        if not parquet.read_schema(other).equals(schema, check_metadata=True):
            raise ValueError(f"{other} has other features; name another directory, or export that day again too")
    rows = 0
    for day, file in zip(days, files):
        table = _table_of(features, day_of_row == day, schema)
        _replace(file, table)
        rows += len(table)
    return Written(rows, len(days))


def _table_of(features: Features, rows: numpy.ndarray, schema: pyarrow.Schema) -> pyarrow.Table:
    """These rows. A missing value is null, as SQL expects it, not NaN."""
    columns = [
        pyarrow.array(features["transaction_id"][rows], pyarrow.string()),
        pyarrow.array(features["user_id"][rows], pyarrow.string()),
        pyarrow.array(features["event_time_ms"][rows]).cast(schema.field("event_time").type),
        *(pyarrow.array(column, from_pandas=True) for column in features["values"][rows].T),
    ]
    return pyarrow.table(columns, schema=schema)


def _replace(file: Path, table: pyarrow.Table) -> None:
    """All of it on disk before it has its name. Readers pass over the other name; the next export writes over it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with open(partial, "wb") as sink:
        parquet.write_table(table, sink, compression="zstd")
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(file)
