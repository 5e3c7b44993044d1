"""How often the test folds were looked at: a file that grows by a line with every look.

Each look at a test figure that leads to a change makes the next figure a little less true. The
count does not forbid it; it stands in the report for the reader to judge.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Sequence

from weir_training.payments import DataError

FILE = "test_looks.jsonl"


def record(path: Path, package: str, verdicts_sha256: str | None, folds: Sequence[str]) -> None:
    """Appends; the line is on disk before any figure is shown. None: scored without a replay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    look = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "package": package,
        "verdicts_sha256": verdicts_sha256,
        "folds": list(folds),
    }
    with open(path, "a") as file:
        file.write(json.dumps(look) + "\n")


def looks(path: Path) -> list[dict[str, Any]]:
    """All of them, oldest first; none when the file is not there."""
    if not path.exists():
        return []
    kept = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            if line.strip():
                kept.append(json.loads(line))
        except ValueError as error:
            raise DataError(f"{path}:{number}: not a look: {error}") from error
    return kept
