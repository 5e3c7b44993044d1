"""Card payments with frauds of regimes that the shipped model never saw, seeded, in the form of Weir's two topics.

    python -m weir_testing.regimes NAME[+NAME] DIR [--cards N] [--terminals N] [--days N] [--switch DAY] [--seed N]

writes DIR/transactions.jsonl.gz, DIR/labels.jsonl.gz (seven days late) and DIR/kind.csv, groups for `weir_training report --slice`
that no topic and no model sees. With NAME+NAME the same cards go on under the second regime from day --switch.

Written from the prose of Le Borgne, Siblini, Lebichot, Bontempi, "Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook" (Universite Libre de Bruxelles and Worldline, 2022), chapter 3: cards and terminals lie on a plane, a card pays
at terminals near it with its own mean amount and frequency; frauds are high amounts, everything at a compromised terminal for some
days, some payments of a leaked card for some days, multiplied. None of the book's code was used. Here every constant is a
parameter, and there are kinds of fraud besides that the book does not have.
"""
import argparse
import dataclasses
import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy

from . import handbook

DAY_S = 86_400
SIDE = 100.0  # of the plane
# A column of simulate(), for slices of an evaluation. Never an input of a model, nor of the pipeline.
KINDS = ("genuine", "high amount", "compromised terminal", "leaked card", "card testing")
_HIGH, _TERMINAL, _LEAK, _TESTING = range(1, len(KINDS))


@dataclass(frozen=True)
class Regime:
    """Everything that decides what is drawn. Rates a day are means of Poisson draws; 0 leaves a kind of fraud out.

    Each kind is drawn from a stream of its own, so a constant that changes leaves what it does not concern as it was.
    """

    seed: int = 1
    first_day: datetime.date = datetime.date(2019, 3, 4)  # behind all that the shipped model learned from
    days: int = 91
    # Cards and terminals.
    cards: int = 1_500
    terminals: int = 3_000
    radius: float = 8.0  # a card uses the terminals within; if there are none, the nearest one
    payments_a_day: tuple[float, float] = (0.2, 3.6)  # mean of a card, uniform between
    card_amount: tuple[float, float] = (8.0, 90.0)  # mean of a card, uniform between
    amount_shape: str = "normal"  # or lognormal; a normal amount below zero is drawn anew, uniform up to twice the mean
    amount_deviation: float = 0.5  # of a card's amounts, as a share of their mean
    noon_deviation_h: float = 5.5  # of the time of day, around noon
    # A fraud: every amount above. None: no such fraud.
    high_amount: float | None = 200.0
    # Compromised terminals: this share of their payments is fraud, for some days; with a bound, only of amounts up to it.
    terminals_a_day: float = 0.6
    terminal_days: int = 21
    terminal_share: float = 1.0
    terminal_amount_max: float | None = None
    # Leaked cards: this share of their payments is fraud, for some days, with multiplied amounts; in a burst, minutes apart.
    leaks_a_day: float = 0.9
    leak_days: int = 10
    leak_share: float = 0.35
    leak_multiplier: float = 4.0
    leak_in_burst: bool = False
    # Card testing: at one terminal many cards of anybody pay a few times, small amounts within minutes.
    tests_a_day: float = 0.0
    test_cards: int = 8
    test_payments: int = 3
    test_amount: tuple[float, float] = (0.5, 5.0)


# Near the published constants, in density of terminals and rates a card as well, but other cards, places, period and draws.
AS_PUBLISHED_LIKE = Regime(
    seed=11, radius=9.0, payments_a_day=(0.0, 4.0), card_amount=(5.0, 100.0), noon_deviation_h=5.6, high_amount=220.0,
    terminals_a_day=0.6, terminal_days=28, leaks_a_day=0.9, leak_days=14, leak_share=1 / 3, leak_multiplier=5.0)

REGIMES = {
    "as-published-like": AS_PUBLISHED_LIKE,
    # The same kinds, none as it was: shorter and not all of a terminal, longer and fainter leaks, other amounts.
    "other-constants": dataclasses.replace(
        AS_PUBLISHED_LIKE, amount_deviation=0.45, high_amount=180.0, terminals_a_day=1.5, terminal_days=10, terminal_share=0.8,
        leaks_a_day=0.9, leak_days=21, leak_share=0.25, leak_multiplier=3.0),
    # What the shipped model learned to clear: small amounts. Card testing, and terminals where only they are fraud.
    "new-kind": dataclasses.replace(
        AS_PUBLISHED_LIKE, high_amount=None, terminals_a_day=1.2, terminal_amount_max=25.0, leaks_a_day=0.0,
        tests_a_day=0.35, test_cards=8, test_payments=3),
}


