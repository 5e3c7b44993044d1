"""Commands about packages and features. Each returns what goes to stdout as JSON."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from weir_training import package
from weir_training.operators import load_operators
from weir_training.row_feature_cases import row_feature_file


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
