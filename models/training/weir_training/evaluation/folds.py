"""Which payments a figure is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Iterable

import numpy as np

from weir_training.evaluation.scores import Scores
from weir_training.payments import UNLABELLED, DataError


@dataclass(frozen=True)
class Fold:
    """A test period and, by the published protocol, from when on its compromised cards count."""

    name: str
    first_day: int  # days since 1970, UTC
    days: int
    cards_known_from: int | None = None  # first day whose frauds make a card known; None: no card
    cards_known_delay: int = 7  # days until a fraud is known

    def index(self, scores: Scores) -> np.ndarray:
        """Positions of the fold's labelled payments, without those of cards known as compromised.

        Day by day: a card leaves once a fraud of it, old enough to be known, lies in the training
        week or after it.
        """
        day, is_fraud = scores.day, scores.is_fraud
        parts = []
        for today in range(self.first_day, self.first_day + self.days):
            test = (day == today) & (is_fraud != UNLABELLED)
            if self.cards_known_from is not None:
                until = today - self.cards_known_delay
                known = (is_fraud > 0) & (day >= self.cards_known_from) & (day < until)
                test &= ~np.isin(scores.user, np.unique(scores.user[known]))
            parts.append(np.flatnonzero(test))
        index = np.concatenate(parts)
        frauds = int((is_fraud[index] > 0).sum())
        if not 0 < frauds < len(index):
            raise DataError(
                f"fold {self.name}: {len(index)} labelled payments, {frauds} frauds; "
                "both kinds are needed"
            )
        return index


def _day(date: str) -> int:
    return int(np.datetime64(date, "D").astype(np.int64))


def _handbook(train_starts: tuple[str, ...]) -> list[Fold]:
    """Windows of the published protocol: a week of training, one of delay, one of test."""
    return [
        Fold(str(np.datetime64(start, "D") + 14), _day(start) + 14, 7, _day(start))
        for start in train_starts
    ]


# Published: the four test weeks. Choices are made on the weeks before them only.
HANDBOOK_TEST = _handbook(("2018-07-25", "2018-08-01", "2018-08-08", "2018-08-15"))
HANDBOOK_VALIDATION = _handbook(("2018-06-20", "2018-06-27", "2018-07-04", "2018-07-11"))


def touches_published_test(folds: Iterable[Fold]) -> bool:
    """Whether a day of them is one of the published test weeks, whatever they are called."""
    return any(
        fold.first_day < test.first_day + test.days and test.first_day < fold.first_day + fold.days
        for fold in folds
        for test in HANDBOOK_TEST
    )


def days(first: date, until: date) -> Fold:
    """Whole days, the last excluded, every card."""
    if first >= until:
        raise ValueError(f"empty period: {first} until {until}")
    return Fold(first.isoformat(), _day(first.isoformat()), (until - first).days)