def resized(regime: Regime, cards: int, terminals: int, **changes) -> Regime:
    """With another number of cards and terminals, and as many frauds a payment."""
    more = cards / regime.cards
    rates = {"leaks_a_day": regime.leaks_a_day * more, "tests_a_day": regime.tests_a_day * more,
             "terminals_a_day": regime.terminals_a_day * (terminals / regime.terminals)}
    return dataclasses.replace(regime, cards=cards, terminals=terminals, **rates, **changes)


def simulate(regime: Regime, after: Regime | None = None, switch_day: int = 0) -> dict[str, numpy.ndarray]:
    """Columns as of handbook.read(), in event order, and `kind`. With `after`, payments from `switch_day` on are of that regime:
    the same cards and terminals at the same places, and frauds as if it had always been so."""
    world = _World(regime)
    table = _under(world, regime)
    if after:
        now = _under(world, dataclasses.replace(after, seed=regime.seed, days=regime.days))
        border = switch_day * DAY_S
        table = {name: numpy.concatenate((table[name][table["at_s"] < border], now[name][now["at_s"] >= border])) for name in table}
    order = numpy.lexsort((table["customer_id"], table["at_s"]))
    table = {name: column[order] for name, column in table.items()}
    # Handbook time, because its writer is ours too.
    first_s = (regime.first_day - datetime.date(2018, 4, 1)).days * DAY_S
    table["time_s"] = table.pop("at_s") + first_s
    table["transaction_id"] = numpy.arange(1, len(order) + 1)
    table["is_fraud"] = (table["kind"] > 0).astype(numpy.int64)
    return table


class _World:
    """Who is there and where they pay; the same for every regime of one data set."""

    def __init__(self, regime: Regime):
        random = _random(regime, "world")
        self.rate = random.uniform(*regime.payments_a_day, regime.cards)
        self.mean = random.uniform(*regime.card_amount, regime.cards)
        card = random.uniform(0, SIDE, (regime.cards, 1, 2))
        terminal = random.uniform(0, SIDE, (1, regime.terminals, 2))
        distance = numpy.hypot(*numpy.moveaxis(card - terminal, 2, 0))
        near = distance <= numpy.maximum(regime.radius, distance.min(axis=1, keepdims=True))
        self.terminal = numpy.nonzero(near)[1]  # of all cards, one card after the other
        self.terminals = near.sum(axis=1)
        self.first = numpy.cumsum(self.terminals) - self.terminals


def _under(world: _World, regime: Regime) -> dict[str, numpy.ndarray]:
    """All days under one regime, in no order: at_s from the first day, customer_id, terminal_id, amount_minor, kind."""
    table = _payments(world, regime)
    day = table["at_s"] // DAY_S
    kind = numpy.zeros(len(day), numpy.int64)
    if regime.high_amount is not None:
        kind[table["amount"] > regime.high_amount] = _HIGH
    _compromise(regime, table, day, kind)
    _leak(regime, table, day, kind)
    table["kind"] = kind
    tests = _tests(regime)
    table = {name: numpy.concatenate((table[name], tests[name])) for name in table}
    table["amount_minor"] = numpy.maximum(numpy.rint(table.pop("amount") * 100), 1).astype(numpy.int64)
    return table


def _payments(world: _World, regime: Regime) -> dict[str, numpy.ndarray]:
    random = _random(regime, "payments")
    count = random.poisson(world.rate[:, None], (len(world.rate), regime.days))
    card = numpy.repeat(numpy.arange(len(count)), count.sum(axis=1))
    day = numpy.repeat(numpy.tile(numpy.arange(regime.days), len(count)), count.ravel())
    second = random.normal(DAY_S / 2, regime.noon_deviation_h * 3600, len(card)).astype(numpy.int64) % DAY_S
    which = (random.random(len(card)) * world.terminals[card]).astype(numpy.int64)
    mean, unit = world.mean[card], random.normal(size=len(card))
    anew = random.uniform(0, 2, len(card)) * mean
    if regime.amount_shape == "normal":
        amount = mean * (1 + regime.amount_deviation * unit)
        amount = numpy.where(amount < 0, anew, amount)
    else:
        spread = numpy.sqrt(numpy.log1p(regime.amount_deviation**2))
        amount = mean * numpy.exp(spread * unit - spread**2 / 2)
    return {"at_s": day * DAY_S + second, "customer_id": card, "terminal_id": world.terminal[world.first[card] + which],
            "amount": numpy.maximum(numpy.rint(amount * 100), 1) / 100}  # a threshold is on what is paid


