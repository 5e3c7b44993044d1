"""S-FFSD, a published data set with few labels, as transactions and labels of the two topics.

`python3 -m weir_training.sffsd S-FFSD.csv.gz OUT --delay 1d` writes OUT/transactions.jsonl.gz and
OUT/labels.jsonl.gz. Its licence is the GPL, so the data does not come with this repository.

Its `Time` counts events and is no clock. One count becomes one minute from EPOCH on, so that windows
and delays have a meaning: a day is 1,440 payments, the whole 54 days. Hours and weekends of such
times mean nothing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Iterable, Iterator

from weir_training.payments import DataError

EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)
TICK = timedelta(minutes=1)
COLUMNS = ("Time", "Source", "Target", "Amount", "Location", "Type", "Labels")

_GENUINE, _FRAUD, _UNLABELLED = "0", "1", "2"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_EXIT_USAGE = 64  # the engine's exit codes
_EXIT_DATA = 65


@dataclass(frozen=True)
class Written:
    """How much went out, for the reader to compare with the publication."""

    transactions: int = 0
    labels: int = 0
    frauds: int = 0


def duration(text: str) -> timedelta:
    """1d, 6h, 30m, 10s. Never zero: a label known at its payment would be its own feature."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"not a duration such as 6h or 7d: {text}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of the published file, plain or gzip, checked; an error names file and line."""
    try:
        with _open(path) as file:
            reader = csv.DictReader(file)
            missing = set(COLUMNS) - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{path}: no column {', '.join(sorted(missing))}")
            for row in reader:
                _check(row, f"{path}:{reader.line_num}")
                yield row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def transaction_of(row: dict[str, str]) -> dict[str, str]:
    return {
        "transaction_id": row["Time"],
        "user_id": row["Source"],
        "event_time": _rfc3339(_event_time(row)),
        "amount": row["Amount"],
        "currency": "XXX",  # the publication states none
        "merchant_id": row["Target"],
    } | _linked(row)


def label_of(row: dict[str, str], delay: timedelta) -> dict[str, str | bool] | None:
    """None for a payment about which nobody ever says anything: most of them."""
    if row["Labels"] == _UNLABELLED:
        return None
    return {
        "label_id": "L" + row["Time"],
        "transaction_id": row["Time"],
        "user_id": row["Source"],
        "merchant_id": row["Target"],
        "is_fraud": row["Labels"] == _FRAUD,
        "event_time": _rfc3339(_event_time(row)),
        "label_time": _rfc3339(_event_time(row) + delay),
    } | _linked(row)


def convert(rows: Iterable[dict[str, str]], out: Path, delay: timedelta) -> Written:
    """Both files, the same bytes for the same rows."""
    transactions = labels = frauds = 0
    out.mkdir(parents=True, exist_ok=True)
    with _create(out / "transactions.jsonl.gz") as payments, _create(
        out / "labels.jsonl.gz"
    ) as opinions:
        for row in rows:
            payments.write(_line(transaction_of(row)))
            transactions += 1
            label = label_of(row, delay)
            if label is not None:
                opinions.write(_line(label))
                labels += 1
                frauds += bool(label["is_fraud"])
    return Written(transactions, labels, frauds)


def _linked(row: dict[str, str]) -> dict[str, str]:
    """In payment and label alike, because a label reaches only what it names. `Type` has the place
    of a card, which is the fourth entity there is.
    """
    return {"device_id": row["Location"], "card_token": row["Type"]}


def _check(row: dict[str, str], place: str) -> None:
    if None in row or any(not row[column] for column in COLUMNS):
        raise DataError(f"{place}: seven values expected")
    if not re.fullmatch(r"\d{1,8}", row["Time"]):
        raise DataError(f"{place}: Time is no count: {row['Time']}")
    if row["Labels"] not in (_GENUINE, _FRAUD, _UNLABELLED):
        raise DataError(f"{place}: Labels is none of 0, 1, 2: {row['Labels']}")
    try:
        amount = Decimal(row["Amount"])
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise DataError(f"{place}: Amount is no amount: {row['Amount']}")


def _event_time(row: dict[str, str]) -> datetime:
    return EPOCH + int(row["Time"]) * TICK


def _rfc3339(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(record: dict[str, str] | dict[str, str | bool]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _create(path: Path) -> IO[bytes]:
    # Neither name nor time of writing in the header: the digest tells about the content only.
    return gzip.GzipFile(path, "wb", mtime=0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="weir_training.sffsd", description=__doc__)
    parser.add_argument("csv", type=Path, metavar="S-FFSD.csv.gz")
    parser.add_argument("out", type=Path, metavar="OUT", help="directory of the two files")
    parser.add_argument(
        "--delay", default="1d", help="from a payment to its label (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        delay = duration(arguments.delay)
    except ValueError as error:
        print(f"weir_training.sffsd: --delay: {error}", file=sys.stderr)
        return _EXIT_USAGE
    try:
        written = convert(read_rows(arguments.csv), arguments.out, delay)
    except DataError as error:
        print(f"weir_training.sffsd: {error}", file=sys.stderr)
        return _EXIT_DATA
    print(json.dumps(vars(written)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
