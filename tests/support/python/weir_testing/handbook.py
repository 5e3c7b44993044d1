"""The packed data set of the Fraud Detection Handbook: reads it, and writes it in Weir's schema.

    python -m weir_testing.handbook DIR      writes DIR/transactions.jsonl.gz and DIR/labels.jsonl.gz

tests/data/handbook/README.md says what it is; tests/data/handbook/pack.py made it. Packed are columns, each split into
planes of bytes (all lowest bytes, then all second bytes), one after the other in one xz stream:

    rows and customers (uint32 each), first transaction id (uint32)
    in the order of events     time_s as the step from the row before (2 bytes), customer_id (2)
    by customer                number of terminals it uses (1), those as steps in ascending order (2)
    by customer, then time     amount in hundredths (3), which of the customer's terminals (1), is_fraud (1)
"""
import datetime
import gzip
import lzma
import subprocess
import sys
import time
from pathlib import Path

import numpy

from .paths import CONFIG, WEIR

FOLDER = Path(__file__).resolve().parents[3] / "data" / "handbook"
ORIGIN_S = 1_522_540_800  # 2018-04-01T00:00:00Z
LABEL_DELAY_S = 7 * 86_400


class Columns:
    """The unpacked bytes, taken column by column."""

    def __init__(self, raw: bytes):
        self.raw = numpy.frombuffer(raw, numpy.uint8)
        self.at = 0

    def take(self, count: int, width: int) -> numpy.ndarray:
        planes = self.raw[self.at:self.at + count * width].reshape(width, count).astype(numpy.int64)
        self.at += count * width
        return sum(plane << (8 * i) for i, plane in enumerate(planes))


def read() -> dict[str, numpy.ndarray]:
    """transaction_id, time_s (since ORIGIN_S), customer_id, terminal_id, amount_minor (hundredths), is_fraud; in event order."""
    columns = Columns(lzma.decompress((FOLDER / "transactions.columns.xz").read_bytes()))
    rows, customers, first_id = (int(columns.take(1, 4)[0]) for _ in range(3))
    time_s = numpy.cumsum(columns.take(rows, 2))
    customer_id = columns.take(rows, 2)
    counts = columns.take(customers, 1)
    starts = numpy.cumsum(counts) - counts
    steps = numpy.cumsum(columns.take(int(counts.sum()), 2))
    base = numpy.where(starts > 0, steps[starts - 1], 0)  # the sum runs on over customers: take it off again
    terminals = steps - numpy.repeat(base, counts)

    order = numpy.argsort(customer_id, kind="stable")
    grouped = {"amount_minor": columns.take(rows, 3), "terminal_id": columns.take(rows, 1), "is_fraud": columns.take(rows, 1)}
    group = numpy.unique(customer_id, return_inverse=True)[1][order]
    grouped["terminal_id"] = terminals[starts[group] + grouped["terminal_id"]]
    table = {"transaction_id": first_id + numpy.arange(rows), "time_s": time_s, "customer_id": customer_id}
    for name, column in grouped.items():
        table[name] = numpy.empty(rows, numpy.int64)
        table[name][order] = column
    return table


def read_scenario() -> numpy.ndarray:
    """fraud_scenario of each row. For slices of an evaluation: never an input of a model, nor of the pipeline."""
    return numpy.frombuffer(lzma.decompress((FOLDER / "scenario.xz").read_bytes()), numpy.uint8).astype(numpy.int64)


def write(directory: Path, table: dict[str, numpy.ndarray] | None = None) -> tuple[Path, Path]:
    """Both topics as files, each in its order of time: transactions, and labels seven days after their transaction."""
    table = table or read()
    directory.mkdir(parents=True, exist_ok=True)
    paths = directory / "transactions.jsonl.gz", directory / "labels.jsonl.gz"
    stamps = {}  # "2018-04-01T" of each day

    def stamp(time_s: int) -> str:
        day, second = divmod(time_s, 86_400)
        date = stamps.get(day)
        if date is None:
            date = stamps[day] = (datetime.date(2018, 4, 1) + datetime.timedelta(days=day)).isoformat()
        return f"{date}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"

    columns = zip(*(table[name].tolist() for name in
                    ("transaction_id", "time_s", "customer_id", "terminal_id", "amount_minor", "is_fraud")))
    with Text(paths[0]) as transactions, Text(paths[1]) as labels:
        for transaction, time_s, customer, terminal, amount, fraud in columns:
            transactions.write(
                f'{{"transaction_id":"{transaction}","user_id":"C{customer:04}","event_time":"{stamp(time_s)}",'
                f'"amount":{amount // 100}.{amount % 100:02},"currency":"XXX","merchant_id":"T{terminal:05}"}}\n')
            labels.write(
                f'{{"label_id":"L{transaction}","transaction_id":"{transaction}","user_id":"C{customer:04}",'
                f'"merchant_id":"T{terminal:05}","is_fraud":{"true" if fraud else "false"},"event_time":"{stamp(time_s)}",'
                f'"label_time":"{stamp(time_s + LABEL_DELAY_S)}"}}\n')
    return paths


def through(command: str, folder: Path, table: dict[str, numpy.ndarray], out: Path) -> None:
    """The whole of it through `weir features` or `weir replay` with the shipped configuration; says how fast that was."""
    transactions, labels = write(folder, table)
    began = time.monotonic()
    done = subprocess.run([WEIR, command, "--config", CONFIG, "--transactions", transactions, "--labels", labels, "--out", out],
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    speed = len(table["time_s"]) / (time.monotonic() - began)
    print(done.stderr.strip(), f"weir {command}: {speed:,.0f} payments/s", sep="\n", flush=True)


class Text:
    """A gzip file of lines, always the same bytes."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")
        self.gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=self.file, mtime=0)
        self.lines: list[str] = []

    def __enter__(self):
        return self

    def write(self, line: str):
        self.lines.append(line)
        if len(self.lines) == 10_000:
            self.flush()

    def flush(self):
        self.gzip.write("".join(self.lines).encode())
        self.lines.clear()

    def __exit__(self, *_):
        self.flush()
        self.gzip.close()
        self.file.close()


if __name__ == "__main__":
    print(*write(Path(sys.argv[1])), sep="\n")
