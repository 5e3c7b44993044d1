"""From a file of verdicts to evaluation.json and report.html in one folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from weir_training.evaluation import folds, looks
from weir_training.evaluation.evaluate import evaluate
from weir_training.evaluation.folds import Fold
from weir_training.evaluation.money import Costs
from weir_training.evaluation.report import html_report
from weir_training.evaluation.scores import Origin, Scores, read_outside, read_scores
from weir_training.evaluation.slices import outside_slicing
from weir_training.payments import DataError

PROTOCOLS = {
    "handbook": (
        folds.HANDBOOK_TEST,
        "The four published test weeks; cards known as compromised leave them.",
    ),
    "handbook-validation": (
        folds.HANDBOOK_VALIDATION,
        "The four weeks before the published test weeks; cards known as compromised leave them.",
    ),
}


def judge(
    verdicts: Path | Mapping[str, Path],
    labels: Sequence[Path],
    out: Path,
    protocol: str | Fold = "handbook",
    is_test: bool | None = None,
    costs: Costs = Costs(),
    slices: Sequence[Path] = (),
    title: str = "evaluation",
    looks_file: Path | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`verdicts`: one file, or one by the name of each fold, of models that were made for it.

    `is_test`: these are folds on which nothing may be chosen, so the look at them is recorded
    in `looks_file` before any figure exists (default: those that touch the published test weeks
    are; beside the report). `more` goes into the JSON as it is: ablations, attention.
    """
    looks_file = looks_file or out / looks.FILE
    if isinstance(protocol, Fold):
        chosen, text = [protocol], f"{protocol.days} days from {protocol.name}, every card."
    else:
        chosen, text = PROTOCOLS[protocol]
    if isinstance(verdicts, Path):
        scores, origin = read_scores(verdicts, labels)
        made_by = origin.package()
    else:
        scores, origin, made_by = _read_by_fold(verdicts, labels, chosen)
    if folds.touches_published_test(chosen) if is_test is None else is_test:
        looks.record(
            looks_file, made_by, origin.sha256, [fold.name for fold in chosen]
        )
    outside = [outside_slicing(path.stem, read_outside(path, scores)) for path in slices]
    result = {
        "title": title,
        "protocol": text,
        "package": made_by,
        "verdicts": {
            "file": origin.verdicts,
            "sha256": origin.sha256,
            "duplicates": origin.duplicates,
            "degraded": origin.degraded,
        },
        **evaluate(scores, chosen, costs, outside),
        "test_looks": looks.looks(looks_file),
        **(more or {}),
    }
    write(out, result)
    return result


def _read_by_fold(
    verdicts: Mapping[str, Path], labels: Sequence[Path], chosen: Sequence[Fold]
) -> tuple[Scores, Origin, str]:
    """Each fold's payments with the score of the model that was made for it."""
    together: Scores | None = None
    packages = []
    for fold in chosen:
        scores, origin = read_scores(verdicts[fold.name], labels)
        packages.append(f"{fold.name}: {origin.package()}")
        if together is None:
            together = scores
        elif not np.array_equal(scores.transaction_id, together.transaction_id):
            raise DataError(f"{verdicts[fold.name]} is about other payments than the first fold's")
        index = fold.index(scores)
        together.p[index] = scores.p[index]
    return together, origin, "; ".join(packages)


def write(out: Path, result: dict[str, Any]) -> None:
    """Both files, or a message that says which could not be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
        (out / "report.html").write_text(html_report(result))
    except OSError as error:
        raise DataError(f"cannot write to {out}: {error.strerror}") from error


def summary(result: dict[str, Any], out: Path) -> dict[str, Any]:
    """What goes to stdout: the headline, and where the rest is."""
    names = (
        "average_precision",
        "auc",
        "card_precision_100",
        "saved_share",
        "alerts_per_day",
        "calibration_error",
    )
    return {
        "report": str(out / "report.html"),
        "package": result["package"],
        "folds": [fold["name"] for fold in result["folds"]],
        "mean": {name: round(result["mean"][name], 4) for name in names},
        "interval_95": {name: result["interval_95"][name] for name in names},
        "looks_at_test": len(result["test_looks"]),
    }