def _compromise(regime: Regime, table: dict[str, numpy.ndarray], day: numpy.ndarray, kind: numpy.ndarray) -> None:
    random = _random(regime, "terminals")
    drawn = random.random(len(day)) < regime.terminal_share
    if regime.terminal_amount_max is not None:
        drawn &= table["amount"] <= regime.terminal_amount_max
    for first, terminal in _campaigns(random, regime, regime.terminals_a_day, regime.terminal_days, regime.terminals):
        hit = (table["terminal_id"] == terminal) & (day >= first) & (day < first + regime.terminal_days)
        kind[hit & drawn] = _TERMINAL


def _leak(regime: Regime, table: dict[str, numpy.ndarray], day: numpy.ndarray, kind: numpy.ndarray) -> None:
    random = _random(regime, "leaks")
    start = numpy.searchsorted(table["customer_id"], numpy.arange(regime.cards + 1))  # payments come card by card
    for first, card in _campaigns(random, regime, regime.leaks_a_day, regime.leak_days, regime.cards):
        rows = numpy.arange(start[card], start[card + 1])
        rows = rows[(day[rows] >= first) & (day[rows] < first + regime.leak_days)]
        rows = rows[(random.random(len(rows)) < regime.leak_share) & (kind[rows] != _LEAK)]  # nothing is multiplied twice
        kind[rows] = _LEAK
        table["amount"][rows] *= regime.leak_multiplier
        if regime.leak_in_burst and len(rows):
            begins = table["at_s"][rows].min()
            table["at_s"][rows] = begins + numpy.cumsum(random.exponential(300, len(rows))).astype(numpy.int64)


def _tests(regime: Regime) -> dict[str, numpy.ndarray]:
    """Payments besides those that cards make anyway."""
    random = _random(regime, "tests")
    rows: list[tuple[int, int, int, float]] = []
    for first, terminal in _campaigns(random, regime, regime.tests_a_day, 1, regime.terminals):
        begins = first * DAY_S + int(random.integers(DAY_S - 7200))
        for card in random.choice(regime.cards, min(regime.test_cards, regime.cards), replace=False).tolist():
            at = begins + int(random.integers(3600)) + numpy.cumsum(random.exponential(60, regime.test_payments)).astype(int)
            rows += [(when, card, terminal, random.uniform(*regime.test_amount)) for when in at.tolist()]
    columns = list(zip(*rows)) or [(), (), (), ()]
    kinds = (numpy.int64, numpy.int64, numpy.int64, numpy.float64)
    table = dict(zip(("at_s", "customer_id", "terminal_id", "amount"), map(numpy.array, columns, kinds)))
    return table | {"kind": numpy.full(len(rows), _TESTING)}


def _campaigns(random: numpy.random.Generator, regime: Regime, a_day: float, days: int, among: int) -> list[tuple[int, int]]:
    """(first day, who) of what begins each day; some began before the first day, so that the share of frauds does not grow."""
    begins = range(1 - days, regime.days)
    count = random.poisson(a_day, len(begins))
    return [(day, int(who)) for day, n in zip(begins, count) for who in random.integers(among, size=n)]


def _random(regime: Regime, stream: str) -> numpy.random.Generator:
    return numpy.random.default_rng([regime.seed, *stream.encode()])


def write_kinds(path: Path, table: dict[str, numpy.ndarray]) -> None:
    lines = (f"{i},{KINDS[k]}\n" for i, k in zip(table["transaction_id"].tolist(), table["kind"].tolist()))
    path.write_text("transaction_id,kind\n" + "".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(prog="weir_testing.regimes", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME[+NAME]", help=", ".join(REGIMES))
    parser.add_argument("out", type=Path, metavar="DIR")
    parser.add_argument("--switch", type=int, default=56, metavar="DAY", help="first of the second regime (default: %(default)s)")
    for name in ("cards", "terminals", "days", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(AS_PUBLISHED_LIKE, name), help="default: %(default)s")
    arguments = parser.parse_args()
    unknown = set(arguments.names.split("+")) - set(REGIMES)
    if unknown:
        parser.error(f"no regime {', '.join(sorted(unknown))}; there are {', '.join(REGIMES)}")
    size = {name: getattr(arguments, name) for name in ("cards", "terminals", "days", "seed")}
    first, *after = (resized(REGIMES[name], **size) for name in arguments.names.split("+"))
    table = simulate(first, *after, *([arguments.switch] if after else []))
    print(*handbook.write(arguments.out, table), sep="\n")
    write_kinds(arguments.out / "kind.csv", table)
    print(f"{len(table['kind']):,} payments, {table['is_fraud'].mean():.2%} fraud")


if __name__ == "__main__":
    main()
