"""Command line: `python3 -m weir_training train|evaluate|check|row-feature-cases --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NoReturn

# OpenBLAS reads this once, when numpy or torch loads it. Sums split over threads would be other
# sums.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import torch  # noqa: E402  (after the line above)

from weir_training import commands  # noqa: E402
from weir_training.calibration import CalibrationError  # noqa: E402
from weir_training.evaluation import folds, judge as judging  # noqa: E402
from weir_training.evaluation.money import Costs  # noqa: E402
from weir_training.fit import FitSettings  # noqa: E402
from weir_training.operators import OperatorsMissing  # noqa: E402
from weir_training.package import PackageError  # noqa: E402
from weir_training.payments import DataError  # noqa: E402
from weir_training.row_features import ROW_FEATURES  # noqa: E402

_REPOSITORY = Path(__file__).resolve().parents[3]
_OPERATORS = _REPOSITORY / "build/release/models/libweir_torch_ops.so"

_EXIT_DATA = 65  # the engine's exit codes: 64 usage, 65 data, 69 unavailable
_EXIT_USAGE = 64
_EXIT_UNAVAILABLE = 69


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="weir_training", description=__doc__)
    steps = parser.add_subparsers(required=True, parser_class=_Parser)
    _add_train(steps.add_parser("train", help="train, calibrate, evaluate and write a package"))
    _add_evaluate(steps.add_parser("evaluate", help="quality of a package on a period"))
    check = steps.add_parser(
        "check", help="digests and golden bits of a package, as the engine checks them"
    )
    _add_operators(check)
    check.add_argument("--package", type=Path, required=True)
    check.set_defaults(run=commands.check)
    _add_report(steps.add_parser("report", help="figures and plots of what `weir replay` wrote"))
    cases = steps.add_parser("row-feature-cases", help="write tests/data/row_features.json")
    cases.add_argument("--out", type=Path, default=_REPOSITORY / "tests/data/row_features.json")
    cases.set_defaults(run=commands.row_feature_cases)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transactions",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="handbook CSV or JSON lines as on the topic, plain or .gz; several are one data set",
    )
    parser.add_argument(
        "--labels", type=Path, nargs="+", default=[], metavar="FILE", help="labels for JSON lines"
    )


def _add_operators(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ops",
        type=Path,
        default=_OPERATORS,
        metavar="LIB",
        help="C++ operators (default: %(default)s)",
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    defaults = FitSettings()
    _add_data(parser)
    _add_operators(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="ZOO/NAME/VERSION")
    parser.add_argument(
        "--replace", action="store_true", help="overwrite a version that is in no verdict yet"
    )
    for name, text in (
        ("train", "first three quarters of the data"),
        ("calibrate", "the eighth after that"),
        ("evaluate", "the last eighth"),
    ):
        parser.add_argument(
            f"--{name}", type=_period, metavar="FROM:UNTIL", help=f"dates, UTC (default: {text})"
        )
    parser.add_argument(
        "--features",
        nargs="+",
        choices=list(ROW_FEATURES),
        metavar="NAME",
        help="columns of a row, in order (default: those that vary in the training period)",
    )
    parser.add_argument(
        "--history-rows", type=int, default=16, metavar="W", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=defaults.batch, help="default: %(default)s")
    parser.add_argument(
        "--learning-rate", type=float, default=defaults.learning_rate, help="default: %(default)s"
    )
    parser.add_argument(
        "--genuine-weight",
        type=float,
        default=defaults.genuine_weight,
        help="weight of a genuine payment in the loss, a fraud weighs 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--weight-decay",
        type=float,
        default=defaults.weight_decay,
        help="keeps weights small, so that rounding stays small (default: %(default)s)",
    )
    parser.set_defaults(run=commands.train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    _add_operators(parser)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument(
        "--period", type=_period, metavar="FROM:UNTIL", help="dates, UTC (default: all)"
    )
    parser.set_defaults(run=commands.evaluate)


def _add_report(parser: argparse.ArgumentParser) -> None:
    costs = Costs()
    parser.add_argument("--verdicts", type=Path, required=True, metavar="FILE")
    parser.add_argument("--labels", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--protocol", choices=list(judging.PROTOCOLS), help="published folds (default: handbook)"
    )
    which.add_argument(
        "--period", type=_period, metavar="FROM:UNTIL", help="instead: whole days, UTC"
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="count this look, as looks at the published test weeks are counted",
    )
    parser.add_argument(
        "--looks", type=Path, metavar="FILE", help="where (default: DIR/test_looks.jsonl)"
    )
    parser.add_argument(
        "--alert-cost",
        type=float,
        default=costs.alert,
        help="of one alert, in major units (default: %(default)s)",
    )
    parser.add_argument(
        "--slice",
        type=Path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="transaction_id,NAME: one more table, by groups that no model sees",
    )
    parser.add_argument("--title", default="evaluation")
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> dict[str, object]:
    period = arguments.period
    result = judging.judge(
        arguments.verdicts,
        arguments.labels,
        arguments.out,
        folds.period(period.from_ms, period.until_ms)
        if period
        else arguments.protocol or "handbook",
        arguments.test or None,
        Costs(arguments.alert_cost),
        arguments.slice,
        arguments.title,
        arguments.looks,
    )
    return judging.summary(result, arguments.out)


def _period(text: str) -> commands.Period:
    try:
        return commands.Period.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"not a period FROM:UNTIL such as 2018-04-01:2018-06-04: {error}"
        )


def main() -> int:
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    try:
        print(json.dumps(arguments.run(arguments), indent=2))
    except OperatorsMissing as error:
        print(f"weir_training: {error}", file=sys.stderr)
        return _EXIT_UNAVAILABLE
    except (DataError, CalibrationError, PackageError) as error:
        print(f"weir_training: {error}", file=sys.stderr)
        return _EXIT_DATA
    return 0


if __name__ == "__main__":
    sys.exit(main())
