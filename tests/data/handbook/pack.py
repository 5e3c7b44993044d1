#!/usr/bin/env python3
"""Packs the data set into this folder, and reads it back to show that nothing was lost.

    pack.py FILE.csv.gz...     columns transaction_id,time_s,customer_id,terminal_id,amount,is_fraud,fraud_scenario, in event order
"""
import csv
import gzip
import hashlib
import lzma
import sys
from pathlib import Path

import numpy

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "support" / "python"))
from weir_testing import handbook  # noqa: E402

# Columns are planes of bytes without an alignment: contexts that look for one only dilute the statistics.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0, "dict_size": 1 << 24}]


def rows_of(path: str):
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            units, _, cents = row["amount"].partition(".")
            assert len(cents) <= 2, row
            yield (*(int(row[name]) for name in ("transaction_id", "time_s", "customer_id", "terminal_id")),
                   int(units) * 100 + int(cents.ljust(2, "0")), int(row["is_fraud"]), int(row["fraud_scenario"]))


def planes(column: numpy.ndarray, width: int) -> bytes:
    assert column.min() >= 0 and column.max() < 1 << (8 * width)
    return b"".join((column >> (8 * i) & 255).astype(numpy.uint8).tobytes() for i in range(width))


def pack(table: dict[str, numpy.ndarray]) -> bytes:
    ids, time_s, customer, terminal = (table[name] for name in ("transaction_id", "time_s", "customer_id", "terminal_id"))
    assert (numpy.diff(ids) == 1).all() and (numpy.diff(time_s) >= 0).all()
    order = numpy.argsort(customer, kind="stable")
    pairs, which = numpy.unique(customer[order] * 1_000_000 + terminal[order], return_inverse=True)
    owners, starts, counts = numpy.unique(pairs // 1_000_000, return_index=True, return_counts=True)
    steps = numpy.diff(pairs % 1_000_000, prepend=0)
    steps[starts] = pairs[starts] % 1_000_000
    group = numpy.unique(customer[order], return_inverse=True)[1]
    header = b"".join(int(n).to_bytes(4, "little") for n in (len(ids), len(owners), ids[0]))
    return header + planes(numpy.diff(time_s, prepend=0), 2) + planes(customer, 2) + planes(counts, 1) + planes(steps, 2) + \
        planes(table["amount_minor"][order], 3) + planes(which - starts[group], 1) + planes(table["is_fraud"][order], 1)


def main(paths: list[str]):
    columns = numpy.array([row for path in paths for row in rows_of(path)], numpy.int64).T
    names = ("transaction_id", "time_s", "customer_id", "terminal_id", "amount_minor", "is_fraud")
    table = dict(zip(names, columns))
    for name, raw in (("transactions.columns.xz", pack(table)), ("scenario.xz", planes(columns[6], 1))):
        (FOLDER / name).write_bytes(lzma.compress(raw, filters=FILTERS))
    back = handbook.read()
    assert all(numpy.array_equal(back[name], table[name]) for name in names)
    assert numpy.array_equal(handbook.read_scenario(), columns[6])
    sums = [(hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(), name) for name in ("scenario.xz", "transactions.columns.xz")]
    (FOLDER / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for digest, name in sums))
    print(f"{len(table['time_s'])} rows; read back: identical")


if __name__ == "__main__":
    main(sys.argv[1:])
