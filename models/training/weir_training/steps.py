"""Steps of a run: each done once for its inputs, kept under a name made of their digest.

    RUNS/steps/train-3f8a12cd90ab/       whole: step.json says of what and what came out
    RUNS/steps/train-3f8a12cd90ab.part/  begun: checkpoints are in here, the next run goes on

The digest is over the step's settings, its code, its input files and the digests of the steps it
needs. So a step that is up to date is skipped, one whose inputs changed is done again, and
experiments that agree on a step share it. Only the engine's build is not in it: who changes what
features mean removes the folder. One run at a time works in a folder RUNS.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from weir_training.payments import DataError
from weir_training.world import ALONE, World

STEP_FILE = "step.json"


@dataclass(frozen=True)
class Step:
    """`run` writes into the folder it is given and returns facts for step.json: figures, counts."""

    name: str
    settings: Any  # dataclasses, dicts, numbers, text, paths: all that decides the outcome
    code: Sequence[str]  # modules of this package that decide it
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    needs: Sequence["Done"] = ()
    # All processes of a World take part in `run`. Else the leading one does it and they wait.
    is_shared: bool = False
    run: Callable[[Path], dict[str, Any]] = lambda folder: {}


@dataclass(frozen=True)
class Done:
    name: str
    digest: str
    folder: Path
    facts: dict[str, Any]
    was_there: bool


class Steps:
    """Keeps digests of files it has read, so that one run reads each once."""

    def __init__(
        self, runs: Path, world: World = ALONE, say: Callable[[str], None] | None = None
    ) -> None:
        self._folder = runs / "steps"
        self._world = world
        self._say = say or (lambda text: print(text, file=sys.stderr, flush=True))
        self._file_digests: dict[Path, str] = {}

    def done(self, step: Step) -> Done:
        """The step's outcome, made now if it is not there."""
        inputs = self._inputs(step)
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        folder = self._folder / f"{step.name}-{digest[:12]}"
        was_there = (folder / STEP_FILE).exists()
        self._world.wait()  # all have looked before one may make it
        if not was_there:
            self._make(step, folder, inputs)
        elif self._world.leads:
            self._say(f"{step.name}: up to date ({folder.name})")
        self._world.wait()
        facts = json.loads((folder / STEP_FILE).read_text())["facts"]
        return Done(step.name, digest, folder, facts, was_there)

    def _make(self, step: Step, folder: Path, inputs: dict[str, Any]) -> None:
        if not self._world.leads and not step.is_shared:
            return
        begun = folder.with_name(folder.name + ".part")
        if self._world.leads:
            self._say(f"{step.name}: {'goes on' if begun.exists() else 'begins'} ({folder.name})")
        try:
            begun.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot write to {begun}: {error.strerror}") from error
        facts = step.run(begun)
        if self._world.leads:
            text = json.dumps({"inputs": inputs, "facts": facts}, indent=1, sort_keys=True)
            (begun / STEP_FILE).write_text(text + "\n")
            os.replace(begun, folder)

    def _inputs(self, step: Step) -> dict[str, Any]:
        return {
            "step": step.name,
            "settings": plain(step.settings),
            "code": {module: code_digest(module) for module in step.code},
            "files": {
                name: [self._file_digest(path) for path in paths]
                for name, paths in step.files.items()
            },
            "needs": {done.name: done.digest for done in step.needs},
        }

    def _file_digest(self, path: Path) -> str:
        """Of a file, or of all files below a folder."""
        if path not in self._file_digests:
            try:
                self._file_digests[path] = tree_digest(path)
            except OSError as error:
                raise DataError(f"cannot read {path}: {error.strerror}") from error
        return self._file_digests[path]


def tree_digest(path: Path) -> str:
    if not path.is_dir():
        total = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
        return total.hexdigest()
    total = hashlib.sha256()
    for file_path in sorted(p for p in path.rglob("*") if p.is_file()):
        total.update(f"{file_path.relative_to(path)} {tree_digest(file_path)}\n".encode())
    return total.hexdigest()


def code_digest(module: str) -> str:
    """Of a module of this package, `evaluation` being one with many files."""
    path = Path(__file__).parent / module
    if path.is_dir():
        parts = sorted(path.glob("*.py"))
        return hashlib.sha256("".join(tree_digest(p) for p in parts).encode()).hexdigest()
    return tree_digest(path.with_suffix(".py"))


def plain(value: Any) -> Any:
    """As JSON has it. A path counts by its content (Step.files), so here only its name does."""
    if is_dataclass(value):
        return {name: plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    return value
