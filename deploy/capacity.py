#!/usr/bin/env python3
"""How large a pipeline must be, from costs that were measured (deploy/capacity.md says where and how).

  deploy/capacity.py --payments-per-second 2000 --users 2e6 --merchants 50e3

Figures are of peak load; --headroom is what is left free at the peak, for catching up after an outage and for what is not known.
"""
import argparse
import math
import sys

# Payments a second and core, exactly_once. README, "Figures": live_bench.py, 2026-11-22, two EPYC cores that the broker shared.
PER_CORE = {"none": 79_200, "user": 62_500, "entities": 21_300}
RESTORE_RECORDS_PER_S = 1_000_000 / 9.4  # the same
# Memory of a user at hand: 16 rows (configs/handbook.yaml, state.hot_bytes); with windows and 128 rows for ratios, and the same for an
# entity: the bundled sample through configs/handbook.yaml (capacity.md).
USER_BYTES = {"none": 2_048, "user": 22_577, "entities": 22_577}
ENTITY_BYTES = 14_555
WINDOW_BYTES = 306            # disk, an event at 90 days, its user's and its merchant's row: windows_bench
PROCESS_BYTES = (346 - 128) << 20  # resident memory without the hot set: live_bench
# Bytes of broker disk a payment, by topic, before replication: the bundled sample through configs/handbook.yaml (capacity.md).
KAFKA_BYTES = {"transactions": 153, "verdicts": 988, "features": 3_608, "weir-state-decisions": 501, "entities": 182,
               "entity-profiles": 1_360, "weir-state-entities": 277}
PROFILE_BYTES = 1_328         # memory of each instance, an entity with a profile; the same run
DISK_FACTOR = 2               # compaction needs room for what it rewrites


def positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share; write 0.5 for half")
    return value


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="capacity.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments-per-second", type=positive, required=True, help="at the peak")
    parser.add_argument("--daily-payments", type=positive, help="default: as many as a third of the peak all day long")
    parser.add_argument("--users", type=positive, required=True, help="known in all")
    parser.add_argument("--merchants", type=positive, default=0.0, help="and devices and cards that have a profile")
    parser.add_argument("--active-share", type=share, default=0.1, help="of users who pay within an hour or two; they should fit the hot set")
    parser.add_argument("--features", choices=PER_CORE, default="entities", help="what is declared: none, over users, over entities too")
    parser.add_argument("--window-days", type=positive, default=90, help="the longest window and delay")
    parser.add_argument("--retention-days", type=positive, default=7, help="of payments, verdicts and features on the broker")
    parser.add_argument("--replication", type=int, default=3)
    parser.add_argument("--headroom", type=share, default=0.5)
    parser.add_argument("--instances", type=int, default=3)
    return parser.parse_args(words)


def figures(a: argparse.Namespace) -> list[tuple[str, str]]:
    rate = a.payments_per_second
    daily = a.daily_payments or rate / 3 * 86_400
    cores = rate / PER_CORE[a.features] / (1 - a.headroom)
    workers = max(a.instances, math.ceil(cores))
    # One partition can be split no further: four to a worker leave room to grow without changing their count.
    partitions = 2 ** math.ceil(math.log2(workers * 4))
    of_entities = a.features == "entities"
    hot = (a.users * a.active_share * USER_BYTES[a.features] + (a.merchants * ENTITY_BYTES if of_entities else 0)) / a.instances
    profiles = a.merchants * PROFILE_BYTES if of_entities else 0
    windows = daily * a.window_days * WINDOW_BYTES if a.features != "none" else 0
    state = (a.users * USER_BYTES["none"] + windows) * DISK_FACTOR / a.instances
    written = sum(size for topic, size in KAFKA_BYTES.items() if topic != "transactions")
    kept = sum(KAFKA_BYTES[topic] for topic in ("transactions", "verdicts", "features"))
    # What the changelogs of a lost store hold: a record for each row that windows still see, of user and of merchant; else the last rows.
    rows = {"none": 0, "user": 1, "entities": 2}[a.features] * daily * a.window_days
    changelog = (a.users * 16 + rows) / a.instances
    return [
        ("cores for payments, all instances", f"{cores:.1f}"),
        ("workers (threads) in all", f"{workers}"),
        ("partitions of transactions", f"{partitions}"),
        ("memory an instance", f"{size(PROCESS_BYTES + hot + profiles)}, of it state.hot_bytes {size(hot)}, profiles {size(profiles)}"),
        ("disk an instance", size(state)),
        ("written to Kafka at the peak", f"{size(rate * written)}/s, times {a.replication} with replicas"),
        ("of that for 1,000 payments/s", f"{size(1_000 * written)}/s"),
        ("kept by Kafka, payments, verdicts and features", size(daily * a.retention_days * kept * a.replication)),
        ("restore of an instance that lost its disk", f"{duration(changelog / RESTORE_RECORDS_PER_S)} for {changelog / 1e6:.0f} million records"),
    ]


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1_024:
            return f"{count:.0f} {unit}"
        count /= 1_024
    return f"{count:,.1f} TiB"


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def main() -> None:
    for what, value in figures(parse(sys.argv[1:])):
        print(f"{what:48}{value}")


if __name__ == "__main__":
    main()
