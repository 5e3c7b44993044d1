"""MLflow, when MLFLOW_TRACKING_URI is set; otherwise nothing happens and nothing is needed.

    .venv/bin/pip install -r models/training/requirements-tracking.txt
    MLFLOW_TRACKING_URI=sqlite:////data/mlflow.db python3 -m weir_training run EXPERIMENT.yaml
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Mapping

from weir_training.payments import DataError
from weir_training.steps import Done, plain

_TEXT_MAX = 500  # of a parameter: what every store takes


class Tracking:
    """One MLflow run for one run of an experiment: settings as parameters, figures as metrics."""

    def __init__(self, name: str, settings: Any) -> None:
        self._mlflow = None
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            return
        try:
            import mlflow
        except ImportError as error:
            raise DataError(
                "MLFLOW_TRACKING_URI is set, but mlflow is not installed: "
                "pip install -r models/training/requirements-tracking.txt"
            ) from error
        mlflow.set_experiment(name)
        mlflow.start_run()
        mlflow.log_params(
            {key: str(value)[:_TEXT_MAX] for key, value in flat(plain(settings)).items()}
        )
        self._mlflow = mlflow

    def log(self, done: Done) -> None:
        """Numbers among the facts of a step, under its name."""
        if self._mlflow:
            self._mlflow.set_tag(f"step.{done.name}", done.folder.name)
            numbers = {
                f"{done.name}.{key}": float(value)
                for key, value in flat(done.facts).items()
                if isinstance(value, (int, float)) and value == value
            }
            if numbers:
                self._mlflow.log_metrics(numbers)

    def artifact(self, path: Path) -> None:
        if self._mlflow:
            self._mlflow.log_artifact(str(path))

    def end(self, failed: bool = False) -> None:
        if self._mlflow:
            self._mlflow.end_run("FAILED" if failed else "FINISHED")


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys with dots; lists are text."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{above}{key}."))
        else:
            found[above + str(key).replace(" ", "_")] = value
    return found
