"""The published comparison on S-FFSD: labelled payments split at random, as many frauds in each share.

    python3 -m weir_training.random_split experiments/sffsd.yaml --test-share 0.6

Past and future mix in such a split, so that its figures say little about a stream; `evaluate` has
those. The engine is told the labels of the training payments only, after their delay: no feature
knows a label of the test payments.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from weir_features import EngineMissing
from weir_training import build_data, dataset, trees
from weir_training.experiment import Experiment, ExperimentError, load
from weir_training.metrics import average_precision, roc_auc
from weir_training.payments import UNLABELLED, DataError, read_payments

_EXIT_USAGE = 64  # the engine's exit codes
_EXIT_DATA = 65
_EXIT_UNAVAILABLE = 69


def stratified(is_fraud: np.ndarray, test_share: float, seed: int) -> np.ndarray:
    """Which payments are for the test, as bool: the share of the frauds and the same of the genuine
    ones; of unlabelled ones none.
    """
    random = np.random.default_rng(seed)
    is_test = np.zeros(len(is_fraud), bool)
    for kind in (0, 1):
        index = np.flatnonzero(is_fraud == kind)
        is_test[random.permutation(index)[: round(len(index) * test_share)]] = True
    return is_test


def figures(experiment: Experiment, test_share: float, seed: int) -> dict[str, Any]:
    """Of the experiment's trees, fitted on one share and scored on the other."""
    settings, files = experiment.trees, experiment.data
    if settings is None or settings.sequence or len(files.transactions) != 1:
        raise ExperimentError(
            "a random split takes trees over declared features, of one file of transactions"
        )
    payments, sources = read_payments(files.transactions, files.labels)
    is_test = stratified(payments.is_fraud, test_share, seed)
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.jsonl"
        _copy_without(set(payments.transaction_id[is_test].tolist()), files.labels, labels)
        told = (str(files.config), str(files.transactions[0]), str(labels))
        engine = build_data.asked("compute", *told, list(files.set))
    data = dataset.join(payments, engine, [""] * len(engine["names"]), sources)
    names = settings.declared or data.declared_names
    rows = data.declared[:, data.declared_columns(names)]
    is_test = np.isin(data.transaction_id, payments.transaction_id[is_test])
    is_fraud = data.payments.is_fraud > 0
    learned = np.flatnonzero((data.payments.is_fraud != UNLABELLED) & ~is_test)
    learned = learned[trees.thinned(is_fraud[learned], settings.genuine_share, experiment.seed)]
    inputs = [f"declared:{name}" for name in names]
    model = trees.fit_trees(rows[learned], is_fraud[learned], inputs, settings, experiment.seed)
    margin, truth = trees.margins(model, rows[is_test]), is_fraud[is_test]
    return {
        "seed": seed,
        "learned": len(learned),
        "tested": len(truth),
        "average_precision": average_precision(margin, truth),
        "auc": roc_auc(margin, truth),
    }


def _copy_without(left_out: set[bytes], sources: Sequence[Path], target: Path) -> None:
    with open(target, "wb") as sink:
        for source in sources:
            with gzip.open(source) if source.suffix == ".gz" else open(source, "rb") as file:
                for line in file:
                    if str(json.loads(line)["transaction_id"]).encode() not in left_out:
                        sink.write(line)


def main() -> int:
    parser = argparse.ArgumentParser(prog="weir_training.random_split", description=__doc__)
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml")
    parser.add_argument("--test-share", type=float, default=0.6, help="default: %(default)s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2], help="of the splits")
    arguments = parser.parse_args()
    try:
        experiment = load(arguments.experiment)
        lines = [figures(experiment, arguments.test_share, seed) for seed in arguments.seeds]
    except ExperimentError as error:
        print(f"weir_training.random_split: {error}", file=sys.stderr)
        return _EXIT_USAGE
    except DataError as error:
        print(f"weir_training.random_split: {error}", file=sys.stderr)
        return _EXIT_DATA
    except EngineMissing as error:
        print(f"weir_training.random_split: {error}", file=sys.stderr)
        return _EXIT_UNAVAILABLE
    print(json.dumps(lines, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
