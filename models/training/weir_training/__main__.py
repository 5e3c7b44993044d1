"""Command line: `python3 -m weir_training run|report|retrain|check|... --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any, Callable, NoReturn

# OpenBLAS reads this once, when numpy or torch loads it. Sums split over threads would be other
# sums.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import torch  # noqa: E402  (after the line above)

from weir_features import EngineMissing  # noqa: E402
from weir_training import commands, experiment_commands  # noqa: E402
from weir_training.calibration import CalibrationError  # noqa: E402
from weir_training.evaluation import folds, judge as judging  # noqa: E402
from weir_training.evaluation.money import Costs  # noqa: E402
from weir_training.experiment import ExperimentError  # noqa: E402
from weir_training.operators import OperatorsMissing  # noqa: E402
from weir_training.package import PackageError  # noqa: E402
from weir_training.payments import DataError  # noqa: E402

_REPOSITORY = Path(__file__).resolve().parents[3]
_OPERATORS = _REPOSITORY / "build/release/models/libweir_torch_ops.so"
_WEIR = _REPOSITORY / "build/release/weir"

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
    for name, text in experiment_commands.STEPS.items():
        _add_experiment(steps.add_parser(name, help=f"step: {text}"), experiment_commands.step)
        steps.choices[name].set_defaults(step=name)
    register = steps.add_parser("register", help="step: the package into the zoo")
    _add_experiment(register, experiment_commands.register)
    _add_zoo(register, _REPOSITORY / "models/zoo")
    run = steps.add_parser("run", help="all steps of an experiment")
    _add_experiment(run, experiment_commands.run)
    _add_zoo(run, None)
    _add_retrain(steps.add_parser("retrain", help="a package from what was known by a date"))
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


def _add_operators(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ops",
        type=Path,
        default=_OPERATORS,
        metavar="LIB",
        help="C++ operators (default: %(default)s)",
    )


def _add_experiment(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], dict[str, Any]],
    is_given: bool = True,
) -> None:
    if is_given:
        parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="over what the file says, e.g. trees.rounds=50 (repeatable)",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=_REPOSITORY / "build/training",
        metavar="DIR",
        help="where steps and their outcomes are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--weir", type=Path, default=_WEIR, metavar="PROGRAM", help="default: %(default)s"
    )
    _add_operators(parser)
    parser.set_defaults(run=run)


def _add_zoo(parser: argparse.ArgumentParser, default: Path | None) -> None:
    parser.add_argument(
        "--zoo",
        type=Path,
        default=default,
        metavar="DIR",
        help="the package goes to DIR/NAME/VERSION (default: %(default)s)",
    )
    parser.add_argument(
        "--replace", action="store_true", help="overwrite a version that is in no verdict yet"
    )


def _add_retrain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--transactions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--labels", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--until", required=True, metavar="DATE", help="labels known by then, 00:00 UTC, count"
    )
    parser.add_argument(
        "--days",
        type=int,
        required=True,
        metavar="N",
        help="labelled payments of that many last days are learned from; older ones are history",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the package")
    parser.add_argument("--replace", action="store_true", help="overwrite DIR")
    parser.add_argument(
        "--unseen",
        action="store_true",
        help="the configured package learned from none of these payments, though perhaps from others "
        "of the same days: go on from it",
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=_REPOSITORY / "configs/handbook.yaml",
        metavar="FILE",
        help="declares features and merchant rows (default: %(default)s)",
    )
    parser.add_argument(
        "--experiment",
        type=Path,
        metavar="FILE",
        help=f"settings of the parts (default: {experiment_commands.RETRAIN})",
    )
    _add_experiment(parser, experiment_commands.retrain, is_given=False)


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
    result = judging.judge(
        arguments.verdicts,
        arguments.labels,
        arguments.out,
        arguments.period or arguments.protocol or "handbook",
        arguments.test or None,
        Costs(arguments.alert_cost),
        arguments.slice,
        arguments.title,
        arguments.looks,
    )
    return judging.summary(result, arguments.out)


def _period(text: str) -> folds.Fold:
    first, _, until = text.partition(":")
    try:
        return folds.days(date.fromisoformat(first), date.fromisoformat(until))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"not a period FROM:UNTIL such as 2018-04-01:2018-06-04: {error}"
        )


def main() -> int:
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    try:
        told = arguments.run(arguments)
        if os.environ.get("RANK", "0") == "0":  # of torchrun: one of them talks
            print(json.dumps(told, indent=2))
    except (OperatorsMissing, EngineMissing) as error:
        print(f"weir_training: {error}", file=sys.stderr)
        return _EXIT_UNAVAILABLE
    except ExperimentError as error:
        print(f"weir_training: {error}", file=sys.stderr)
        return _EXIT_USAGE
    except (DataError, CalibrationError, PackageError) as error:
        print(f"weir_training: {error}", file=sys.stderr)
        return _EXIT_DATA
    return 0


if __name__ == "__main__":
    sys.exit(main())
