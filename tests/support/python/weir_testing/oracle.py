"""What must come out: `weir replay` over the same input, compared byte for byte."""
import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from .broker import Record
from .job import Job
from .worker import dump_state, weir

Place = tuple[int, int]  # partition and offset of a payment in the input topic


@dataclass
class Expected:
    verdicts: dict[Place, bytes]  # in the order in which replay wrote them
    state: list[dict]             # every user, in key order


def place_of(verdict: bytes) -> Place:
    """Which payment a verdict answers."""
    source = json.loads(verdict)["input"]
    return source["partition"], source["offset"]


def replay(job: Job, transactions: tuple[bytes, ...], labels: tuple[bytes, ...] = ()) -> Expected:
    """An undisturbed run in memory, with the job's own configuration."""
    folder = job.work / "replay"
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"{name}.jsonl" for name in ("transactions", "labels", "verdicts", "state")}
    paths["transactions"].write_bytes(b"".join(line + b"\n" for line in transactions))
    paths["labels"].write_bytes(b"".join(line + b"\n" for line in labels))
    done = weir("replay", "--config", str(job.config("replay")), "--transactions", str(paths["transactions"]),
                "--labels", str(paths["labels"]), "--out", str(paths["verdicts"]), "--state-out", str(paths["state"]))
    assert done.returncode == 0, done.stderr.decode()
    verdicts = paths["verdicts"].read_bytes().splitlines()
    return Expected({place_of(line): line for line in verdicts},
                    [json.loads(line) for line in paths["state"].read_bytes().splitlines()])


def features(job: Job, transactions: tuple[bytes, ...],
             labels: tuple[bytes, ...] = ()) -> dict[str, dict[str, float | None]]:
    """What `weir features` says of each payment, by transaction_id; None is a value there was not."""
    payments, table = job.work / "features.jsonl", job.work / "features.csv"
    payments.write_bytes(b"".join(line + b"\n" for line in transactions))
    opinions = job.work / "features-labels.jsonl"
    opinions.write_bytes(b"".join(line + b"\n" for line in labels))
    done = weir("features", "--config", str(job.config("features")), "--transactions", str(payments), "--labels", str(opinions),
                "--out", str(table))
    assert done.returncode == 0, done.stderr.decode()
    with table.open(newline="") as lines:
        return {row.pop("transaction_id"): {name: float(value) if value else None for name, value in row.items()}
                for row in csv.DictReader(lines)}


def check_features(job: Job, transactions: tuple[bytes, ...]) -> int:
    """Every value in topic `features` is the one that `weir features` gives, bit for bit. Returns how many were compared."""
    offline = features(job, transactions)
    names = list(next(iter(offline.values())))
    compared, wrong, seen = 0, [], set()
    for record in job.read("features"):
        live = json.loads(record.value)
        transaction = live["transaction_id"]
        seen.add(transaction)
        compared += len(names)
        wrong += [(transaction, name) for name in names if live["windows"][name] != offline[transaction][name]]
    assert seen == offline.keys(), f"{len(offline.keys() - seen)} payments have no features"
    assert not wrong, f"{len(wrong)} of {compared} values differ: {_some(wrong)}"
    return compared


def check_exactly_once(expected: Expected, verdicts: list[Record]) -> None:
    """Each payment has one verdict, with the bytes of the undisturbed run, in the order of its partition."""
    by_place = _grouped(verdicts)
    _none_lost_none_invented(expected, by_place)
    doubled = {place: len(values) for place, values in by_place.items() if len(values) > 1}
    assert not doubled, f"{len(doubled)} payments have more than one verdict: {_some(doubled)}"
    _bytes_agree(expected, by_place)
    last: dict[tuple[int, int], int] = {}
    for record in verdicts:
        partition, offset = place_of(record.value)
        lane = record.partition, partition
        assert last.get(lane, -1) < offset, f"verdict for {partition}/{offset} after that for {last[lane]}"
        last[lane] = offset


def check_at_least_once(expected: Expected, verdicts: list[Record]) -> int:
    """None lost, and every repeat has the bytes of the first. Returns the number of repeats."""
    by_place = _grouped(verdicts)
    _none_lost_none_invented(expected, by_place)
    _bytes_agree(expected, by_place)
    return len(verdicts) - len(by_place)


def check_state(expected: Expected, config: Path) -> None:
    """The local stores of an instance that has stopped hold what the undisturbed run held."""
    found = {user["user_id"]: user for user in dump_state(config)}
    wanted = {user["user_id"]: user for user in expected.state}
    assert found.keys() == wanted.keys(), (
        f"{len(wanted.keys() - found.keys())} users missing, {len(found.keys() - wanted.keys())} too many")
    wrong = [user for user in wanted if wanted[user] != found[user]]
    assert not wrong, f"{len(wrong)} users differ, the first:\nwanted {wanted[wrong[0]]}\nfound  {found[wrong[0]]}"


def _grouped(verdicts: list[Record]) -> dict[Place, list[bytes]]:
    by_place: dict[Place, list[bytes]] = defaultdict(list)
    for record in verdicts:
        by_place[place_of(record.value)].append(record.value)
    return by_place


def _none_lost_none_invented(expected: Expected, by_place: dict[Place, list[bytes]]) -> None:
    lost = expected.verdicts.keys() - by_place.keys()
    assert not lost, f"{len(lost)} of {len(expected.verdicts)} payments have no verdict: {_some(sorted(lost))}"
    invented = by_place.keys() - expected.verdicts.keys()
    assert not invented, f"{len(invented)} verdicts for payments that were never made: {_some(sorted(invented))}"


def _bytes_agree(expected: Expected, by_place: dict[Place, list[bytes]]) -> None:
    wrong = [place for place, values in by_place.items() if set(values) != {expected.verdicts[place]}]
    assert not wrong, (f"{len(wrong)} verdicts differ from the undisturbed run, the first at {wrong[0]}:\n"
                       f"wanted {expected.verdicts[wrong[0]]!r}\nfound  {by_place[wrong[0]]!r}")


def _some(things) -> str:
    listed = list(things)[:5]
    return f"{listed}" + (" ..." if len(things) > 5 else "")
