"""Model packages on disk, as models/README.md lays them down: manifest.json, golden.jsonl, and a
file for each part, model.pt and trees.ubj. Written in format 2, read in 1 and 2.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import torch
from torch import nn

from weir_training.calibration import CalibrationError, Isotonic, Platt
from weir_training.examples import Batch
from weir_training.golden import Answers, GoldenError, check_golden, golden_lines
from weir_training.merchant_features import MERCHANT_FEATURES
from weir_training.network import as_tensors
from weir_training.package_parts import (
    Blend,
    Declared,
    Inputs,
    PackageError,
    Parts,
    SequencePart,
    Trees,
    TreesPart,
)
from weir_training.row_features import ROW_FEATURES

__all__ = [
    "Blend",
    "Declared",
    "Inputs",
    "Isotonic",
    "Package",
    "PackageError",
    "Parts",
    "Platt",
    "Scores",
    "SequencePart",
    "Trees",
    "TreesPart",
    "check_package",
    "package_digest",
    "read_package",
    "scripted",
    "write_package",
]

FORMAT = 2
_OUTPUTS_MAX = 64
_DECLARED_MAX = 256


@dataclass(frozen=True)
class Scores:
    z: np.ndarray  # float64 [B], log odds of the package
    p: np.ndarray  # float64 [B], calibrated
    outputs: np.ndarray | None  # float32 [B, outputs] of the sequence part
    margin: np.ndarray | None  # float32 [B] of the trees


@dataclass(frozen=True)
class Package:
    """A package in memory, whose files were what its manifest says."""

    manifest: dict[str, Any]
    inputs: Inputs
    outputs: list[str]  # of the sequence part; [] without one
    network: nn.Module | None
    trees: Trees | None
    blend: Blend | None
    calibration: Platt | Isotonic
    golden: list[str]  # lines

    def answers(self, batch: Batch) -> Answers:
        """What each part says."""
        outputs = margin = None
        if self.network is not None:
            with torch.inference_mode():
                outputs = self.network(*as_tensors(batch)).numpy()
        if self.trees is not None:
            names = [declared.name for declared in self.inputs.declared]
            rows = self.trees.gather(batch.declared, names, outputs, self.outputs)
            margin = self.trees.margins(rows)
            # To trees NaN means missing and infinity large; of a network both mean that it broke.
            read = [text.startswith("sequence:") for text in self.trees.inputs]
            margin[~np.isfinite(rows[:, read]).all(axis=1)] = np.nan
        return Answers(outputs, margin)

    def score(self, batch: Batch) -> Scores:
        """As the engine does it."""
        said = self.answers(batch)
        logit = None
        if said.outputs is not None:
            logit = said.outputs[:, self.outputs.index("fraud")]
        if self.blend is not None:
            z = self.blend.z(logit, said.margin)
        else:
            z = (said.margin if logit is None else logit).astype(np.float64)
        return Scores(z, self.calibration.probability(z), said.outputs, said.margin)


def scripted(served: nn.Module) -> bytes:
    """TorchScript of a module on the C++ operators, the same bytes for the same weights.

    Left as it is, the archive would carry source positions with the paths of the machine it was
    made on. They serve error messages only, so they are taken out; what the function does is all in
    `code/` and `data/`.
    """
    raw = io.BytesIO()
    torch.jit.save(torch.jit.script(served), raw)
    packed = io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            if not name.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(name), source.read(name))  # ZipInfo: no time stamp
    return packed.getvalue()


def load_model(content: bytes) -> nn.Module:
    """As the engine loads it: on the C++ operators, frozen."""
    try:
        return torch.jit.freeze(torch.jit.load(io.BytesIO(content)).eval())
    except RuntimeError as error:
        raise PackageError(f"model.pt does not load: {error}") from error


def write_package(
    directory: Path,
    parts: Parts,
    inputs: Inputs,
    blend: Blend | None,
    calibration: Platt | Isotonic,
    training: dict[str, Any],
    valid_domain: dict[str, tuple[float, float]],
    replace: bool = False,
) -> str:
    """Writes all files of zoo/NAME/VERSION, or none; returns the digest of the package.

    `blend` is given exactly when both parts are there. `valid_domain` is by input: the name of a
    row feature, or "declared:NAME". The operators must be loaded when there is a sequence part.

    Files appear under their name only when they are complete and checked. A version that is there
    already may be named in verdicts, so it is not overwritten unless the caller insists.
    """
    if directory.exists() and not replace:
        raise PackageError(
            f"{directory} exists: give a new version, or --replace if none is in use"
        )
    _check_made(parts, inputs, blend)
    draft_package = _assembled({}, parts, inputs, blend, calibration, [])
    thresholds = draft_package.trees.thresholds() if draft_package.trees else {}
    lines = golden_lines(draft_package.answers, inputs, thresholds)
    golden = "".join(line + "\n" for line in lines).encode()
    manifest = {
        "format": FORMAT,
        "name": directory.parent.name,
        "version": directory.name,
        "inputs": _inputs_json(inputs),
        "parts": _parts_json(parts, draft_package.trees),
        "golden": {"file": "golden.jsonl", "sha256": sha256(golden), "cases": len(lines)},
        **({"blend": vars(blend)} if blend else {}),
        "calibration": {"fraud": _calibration_json(calibration)},
        "training": training,
        "valid_domain": {
            name: {"low": low, "high": high} for name, (low, high) in valid_domain.items()
        },
    }
    files = {
        "golden.jsonl": golden,
        "manifest.json": (json.dumps(manifest, indent=2) + "\n").encode(),
    }
    if parts.sequence:
        files["model.pt"] = parts.sequence.model
    if parts.trees:
        files["trees.ubj"] = parts.trees.model
    _put(directory, files)
    return package_digest(directory)


def _put(directory: Path, files: dict[str, bytes]) -> None:
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        for name, content in files.items():
            (draft / name).write_bytes(content)
        check_package(draft)
        if directory.exists():
            shutil.rmtree(directory)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _inputs_json(inputs: Inputs) -> dict[str, Any]:
    features = {name: ROW_FEATURES[name].unit for name in inputs.features}
    merchant = {name: MERCHANT_FEATURES[name] for name in inputs.merchant_features}
    listed = [
        [{"name": name, "unit": unit, "default": 0.0} for name, unit in units.items()]
        for units in (features, merchant)
    ]
    return {
        "features": listed[0],
        "history_rows": inputs.history_rows,
        "log_gap": "log1p(minutes)",
        "merchant_rows": inputs.merchant_rows,
        "merchant_features": listed[1],
        "declared": [vars(declared) for declared in inputs.declared],
    }


def _parts_json(parts: Parts, trees: Trees | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if parts.sequence:
        made["sequence"] = {
            "version": parts.sequence.version,
            "file": "model.pt",
            "sha256": sha256(parts.sequence.model),
            "operators": list(parts.sequence.operators),
            "outputs": list(parts.sequence.outputs),
        }
    if parts.trees and trees:
        made["trees"] = {
            "version": parts.trees.version,
            "file": "trees.ubj",
            "sha256": sha256(parts.trees.model),
            "inputs": list(parts.trees.inputs),
            "rounds": trees.rounds,
        }
    return made


def _calibration_json(calibration: Platt | Isotonic) -> dict[str, Any]:
    if isinstance(calibration, Platt):
        return {
            "method": "platt",
            "slope": calibration.slope,
            "intercept": calibration.intercept,
        }
    return {"method": "isotonic", "z": list(calibration.z), "p": list(calibration.p)}


def _check_made(parts: Parts, inputs: Inputs, blend: Blend | None) -> None:
    """What the engine would refuse: said here in terms of what was asked for."""
    if not parts.sequence and not parts.trees:
        raise PackageError("a package needs a sequence part, trees or both")
    if (blend is not None) != (parts.sequence is not None and parts.trees is not None):
        raise PackageError("a blend is for two parts: give it exactly when both are there")
    declared = [d.name for d in inputs.declared]
    for names, known in (
        (inputs.features, ROW_FEATURES),
        (inputs.merchant_features, MERCHANT_FEATURES),
        (declared, declared),
    ):
        _check_names(names, known)
    if len(declared) > _DECLARED_MAX:
        raise PackageError(f"more than {_DECLARED_MAX} declared features: {len(declared)}")
    _check_rows(parts, inputs)
    outputs = list(parts.sequence.outputs) if parts.sequence else []
    if parts.sequence:
        _check_names(outputs, outputs)
        if "fraud" not in outputs or len(outputs) > _OUTPUTS_MAX:
            raise PackageError(f"outputs must name fraud, and at most {_OUTPUTS_MAX}: {outputs}")
    if parts.trees:
        known = [f"declared:{name}" for name in declared]
        known += [f"sequence:{name}" for name in outputs]
        _check_names(parts.trees.inputs, known, r"(declared|sequence):[\w.-]+")


def _check_rows(parts: Parts, inputs: Inputs) -> None:
    if parts.sequence is None:
        if any((inputs.features, inputs.history_rows, inputs.merchant_rows)):
            raise PackageError("without a sequence part nothing reads rows: name none")
        return
    if not inputs.features or not 1 <= inputs.history_rows <= 128:
        raise PackageError("a sequence part needs at least one feature, and 1 to 128 history rows")
    if not 0 <= inputs.merchant_rows <= 64:
        raise PackageError(f"merchant rows must be 0 to 64, not {inputs.merchant_rows}")
    if (inputs.merchant_rows > 0) != (len(inputs.merchant_features) > 0):
        raise PackageError("merchant rows and merchant features: give both, or neither")


def _check_names(names: Sequence[str], known: Any, pattern: str = r"[\w-][\w.-]*") -> None:
    for name in names:
        if not re.fullmatch(pattern, name, re.ASCII):
            raise PackageError(f"not a name a package may hold: {name}")
        if name not in known:
            raise PackageError(f"nothing of this name to read: {name}")
    if len(set(names)) != len(names):
        raise PackageError(f"a name twice: {', '.join(names)}")


def _assembled(
    manifest: dict[str, Any],
    parts: Parts,
    inputs: Inputs,
    blend: Blend | None,
    calibration: Platt | Isotonic,
    golden: list[str],
) -> Package:
    return Package(
        manifest=manifest,
        inputs=inputs,
        outputs=list(parts.sequence.outputs) if parts.sequence else [],
        network=load_model(parts.sequence.model) if parts.sequence else None,
        trees=Trees(parts.trees.model, parts.trees.inputs) if parts.trees else None,
        blend=blend,
        calibration=calibration,
        golden=golden,
    )


def read_package(directory: Path) -> Package:
    """Formats 1 and 2. Digests are checked, and what is hashed is what is loaded."""
    try:
        manifest = json.loads((directory / "manifest.json").read_bytes())
        if manifest["format"] not in (1, FORMAT):
            raise PackageError(f"{directory}: format {manifest['format']} is not 1 or {FORMAT}")
        described = manifest["parts"] if manifest["format"] == FORMAT else _only_part(manifest)
        parts = _read_parts(directory, described)
        golden = _read_file(directory, manifest["golden"])
        inputs = _read_inputs(manifest["inputs"])
        blend = Blend(**manifest["blend"]) if "blend" in manifest else None
        calibration = _read_calibration(manifest["calibration"]["fraud"])
    except (OSError, ValueError, KeyError, TypeError, CalibrationError) as error:
        raise PackageError(f"{directory} is no model package: {error!r}") from error
    try:
        _check_made(parts, inputs, blend)
        package = _assembled(
            manifest, parts, inputs, blend, calibration, golden.decode().splitlines()
        )
    except PackageError as error:
        raise PackageError(f"{directory}: {error}") from error
    if package.trees and package.trees.rounds != described["trees"]["rounds"]:
        raise PackageError(f"{directory}: trees have {package.trees.rounds} rounds, manifest not")
    return package


def _only_part(manifest: dict[str, Any]) -> dict[str, Any]:
    """Format 1 holds a sequence part, openly."""
    part = {"version": manifest["version"], "outputs": manifest["heads"]}
    return {"sequence": manifest["model"] | part | {"operators": manifest["operators"]}}


def _read_file(directory: Path, described: dict[str, Any]) -> bytes:
    content = (directory / described["file"]).read_bytes()
    if sha256(content) != described["sha256"]:
        raise PackageError(f"{directory / described['file']} is not the file the manifest names")
    return content


def _read_parts(directory: Path, described: dict[str, Any]) -> Parts:
    sequence = trees = None
    if part := described.get("sequence"):
        sequence = SequencePart(
            part["version"], _read_file(directory, part), part["outputs"], part["operators"]
        )
    if part := described.get("trees"):
        trees = TreesPart(part["version"], _read_file(directory, part), part["inputs"])
    return Parts(sequence, trees)


def _read_inputs(described: dict[str, Any]) -> Inputs:
    return Inputs(
        features=[feature["name"] for feature in described["features"]],
        history_rows=described["history_rows"],
        merchant_rows=described["merchant_rows"],
        merchant_features=[feature["name"] for feature in described["merchant_features"]],
        declared=[Declared(**declared) for declared in described.get("declared", [])],
    )


def _read_calibration(described: dict[str, Any]) -> Platt | Isotonic:
    if described["method"] == "platt":
        return Platt(described["slope"], described["intercept"])
    if described["method"] == "isotonic":
        return Isotonic(tuple(described["z"]), tuple(described["p"]))
    raise ValueError(f"calibration method {described['method']}")


def check_package(directory: Path) -> Package:
    """Digests and golden bits, as the engine checks them; raises when it must not be used."""
    package = read_package(directory)
    if len(package.golden) != package.manifest["golden"]["cases"]:
        raise PackageError(
            f"{directory}: {len(package.golden)} golden cases, manifest says otherwise"
        )
    try:
        check_golden(package.answers, package.golden)
    except GoldenError as error:
        raise PackageError(f"{directory}: {error}") from error
    return package


def package_digest(directory: Path) -> str:
    """What the engine's allow-list holds: the manifest, which itself holds the digests of the other
    files.
    """
    return "sha256:" + sha256((directory / "manifest.json").read_bytes())


def code_digest() -> str:
    """Of this package's sources, so that a manifest says which code made the model."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(f"{path.name} {sha256(path.read_bytes())}\n".encode())
    return total.hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
