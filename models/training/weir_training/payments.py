"""Payments as columns, read from the same files the engine reads.

Two forms of input, told apart by their content:
  - CSV of the Fraud Detection Handbook (labels inside);
  - JSON lines, one transaction a line as on the topic `transactions`, with labels in files of their
  own. Both may be gzipped. Several files make one data set.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, NamedTuple, Sequence

import numpy as np

from weir_training.currencies import exponent_of
from weir_training.engine_codes import hash_id, hash_name, pack_country

HANDBOOK_EPOCH_MS = 1_522_540_800_000  # 2018-04-01T00:00:00Z: `time_s` counts from here
HANDBOOK_COLUMNS = ("time_s", "customer_id", "terminal_id", "amount", "is_fraud")
HANDBOOK_LABEL_DELAY_MS = 7 * 86_400_000  # as the data's protocol has it
UNLABELLED = -1
NEVER_MS = np.iinfo(np.int64).max

_CHUNK = 50_000  # JSON lines that are lists of numbers before they become an array


class DataError(Exception):
    """The input cannot be used; the message says which file, which line and what to do."""


@dataclass(frozen=True)
class Rows:
    """What a feature may look at. Arrays of one shape; ids are integer codes, 0 = absent.

    Codes stand for strings. Those of merchant, country, merchant_country and channel are the
    engine's own (engine_codes.py), since features name their categories; the others count from 1:
    a model may compare two of them but never learn one by heart.
    """

    event_time_ms: np.ndarray
    amount_minor: np.ndarray
    currency_exponent: np.ndarray
    currency: np.ndarray
    merchant: np.ndarray
    device: np.ndarray
    card: np.ndarray
    country: np.ndarray
    merchant_country: np.ndarray
    card_present: np.ndarray  # 0 unknown, 1 no, 2 yes
    mcc: np.ndarray  # merchant category
    channel: np.ndarray

    def take(self, index: np.ndarray) -> Rows:
        """Rows in the shape of `index`."""
        return Rows(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass(frozen=True)
class Payments:
    """A data set in replay order: by event time, equal times in the order they were read."""

    rows: Rows
    user: np.ndarray  # [N] code of the user
    is_fraud: np.ndarray  # [N] 1, 0 or UNLABELLED
    # What ties payments to other tables, and when their label is known; read by no feature.
    transaction_id: np.ndarray | None = None  # [N] of bytes
    label_time_ms: np.ndarray | None = None  # [N] NEVER_MS where no label says when it came
    # [N] the `type` of the label that calls it a fraud, as a code: its place in kind_names, from 1
    # on; 0: genuine, or no label says. Like the label itself an outcome, read by no feature.
    kind: np.ndarray | None = None
    kind_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.user)

    def take(self, index: np.ndarray) -> Payments:
        columns = (self.user, self.is_fraud, self.transaction_id, self.label_time_ms, self.kind)
        return Payments(
            self.rows.take(index),
            *(None if c is None else c[index] for c in columns),
            self.kind_names,
        )


class Label(NamedTuple):
    """Somebody's opinion about a payment: pipeline/core/label.h."""

    is_fraud: bool
    known_ms: int
    kind: str  # of fraud; empty: genuine, or it does not say
    label_id: str
    revision: int

    def outranks(self, stands: Label) -> bool:
        """Whether it counts instead of the opinion so far: state/windows/entity_windows.cc, once
        more. A label without an id, which the engine would not take, is an opinion of its own.
        """
        if self.label_id and self.label_id == stands.label_id:
            return self.revision > stands.revision
        if self.known_ms != stands.known_ms:
            return self.known_ms > stands.known_ms
        return _unsigned(self.label_id) >= _unsigned(stands.label_id)


_NO_LABEL = Label(False, NEVER_MS, "", "", 0)


def _unsigned(label_id: str) -> int:
    """As the engine compares ids."""
    return hash_id(label_id) & ((1 << 64) - 1)


@dataclass(frozen=True)
class Source:
    """A file that went into a model, so that anyone can check they hold the same one."""

    file: str
    sha256: str
    rows: int


