"""What the command line can do. Each command returns what goes to stdout as JSON."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from weir_training import package
from weir_training.calibration import Platt, fit_platt
from weir_training.examples import Examples, varying_features
from weir_training.fit import FitSettings, fit, score
from weir_training.network import Shape, served_network
from weir_training.metrics import average_precision, log_loss, roc_auc
from weir_training.operators import load_operators
from weir_training.payments import DataError, Payments, Source, read_payments
from weir_training.row_feature_cases import row_feature_file

# Without periods on the command line: the first three quarters train, the last eighth is held out.
_TRAIN_SHARE = 0.75
_CALIBRATE_SHARE = 0.875

# Plain torch sums in another order than the C++ operators; more than this is another function.
_AGREEMENT_MAX = 1e-5


@dataclass(frozen=True)
class Period:
    """Event times in [from, until), ms."""

    from_ms: int
    until_ms: int

    @staticmethod
    def parse(text: str) -> Period:
        """FROM:UNTIL, both dates in UTC; UNTIL is the first day outside."""
        first, _, until = text.partition(":")
        period = Period(_day_ms(first), _day_ms(until))
        if period.from_ms >= period.until_ms:
            raise ValueError(f"empty period: {text}")
        return period

    def __str__(self) -> str:
        first, until = (
            (datetime(1970, 1, 1) + timedelta(milliseconds=ms)).isoformat(timespec="seconds") + "Z"
            for ms in (self.from_ms, self.until_ms)
        )
        return f"{first} until {until}"


def _day_ms(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=timezone.utc).timestamp() * 1000)


@dataclass(frozen=True)
class Periods:
    """Each later than the one before, so that nothing looks ahead."""

    train: Period
    calibrate: Period
    evaluate: Period

    @staticmethod
    def chosen(arguments: Namespace, payments: Payments) -> Periods:
        time = payments.rows.event_time_ms
        borders = [
            int(time[0] + share * (time[-1] + 1 - time[0]))
            for share in (0, _TRAIN_SHARE, _CALIBRATE_SHARE, 1)
        ]
        defaults = [Period(first, until) for first, until in zip(borders, borders[1:])]
        given = (arguments.train, arguments.calibrate, arguments.evaluate)
        periods = [period or default for period, default in zip(given, defaults)]
        for earlier, later in zip(periods, periods[1:]):
            if earlier.until_ms > later.from_ms:
                raise DataError(f"periods overlap or go backwards: {earlier}, then {later}")
        return Periods(*periods)


def train(arguments: Namespace) -> dict[str, Any]:
    """The whole way from transactions to a registered package."""
    load_operators(
        arguments.ops
    )  # first: a missing library is best known before minutes of training
    payments, sources = read_payments(arguments.transactions, arguments.labels)
    periods = Periods.chosen(arguments, payments)
    settings = FitSettings(
        seed=arguments.seed,
        epochs=arguments.epochs,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
        genuine_weight=arguments.genuine_weight,
        weight_decay=arguments.weight_decay,
    )
    in_training = _labelled(payments, periods.train)
    features = arguments.features or varying_features(payments, arguments.history_rows, in_training)
    examples = Examples(payments, features, arguments.history_rows)

    # Before the fit: someone may edit the sources while it runs.
    provenance = _provenance(sources, periods, settings, payments, in_training)
    plain = fit(examples, in_training, settings)
    served_shape = Shape(features=len(features))
    model = package.scripted(served_network(served_shape, plain))
    served = package.load_model(model)
    calibration = _calibrate(served, examples, periods.calibrate)
    metrics = _metrics(served, calibration, examples, periods.evaluate)
    metrics["plain_torch_difference_max"] = _agreement(plain, served, examples, periods.evaluate)

    training = provenance | {"metrics": metrics}
    digest = package.write_package(
        arguments.out,
        package.Parts(sequence=package.SequencePart(arguments.out.name, model, ["fraud"])),
        package.Inputs(features, arguments.history_rows),
        None,
        calibration,
        training,
        examples.domain(in_training),
        arguments.replace,
    )
    return {
        "package": str(arguments.out),
        "digest": digest,
        "features": features,
        "metrics": metrics,
    }


def evaluate(arguments: Namespace) -> dict[str, Any]:
    """How a package does on a period, by the operators it is served with."""
    load_operators(arguments.ops)
    read = package.read_package(arguments.package)
    if read.trees or read.inputs.merchant_rows:
        raise package.PackageError(
            f"{arguments.package} reads more than the rows of users: only a replay can evaluate it"
        )
    payments, _ = read_payments(arguments.transactions, arguments.labels)
    period = arguments.period or Period(int(payments.rows.event_time_ms[0]), 1 << 62)
    examples = Examples(payments, read.inputs.features, read.inputs.history_rows)
    return _metrics(read.network, read.calibration, examples, period)


def check(arguments: Namespace) -> dict[str, Any]:
    """What the engine checks at load: digests and golden bits."""
    load_operators(arguments.ops)
    checked = package.check_package(arguments.package)
    digest = package.package_digest(arguments.package)
    return {
        "package": str(arguments.package),
        "digest": digest,
        "golden_cases": len(checked.golden),
    }


def row_feature_cases(arguments: Namespace) -> dict[str, Any]:
    """Writes the file both languages test their features against."""
    arguments.out.write_text(row_feature_file())
    return {"written": str(arguments.out)}


def _labelled(payments: Payments, period: Period) -> np.ndarray:
    """Positions of the payments of a period whose outcome is known; both outcomes must occur."""
    time = payments.rows.event_time_ms
    inside = (time >= period.from_ms) & (time < period.until_ms) & (payments.is_fraud >= 0)
    index = np.flatnonzero(inside)
    frauds = int(payments.is_fraud[index].sum())
    if frauds == 0 or frauds == len(index):
        raise DataError(
            f"{period}: {len(index)} labelled payments, {frauds} frauds; both kinds are needed"
        )
    return index


def _calibrate(served: nn.Module, examples: Examples, period: Period) -> Platt:
    index = _labelled(examples.payments, period)
    return fit_platt(score(served, examples, index, "calibrate")[:, 0], examples.labels(index))


def _metrics(
    served: nn.Module, calibration: Platt, examples: Examples, period: Period
) -> dict[str, Any]:
    """Separation (AUC, AP) and honesty (log loss; mean probability beside the share of frauds)."""
    index = _labelled(examples.payments, period)
    logit = score(served, examples, index, "evaluate")[:, 0]
    label = examples.labels(index)
    probability = calibration.probability(logit)
    return {
        "payments": len(index),
        "frauds": int(label.sum()),
        "auc": roc_auc(logit, label),
        "average_precision": average_precision(logit, label),
        "log_loss": log_loss(probability, label),
        "mean_probability": float(probability.mean()),
        "fraud_share": float(label.astype(np.float64).mean()),
    }


def _agreement(plain: nn.Module, served: nn.Module, examples: Examples, period: Period) -> float:
    """Largest difference of a logit between the trained and the served form over a whole period."""
    index = _labelled(examples.payments, period)
    trained = score(plain, examples, index, "compare")
    largest = float(np.abs(trained - score(served, examples, index, "compare")).max())
    if not largest <= _AGREEMENT_MAX:
        raise package.PackageError(
            f"C++ operators differ from plain torch by {largest:.2e}, more than {_AGREEMENT_MAX}:"
            " either they are another function, or the weights are so large that rounding shows"
            " (raise --weight-decay)"
        )
    return largest


def _provenance(
    sources: list[Source],
    periods: Periods,
    settings: FitSettings,
    payments: Payments,
    index: np.ndarray,
) -> dict[str, Any]:
    """What someone needs to make the same model again, and to see that they did."""
    return {
        "data": [asdict(source) for source in sources],
        "code_sha256": package.code_digest(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "periods": {
            name: str(getattr(periods, name)) for name in ("train", "calibrate", "evaluate")
        },
        "settings": asdict(settings),
        "rows": len(index),
        "frauds": int(payments.is_fraud[index].sum()),
    }
