"""Commands about an experiment file: one for each step, one for all, and the retrain.

Each returns what goes to stdout as JSON.
"""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import yaml

from weir_training import experiment as experiments
from weir_training import package
from weir_training.pipeline import Pipeline
from weir_training.steps import Done
from weir_training.tracking import Tracking
from weir_training.world import world_of_environment

STEPS = {
    "data": "data set of an experiment: declared features, merchant rows, labels",
    "pretrain": "the network on the users' next payments, without labels",
    "train": "the network on labels",
    "trees": "boosted trees",
    "calibrate": "blend weights and calibration, on held-out days",
    "export": "the package",
    "evaluate": "report of the verdicts of `weir replay` with the package",
}

_TRAINING = Path(__file__).resolve().parents[1]
RETRAIN = _TRAINING / "experiments/retrain.yaml"
# With fewer days to learn from there is nothing to decide where the configured package is a start. The
# held-out third has a few dozen frauds, and parts fitted on the other two thirds say little of what
# they become on all: a network that went on reached AP .50 where it had .16 there, trees .33 and .33.
_FEW_DAYS = 14
_FEW_DAYS_BLEND = ["blend.sequence_share=0.75", "blend.choose=false"]


def step(arguments: Namespace) -> dict[str, Any]:
    """One step, with those it needs."""
    return _tracked(arguments, lambda pipeline: _told(getattr(pipeline, arguments.step)()))


def run(arguments: Namespace) -> dict[str, Any]:
    """All steps, the ablations in the report, and the package in the zoo if there is one."""

    def all_steps(pipeline: Pipeline) -> dict[str, Any]:
        told = {"package": _told(pipeline.export()), "evaluation": _told(pipeline.evaluate())}
        if arguments.zoo:
            told["registered"] = pipeline.register(arguments.zoo, arguments.replace)
        return told

    return _tracked(arguments, all_steps)


def register(arguments: Namespace) -> dict[str, Any]:
    """The package into the zoo, by name and version."""
    return _tracked(
        arguments, lambda pipeline: pipeline.register(arguments.zoo, arguments.replace)
    )


def retrain(arguments: Namespace) -> dict[str, Any]:
    """A package from what was known by a date. The held-out days decide: whether the network starts
    from the weights of the configuration's package or from fresh ones, and whether a part is left out.
    With few days the network goes on where it can, and leads the blend.
    """
    changes = [
        f"data.transactions=[{arguments.transactions.resolve()}]",
        f"data.labels=[{arguments.labels.resolve()}]",
        f"data.config={arguments.config.resolve()}",
        f"split.until={arguments.until}",
        f"split.days={arguments.days}",
        # A third decides how parts blend. What labels' delay would take besides is not there in
        # a few days: with more than four weeks it is kept free.
        f"split.held_out_days={min(arguments.days / 3, 14)}",
        f"split.gap_days={7 if arguments.days > 28 else 0}",
    ]
    if arguments.out.exists() and not arguments.replace:
        raise package.PackageError(f"{arguments.out} exists: name another, or --replace")
    arguments.experiment = arguments.experiment or RETRAIN
    given, arguments.set = arguments.set, [*changes, *arguments.set]

    def exported(fresh: Pipeline) -> dict[str, Any]:
        candidates = {"fresh weights": fresh}
        held_out = fresh.parts.split.facts(fresh.parts.data)["held_out"]
        start = _start(arguments.config, None if arguments.unseen else held_out["from"])
        if start and "sequence" in fresh.experiment.blend.parts:
            if is_few := arguments.days < _FEW_DAYS:
                candidates.clear()
            start += _FEW_DAYS_BLEND if is_few else []
            other = experiments.load(arguments.experiment, [*changes, *start, *given])
            candidates["the configured package's weights"] = fresh.with_experiment(other)
        losses = {n: p.calibrate().facts["log_loss"] for n, p in candidates.items()}
        best = min(losses, key=lambda name: losses[name])
        pipeline = candidates[best]
        done = pipeline.export()
        source = done.folder / pipeline.experiment.name / pipeline.experiment.version
        draft = arguments.out.with_name(f".{arguments.out.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(source, draft)
        shutil.rmtree(arguments.out, ignore_errors=True)
        draft.rename(arguments.out)
        return {
            "package": str(arguments.out),
            "digest": package.package_digest(arguments.out),
            "started_from": best,
            "held_out_log_loss": losses,
            "held_out": pipeline.parts.held_out,
            "parts": pipeline.parts.blend["parts"],
        }

    return _tracked(arguments, exported)


def _start(config: Path, held_out_from: str | None) -> list[str]:
    """Settings that go on from the network of the configuration's package; none where it has none
    that this program made, or one that has learned from the held-out days: they could not judge it.
    `held_out_from` None: it saw none of these payments, whatever their dates.
    """
    try:
        named = yaml.safe_load(config.read_text())["model"]["package"]
        directory = (config.parent / named).resolve()
        training = json.loads((directory / "manifest.json").read_text())["training"]
        network, settings = training["network"], training["settings"]["sequence"]
        learned_to = training["periods"]["full"]["to"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return []
    if not network or (held_out_from and learned_to >= held_out_from):  # as 2018-07-31T23:58:53Z
        return []
    learning = ("start_from", "epochs", "learning_rate", "easy_share", "average")
    same = {key: value for key, value in settings.items() if key not in learning}
    same |= {key: network[key] for key in ("features", "merchant_features")}
    changes = [f"sequence.{key}={json.dumps(value)}" for key, value in same.items()]
    # Less and gently: most of what it knows still holds.
    return [
        *changes,
        f"sequence.start_from={directory}",
        "sequence.epochs=4",
        "sequence.learning_rate=0.001",
    ]


def _tracked(arguments: Namespace, work: Any) -> dict[str, Any]:
    world = world_of_environment()
    experiment = experiments.load(arguments.experiment, arguments.set)
    tracking = Tracking(experiment.name, experiment) if world.leads else None
    places = (arguments.runs, arguments.ops, arguments.weir, world)
    pipeline = Pipeline(experiment, *places, tracking)
    pipeline.ablations = [
        (name, Pipeline(other, *places, steps=pipeline.steps))
        for name, other in experiments.load_ablations(arguments.experiment, arguments.set).items()
    ]
    try:
        told = work(pipeline)
    except BaseException:
        if tracking:
            tracking.end(failed=True)
        raise
    if tracking:
        for name in ("report.html", "evaluation.json"):
            evaluated = pipeline.made.get("evaluate")
            if evaluated:
                tracking.artifact(evaluated.folder / name)
        tracking.end()
    return told


def _told(done: Done | None) -> dict[str, Any]:
    if done is None:
        return {"step": None, "why": "the experiment has no such part"}
    return {"step": done.name, "folder": str(done.folder), "up_to_date": done.was_there, **done.facts}
