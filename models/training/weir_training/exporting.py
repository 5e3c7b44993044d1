"""The step `export`: a package of what was fitted, refused when it is another function."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from weir_training import package
from weir_training.fit import score
from weir_training.network import served_network
from weir_training.operators import load_operators
from weir_training.parts import Parts

# Of a logit. Plain torch sums in another order than the C++ operators: rounding makes 1e-5 of it, after
# short fits on little data somewhat more. Ten times that is another function.
_AGREEMENT_MAX = 1e-4
_AGREEMENT_ROWS = 20_000  # newest payments on which the two forms are compared


def export(parts: Parts, folder: Path, operators: Path) -> dict[str, Any]:
    """Writes folder/NAME/VERSION; returns the facts of the step."""
    kept = parts.blend
    sequence = trees_part = None
    facts: dict[str, Any] = {}
    uses_network = "sequence" in kept["parts"] or bool(
        "trees" in kept["parts"] and parts.experiment.trees.sequence
    )
    if uses_network:
        load_operators(operators)
        history_rows = parts.experiment.sequence.history_rows
        served = served_network(parts.shape, parts.network("full"), history_rows)
        facts["plain_torch_difference_max"] = _agreement(parts, served)
        sequence = package.SequencePart(
            parts.version_of("train"), package.scripted(served), parts.shape.outputs
        )
    if "trees" in kept["parts"]:
        model = parts.trees_model("full")
        trees_part = package.TreesPart(parts.version_of("trees"), model, parts.tree_inputs())
    target = folder / parts.experiment.name / parts.experiment.version
    shutil.rmtree(target, ignore_errors=True)  # of a run that was killed in here
    digest = package.write_package(
        target,
        package.Parts(sequence, trees_part),
        _inputs(parts, uses_network, trees_part is not None),
        _blend_of(parts, sequence, trees_part),
        parts.calibration,
        _provenance(parts, uses_network),
        _domain(parts, uses_network, trees_part is not None),
    )
    return facts | {"digest": digest, "parts": kept["parts"]}


def _blend_of(parts: Parts, sequence: Any, trees_part: Any) -> Any:
    if sequence is None or trees_part is None:
        return None
    weights = parts.blend["weights"]
    # Trees that read the network while it is no part of the blend: it is there, with weight 0.
    return package.Blend(**weights) if weights else package.Blend(0.0, 1.0, 0.0)


def _agreement(parts: Parts, served: nn.Module) -> float:
    """Largest difference of a logit between the trained and the served form."""
    index = parts.split.full.index[-_AGREEMENT_ROWS:]
    plain = score(parts.network("full"), parts.examples, index, "compare")
    other = score(served, parts.examples, index, "compare")
    largest = float(np.abs(plain[:, 0] - other[:, 0]).max())
    if not largest <= _AGREEMENT_MAX:
        raise package.PackageError(
            f"C++ operators differ from plain torch by {largest:.2e}, more than "
            f"{_AGREEMENT_MAX}: either they are another function, or the weights are so large "
            "that rounding shows (raise sequence.weight_decay)"
        )
    return largest


def _inputs(parts: Parts, has_network: bool, has_trees: bool) -> Any:
    declared = []
    if has_trees:
        names = parts.experiment.trees.declared or parts.data.declared_names
        texts = dict(zip(parts.data.declared_names, parts.data.definitions))
        declared = [package.Declared(name, texts[name]) for name in names]
    if not has_network:
        return package.Inputs(declared=declared)
    settings = parts.experiment.sequence
    return package.Inputs(
        parts.examples.features,
        settings.history_rows,
        settings.merchant_rows,
        parts.merchant_names,
        declared,
    )


def _domain(parts: Parts, has_network: bool, has_trees: bool) -> dict[str, tuple[float, float]]:
    index = parts.split.full.index
    domain = dict(parts.examples.domain(index)) if has_network else {}
    if has_trees:
        names = parts.experiment.trees.declared or parts.data.declared_names
        for name, column in zip(names, parts.data.declared_columns(names)):
            values = np.asarray(parts.data.declared[index, column])
            values = values[np.isfinite(values)]
            if len(values):
                domain[f"declared:{name}"] = float(values.min()), float(values.max())
    return domain


def _provenance(parts: Parts, has_network: bool) -> dict[str, Any]:
    """What someone needs to make the same model again, and to see that they did."""
    experiment = parts.experiment
    settings = {
        name: asdict(getattr(experiment, name))
        for name in ("split", "sequence", "pretrain", "trees", "blend", "calibration")
        if getattr(experiment, name) is not None
    }
    return {
        "data": [asdict(source) for source in parts.data.sources],
        "labels_known_by": f"{experiment.split.until}T00:00:00Z",
        "periods": parts.split.facts(parts.data),
        "code_sha256": package.code_digest(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seed": experiment.seed,
        "settings": json.loads(json.dumps(settings, default=str)),
        "network": asdict(parts.shape) if has_network else None,
        "metrics": {"held_out": parts.held_out},
    }
