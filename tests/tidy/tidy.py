#!/usr/bin/env python3
"""Keeps the architecture from rotting unseen: layers, library fences, threads, clocks, names.

    tidy.py [ROOT]      checks the tree; prints file:line: what, and ends with 1 if there is anything
"""
import re
import subprocess
import sys
from pathlib import Path

# An include may only point down. Rows are rows of the picture in ARCHITECTURE.md; folders of one row are strangers.
LAYERS = [
    {"pipeline"},
    {"operators"},
    {"state", "models", "pipeline/kafka", "pipeline/telemetry", "pipeline/http"},
    {"pipeline/core"},
]
ROW = {folder: row for row, folders in enumerate(LAYERS) for folder in folders}

# Library -> the only folder, or folders, whose files include it.
FENCES = {
    r"librdkafka/": "pipeline/kafka",
    r"rocksdb/": "state",
    r"(torch|ATen|c10)/": "models",
    r"xgboost/": "models",
    r"prometheus/": "pipeline/telemetry",
    r"microhttpd\.h": ("pipeline/telemetry", "pipeline/console"),
    r"yaml-cpp/": "pipeline/config",
    r"pybind11/": "pipeline/python",
    r"google/protobuf/": "operators",
    r"curl/": "pipeline/http",
}

SINGLE_THREADED = ("operators", "state", "models")
THREADS = re.compile(
    r"#include <(thread|mutex|shared_mutex|atomic|condition_variable|future|semaphore|latch|barrier|stop_token)>"
    r"|\bstd::(jthread|thread|mutex|atomic|async)\b|\bthread_local\b")
# Outside, event time comes from the event and processing time from the Clock port.
WALL_CLOCK = re.compile(r"\bsystem_clock::now\b|\bgettimeofday\b|\bstd::time\(|\bCLOCK_REALTIME\b")
MAY_READ_THE_CLOCK = re.compile(r"(^|/)(system_)?clock\.(h|cc)$|^pipeline/telemetry/log\.cc$")  # a log line has a date
VAGUE_NAME = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?)$")
# A path that exists on one machine only. (Assembled, so that this file does not report itself.)
MACHINE_PATH = re.compile(r"/(work|" + r"root|home/\w+)/\w|\.\./sh" + r"ared\b|\bsh" + r"ared/(data|design|kafka|prototypes)\b")

INCLUDE = re.compile(r'#include\s+(?:"([^"]+)"|<([^>]+)>)')


def layer_of(path: str) -> str | None:
    """The layer a file of ours belongs to; None for tests, which may include anything."""
    parts = path.split("/")
    if parts[0] == "pipeline" and "/".join(parts[:2]) in ROW:
        return "/".join(parts[:2])
    return parts[0] if parts[0] in ROW else None


def code_of(line: str) -> str:
    """Without a trailing // comment: prose may talk about threads."""
    return line.split("//", 1)[0]


def check_include(path: str, ours: str | None, library: str | None):
    layer = layer_of(path)
    if ours and layer:
        target = layer_of(ours)
        if target and target != layer and ROW[target] <= ROW[layer]:
            yield f"{layer} includes {ours}: an include may only point down"
    if library:
        for pattern, folders in FENCES.items():
            folders = (folders,) if isinstance(folders, str) else folders
            if re.match(pattern, library) and layer and not path.startswith(tuple(folder + "/" for folder in folders)):
                yield f"<{library}> is fenced in: only {' and '.join(folders)} includes it"


def check_line(path: str, line: str):
    include = INCLUDE.match(line.strip())
    if include:
        yield from check_include(path, include[1], include[2] or include[1])
    layer, code = layer_of(path), code_of(line)
    if layer in SINGLE_THREADED and THREADS.search(code):
        yield f"thread, mutex or atomic in {layer}: a worker thread owns everything below it"
    if layer and WALL_CLOCK.search(code) and not MAY_READ_THE_CLOCK.search(path):
        yield "wall clock outside clock.cc: take event time from the event, or a Clock"


def check_file(root: Path, path: str):
    if VAGUE_NAME.search(Path(path).stem) or any(VAGUE_NAME.search(part) for part in Path(path).parts[:-1]):
        yield f"{path}:1: a name that says nothing (util, helper, common, misc, manager)"
    try:
        text = (root / path).read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return
    is_code = path.endswith((".h", ".cc"))
    if path.endswith(".h") and "#pragma once" not in text:
        yield f"{path}:1: header without #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: path of one machine"
        if is_code:
            for finding in check_line(path, line):
                yield f"{path}:{number}: {finding}"


def files_of(root: Path) -> list[str]:
    """What git has or would take; without git, everything but build output."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "--deduplicate"],
                            capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return sorted(listed.stdout.splitlines())
    skipped = {".git", "build", ".venv", ".cache"}
    return sorted(str(p.relative_to(root)) for p in root.rglob("*")
                  if p.is_file() and not skipped & set(p.relative_to(root).parts))


def check_tree(root: Path) -> list[str]:
    return [finding for path in files_of(root) for finding in check_file(root, path)]


if __name__ == "__main__":
    findings = check_tree(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(findings), end="\n" if findings else "")
    sys.exit(1 if findings else 0)
