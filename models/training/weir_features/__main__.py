"""python -m weir_features: see `--help`, or README.md."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import NoReturn

from . import parquet
from .arrays import EngineMissing, compute

_EXIT_USAGE = 64  # the engine's exit codes: 64 usage, 65 data, 69 unavailable
_EXIT_DATA = 65
_EXIT_UNAVAILABLE = 69


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="weir_features", description="Declared features as Parquet files for training.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    export = commands.add_parser("export", help="Parquet, partitioned by day")
    export.add_argument("--config", required=True, metavar="FILE", help="configuration that declares the features")
    export.add_argument("--transactions", required=True, metavar="FILE", help=".jsonl or .jsonl.gz, as on the topic")
    export.add_argument("--labels", metavar="FILE", help="the same; without, no fraud is known")
    export.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key (repeatable)")
    export.add_argument(
        "--period",
        type=_period,
        metavar="FROM:UNTIL",
        help="dates, UTC: write these days only; the others are history (default: all)",
    )
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="days in it are replaced, others stay")
    return parser


def _period(text: str) -> parquet.Period:
    try:
        return parquet.Period.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a period FROM:UNTIL such as 2018-06-11:2018-06-12: {error}")


def main() -> int:
    arguments = _parser().parse_args()
    warnings.showwarning = lambda message, *_: print(f"weir_features: {message}", file=sys.stderr)
    try:
        features = compute(arguments.config, arguments.transactions, arguments.labels, arguments.set)
        written = parquet.export(features, arguments.out, arguments.period)
    except EngineMissing as error:
        print(f"weir_features: {error}", file=sys.stderr)
        return _EXIT_UNAVAILABLE
    except (ValueError, OSError) as error:
        print(f"weir_features: {error}", file=sys.stderr)
        return _EXIT_DATA
    print(json.dumps({"out": str(arguments.out), **written._asdict()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
