"""Manifests as helm and kustomize render them."""
import shutil
import subprocess
from pathlib import Path

import yaml

from .paths import DEPLOY, ROOT

CHART = DEPLOY / "helm/weir"
KUSTOMIZE = DEPLOY / "kustomize"
BROKERS = "kafka:9092"


def tool(name: str) -> str:
    """As `make setup` built it, else from the PATH."""
    built = ROOT / ".cache/go-tools" / name
    found = str(built) if built.exists() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name}: run `make setup`")
    return found


class Refused(Exception):
    """What helm said when it would not render."""


def helm(release: str = "weir", version: str = "1.34.0", values: dict | None = None) -> list[dict]:
    """The chart's manifests. `values` in the form of a values file; brokers are given if they say nothing of kafka."""
    given = {"kafka": {"brokers": BROKERS}, **(values or {})}
    done = subprocess.run([tool("helm"), "template", release, CHART, "--kube-version", version, "--namespace", "payments", "--values", "-"],
                          input=yaml.safe_dump(given), capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return [d for d in yaml.safe_load_all(done.stdout) if d]


def kustomize(folder: Path) -> list[dict]:
    done = subprocess.run([tool("kustomize"), "build", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [d for d in yaml.safe_load_all(done.stdout) if d]


def of_kind(manifests: list[dict], kind: str, name: str | None = None) -> dict:
    found = [m for m in manifests if m["kind"] == kind and name in (None, m["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


def container(stateful_set: dict) -> dict:
    return stateful_set["spec"]["template"]["spec"]["containers"][0]


def settings(stateful_set: dict) -> dict[str, str]:
    """What --set says in its arguments; a later one wins."""
    args = container(stateful_set)["args"]
    return dict(args[i + 1].split("=", 1) for i, word in enumerate(args) if word == "--set")
