"""Model packages on disk, as models/README.md lays them down: model.pt, golden.jsonl,
manifest.json.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any, Sequence

import torch
from torch import nn

from weir_training.calibration import Platt
from weir_training.golden import GoldenError, check_golden, golden_lines
from weir_training.network import AttendNetwork, Shape, served_network
from weir_training.row_features import ROW_FEATURES

FORMAT = 1
HEADS = ["fraud"]


class PackageError(Exception):
    """The package cannot be written or must not be trusted; the message says why."""


def scripted(network: AttendNetwork) -> bytes:
    """TorchScript of a trained network on the C++ operators, the same bytes for the same weights.

    Left as it is, the archive would carry source positions with the paths of the machine it was
    made on. They serve error messages only, so they are taken out; what the function does is all in
    `code/` and `data/`.
    """
    shape = Shape(features=network.token_in.weight.size(0))
    raw = io.BytesIO()
    torch.jit.save(torch.jit.script(served_network(shape, network)), raw)
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


def manifest_of(
    name: str,
    version: str,
    features: Sequence[str],
    history_rows: int,
    calibration: Platt,
    training: dict[str, Any],
    valid_domain: dict[str, tuple[float, float]],
) -> dict[str, Any]:
    """All but the digests of the files, which write_package adds."""
    return {
        "format": FORMAT,
        "name": name,
        "version": version,
        "inputs": {
            "features": [
                {"name": feature, "unit": ROW_FEATURES[feature].unit, "default": 0.0}
                for feature in features
            ],
            "history_rows": history_rows,
            "log_gap": "log1p(minutes)",
            "merchant_rows": 0,
            "merchant_features": [],
        },
        "operators": ["weir::linear", "weir::attend"],
        "heads": HEADS,
        "calibration": {
            "fraud": {
                "method": "platt",
                "slope": calibration.slope,
                "intercept": calibration.intercept,
            }
        },
        "training": training,
        "valid_domain": {
            feature: {"low": low, "high": high} for feature, (low, high) in valid_domain.items()
        },
    }


def write_package(directory: Path, manifest: dict[str, Any], model: bytes, replace: bool) -> str:
    """Writes all three files, or none; returns the digest of the package.

    Files appear under their name only when they are complete and checked. A version that is there
    already may be named in verdicts, so it is not overwritten unless the caller insists.
    """
    if directory.exists() and not replace:
        raise PackageError(
            f"{directory} exists: give a new version, or --replace if none is in use"
        )
    network = load_model(model)
    lines = golden_lines(network, [feature["name"] for feature in manifest["inputs"]["features"]])
    golden = "".join(line + "\n" for line in lines).encode()
    head = {key: manifest[key] for key in ("format", "name", "version")}
    files = {
        "model": {"file": "model.pt", "sha256": sha256(model)},
        "golden": {"file": "golden.jsonl", "sha256": sha256(golden), "cases": len(lines)},
    }
    text = (json.dumps(head | files | manifest, indent=2) + "\n").encode()
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        for file, content in (
            ("model.pt", model),
            ("golden.jsonl", golden),
            ("manifest.json", text),
        ):
            (draft / file).write_bytes(content)
        check_package(draft)
        if directory.exists():
            shutil.rmtree(directory)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return package_digest(directory)


def read_package(directory: Path) -> tuple[dict[str, Any], nn.Module, list[str]]:
    """Manifest, model and golden lines, after their digests were checked; what is hashed is what is
    loaded.
    """
    try:
        manifest = json.loads((directory / "manifest.json").read_bytes())
        contents = {
            part: (directory / manifest[part]["file"]).read_bytes() for part in ("model", "golden")
        }
    except (OSError, ValueError, KeyError) as error:
        raise PackageError(f"{directory} is no model package: {error!r}") from error
    for part, content in contents.items():
        if sha256(content) != manifest[part]["sha256"]:
            raise PackageError(
                f"{directory / manifest[part]['file']} is not the file the manifest names"
            )
    return manifest, load_model(contents["model"]), contents["golden"].decode().splitlines()


def check_package(directory: Path) -> dict[str, Any]:
    """Digests and golden bits. Returns the manifest; raises when the package must not be used."""
    manifest, network, lines = read_package(directory)
    if len(lines) != manifest["golden"]["cases"]:
        raise PackageError(f"{directory}: {len(lines)} golden cases, manifest says otherwise")
    try:
        check_golden(network, lines)
    except GoldenError as error:
        raise PackageError(f"{directory}: {error}") from error
    return manifest


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