class _Codes:
    """Gives every distinct string a number: the engine's, or one from 1 on. The empty string is
    0 = absent.
    """

    def __init__(self, engine: Callable[[str], int] | None = None) -> None:
        self._codes: dict[str, int] = {"": 0}
        self._engine = engine

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are not empty, in the order of their codes when these are counted."""
        return tuple(self._codes)[1:]

    def of(self, text: str) -> int:
        if text not in self._codes:
            self._codes[text] = self._engine(text) if self._engine else len(self._codes)
        return self._codes[text]


class _Columns:
    """Grows the columns of a data set file by file; one code table per kind of id."""

    _COUNTED = ("user", "currency", "device", "card", "kind")
    _OF_THE_ENGINE = {
        "merchant": hash_id,
        "country": pack_country,
        "merchant_country": pack_country,
        "channel": hash_name,
    }

    def __init__(self) -> None:
        self.codes = {name: _Codes() for name in self._COUNTED}
        self.codes |= {name: _Codes(code) for name, code in self._OF_THE_ENGINE.items()}
        self.parts: list[dict[str, np.ndarray]] = []

    def append(self, **columns: np.ndarray) -> None:
        self.parts.append(columns)

    def finish(self) -> Payments:
        joined = {
            name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]
        }
        order = np.argsort(joined["event_time_ms"], kind="stable")
        rows = Rows(*(joined[f.name][order] for f in fields(Rows)))
        others = ("user", "is_fraud", "transaction_id", "label_time_ms", "kind")
        columns = (joined[name][order] for name in others)
        return Payments(rows, *columns, self.codes["kind"].names)


def read_payments(
    transactions: Sequence[Path], labels: Sequence[Path] = ()
) -> tuple[Payments, list[Source]]:
    """Reads all files into one data set; the sources come back for the manifest."""
    sources: list[Source] = []
    known: dict[str, Label] = {}
    for path in labels:
        content, digest = _read(path)
        sources.append(Source(path.name, digest, add_labels(known, path, content)))
    columns = _Columns()
    seen: set[tuple[str, str]] = set()
    for path in transactions:
        content, digest = _read(path)
        if content.lstrip()[:1] == b"{":
            rows = _append_json_lines(path, content, known, seen, columns)
        else:
            rows = _append_handbook_csv(path, content, columns)
        sources.append(Source(path.name, digest, rows))
    if not columns.parts:
        raise DataError("no transaction in " + ", ".join(str(path) for path in transactions))
    return columns.finish(), sources


def _read(path: Path) -> tuple[bytes, str]:
    """Unpacked content and digest of the file as it lies there: read once, so both are of the same
    bytes.
    """
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        content = gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
    except (OSError, EOFError) as error:
        raise DataError(f"{path} is not a whole gzip file: {error}") from error
    return content, hashlib.sha256(stored).hexdigest()


def _append_handbook_csv(path: Path, content: bytes, columns: _Columns) -> int:
    """Handbook rows. `fraud_scenario` is never read: it is how the simulator made the fraud, no
    input.
    """
    header = next(csv.reader(io.StringIO(content[: content.find(b"\n")].decode())), [])
    missing = [name for name in HANDBOOK_COLUMNS if name not in header]
    if missing:
        raise DataError(
            f"{path} is neither JSON lines nor handbook CSV: no column {', '.join(missing)}"
        )
    if not content.partition(b"\n")[2].strip():
        return 0
    # Without a column of ids, as in a cut of the data, the line is the id.
    has_ids = "transaction_id" in header
    wanted = [header.index(name) for name in HANDBOOK_COLUMNS + ("transaction_id",) * has_ids]
    try:
        table = np.loadtxt(io.BytesIO(content), delimiter=",", skiprows=1, usecols=wanted, ndmin=2)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    time_s, customer, terminal, amount, is_fraud = table.T[:5]
    ids = table[:, 5] if has_ids else np.arange(len(table))
    cents = np.rint(amount * 100)
    # A cent is exact in a double up to 10^13; whatever is further from a whole cent was no two-
    # digit decimal.
    if np.any(amount < 0) or np.any(np.abs(amount * 100 - cents) > 1e-4):
        raise DataError(
            f"{path}: an amount is negative or has more than two digits after the point"
        )
    absent = np.zeros(len(table), np.int64)
    columns.append(
        event_time_ms=HANDBOOK_EPOCH_MS + time_s.astype(np.int64) * 1000,
        amount_minor=cents.astype(np.int64),
        currency_exponent=np.full(len(table), exponent_of("XXX"), np.int64),
        currency=np.full(len(table), columns.codes["currency"].of("XXX"), np.int64),
        merchant=_coded(terminal, "T{:05d}", columns.codes["merchant"]),
        device=absent,
        card=absent,
        country=absent,
        merchant_country=absent,
        card_present=absent,
        mcc=absent,
        channel=absent,
        user=_coded(customer, "C{:04d}", columns.codes["user"]),
        is_fraud=is_fraud.astype(np.int64),
        transaction_id=ids.astype(np.int64).astype("S"),
        label_time_ms=HANDBOOK_EPOCH_MS + time_s.astype(np.int64) * 1000 + HANDBOOK_LABEL_DELAY_MS,
        kind=absent,
    )
    return len(table)


def _coded(numbers: np.ndarray, form: str, codes: _Codes) -> np.ndarray:
    """Codes of numbered ids, by the names the JSON form of this data uses, so that both forms can
    be mixed.
    """
    distinct, place = np.unique(numbers.astype(np.int64), return_inverse=True)
    return np.array([codes.of(form.format(number)) for number in distinct], np.int64)[place]


def _append_json_lines(
    path: Path,
    content: bytes,
    known: dict[str, Label],
    seen: set[tuple[str, str]],
    columns: _Columns,
) -> int:
    """Transactions as on the topic. A repeated id is no second payment: the engine drops it, and so
    do we.
    """
    table: list[list[int]] = []
    ids: list[bytes] = []
    rows = 0
    for number, record in _json_lines(path, content):
        try:
            key = (str(record["user_id"]), str(record["transaction_id"]))
            if key in seen:
                continue
            seen.add(key)
            table.append(_row_of(record, known, columns.codes))
            ids.append(key[1].encode())
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise DataError(f"{path}:{number}: not a transaction: {error!r}") from error
        rows += 1
        if len(table) == _CHUNK:
            _append_table(table, ids, columns)
    if table:
        _append_table(table, ids, columns)
    return rows


def _append_table(table: list[list[int]], ids: list[bytes], columns: _Columns) -> None:
    """Moves the lists into columns and leaves them empty."""
    names = [f.name for f in fields(Rows)] + ["user", "is_fraud", "label_time_ms", "kind"]
    columns.append(
        **dict(zip(names, np.array(table, np.int64).T)), transaction_id=np.array(ids)
    )
    table.clear()
    ids.clear()


def _row_of(
    record: dict[str, Any], known: dict[str, Label], codes: dict[str, _Codes]
) -> list[int]:
    """One transaction in the order of Rows, then user, label, when that is known, and its kind."""
    exponent = exponent_of(record["currency"])
    label = known.get(str(record["transaction_id"]), _NO_LABEL)
    return [
        event_time_ms(record["event_time"]),
        amount_minor(record["amount"], exponent),
        exponent,
        codes["currency"].of(record["currency"]),
        codes["merchant"].of(str(record["merchant_id"])),
        codes["device"].of(str(record.get("device_id") or "")),
        codes["card"].of(str(record.get("card_token") or "")),
        codes["country"].of(str(record.get("country") or "")),
        codes["merchant_country"].of(str(record.get("merchant_country") or "")),
        {None: 0, False: 1, True: 2}[record.get("is_card_present")],
        int(record.get("mcc") or 0),
        codes["channel"].of(str(record.get("channel") or "")),
        codes["user"].of(str(record["user_id"])),
        UNLABELLED if label is _NO_LABEL else int(label.is_fraud),
        label.known_ms,
        codes["kind"].of(label.kind),
    ]


def add_labels(known: dict[str, Label], path: Path, content: bytes) -> int:
    """Into `known`, by transaction id: of several labels of a payment the one that counts in the
    engine too. Returns how many there were.
    """
    count = 0
    for number, record in _json_lines(path, content):
        if not isinstance(record.get("is_fraud"), bool) or "transaction_id" not in record:
            raise DataError(
                f"{path}:{number}: a label needs transaction_id and is_fraud (true or false)"
            )
        try:
            label = _label_of(record)
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}:{number}: not a label: {error}") from error
        key = str(record["transaction_id"])
        stands = known.get(key)
        if stands is None or label.outranks(stands):
            known[key] = label
        count += 1
    return count


def _label_of(record: dict[str, Any]) -> Label:
    known, is_fraud = record.get("label_time"), record["is_fraud"]
    kind, label_id = record.get("type") or "", record.get("label_id") or ""
    if not isinstance(kind, str) or not isinstance(label_id, str):
        raise ValueError("type and label_id must be text")
    return Label(
        is_fraud,
        NEVER_MS if known is None else event_time_ms(known),
        kind if is_fraud else "",
        label_id,
        int(record.get("revision") or 0),
    )


def _json_lines(path: Path, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    lines: Iterable[bytes] = content.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            # Decimals stay decimals: an amount must reach minor units without passing through a
            # double.
            record = json.loads(line, parse_float=Decimal)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise DataError(f"{path}:{number}: not a JSON object")
        yield number, record


def event_time_ms(value: str | int) -> int:
    """RFC 3339 or epoch milliseconds -> milliseconds since 1970 in UTC; finer fractions are cut.

    A leap second counts as the start of the next one, as in the engine: no calendar class here
    knows it.
    """
    if type(value) is int:
        return value
    if not isinstance(value, str):
        raise ValueError(f"not a time: {value!r}")
    if value.isdigit():
        return int(value)
    leap = value[16:19] == ":60"
    moment = datetime.fromisoformat(value[:17] + "59" + value[19:] if leap else value)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset: {value}")
    if leap:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def amount_minor(value: str | int | Decimal, exponent: int) -> int:
    """Exact minor units; an amount finer than its currency is an error, as in the engine."""
    scaled = Decimal(value).scaleb(exponent)
    if scaled < 0 or scaled != scaled.to_integral_value():
        raise ValueError(f"amount {value} is negative or finer than 10^-{exponent}")
    return int(scaled)
