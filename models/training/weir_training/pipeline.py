"""The steps from data to a registered package, each made of the ones before it.

    data -> pretrain -> train -> trees -> calibrate -> export -> evaluate -> register

steps.py skips what is up to date, so any step can be asked for by itself. Parts are fitted twice:
`early`, to see on held-out days how they blend, and `full`, which is what is exported (split.py).
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from weir_training import attention, build_data, package
from weir_training.evaluation import judge, looks
from weir_training.evaluation.evaluate import evaluate
from weir_training.evaluation.folds import Fold, days, touches_published_test
from weir_training.evaluation.money import Costs
from weir_training.evaluation.scores import Scores
from weir_training.experiment import Experiment
from weir_training.exporting import export
from weir_training.parts import Parts
from weir_training.payments import DataError
from weir_training.steps import Done, Step, Steps
from weir_training.tracking import Tracking
from weir_training.world import ALONE, World

_FIT_CODE = (
    *("row_features", "examples", "payments", "engine_codes", "dataset", "merchant_features"),
    *("network", "operators", "fit", "split", "world", "parts"),
)


class Pipeline:
    """One experiment in a folder of runs. Ask for a step; what it needs is made first."""

    def __init__(
        self,
        experiment: Experiment,
        runs: Path,
        operators: Path,
        weir: Path,
        world: World = ALONE,
        tracking: Tracking | None = None,
        steps: Steps | None = None,
    ) -> None:
        self.experiment = experiment
        self.runs = runs
        self._operators = operators
        self._weir = weir
        self._world = world
        self._tracking = tracking
        self.steps = steps or Steps(runs, world)
        self.made: dict[str, Done] = {}
        self.parts = Parts(experiment, world, operators, lambda name: getattr(self, name)())

    # ---------------------------------------------------------------- steps

    def data(self) -> Done:
        settings = self.experiment.data
        files = {
            "transactions": settings.transactions,
            "labels": settings.labels,
        }
        if settings.features:
            files["features"] = [settings.features]
        return self._done(
            Step(
                "data",
                # How many workers make it does not change what is made; how it is cut may.
                [replace(settings, workers="here"), build_data.deciding(settings.config)],
                ("build_data", "dataset", "payments", "currencies"),
                files,
                run=lambda folder: build_data.build(settings, folder),
            )
        )

    def pretrain(self) -> Done | None:
        if not self.experiment.pretrain or not self.parts.uses("sequence"):
            return None
        settings = (self.experiment.pretrain, self.parts.shape_settings, self.parts.split_settings)
        return self._done(
            Step(
                "pretrain",
                [*settings, self.experiment.seed],
                _FIT_CODE,
                needs=[self.data()],
                is_shared=True,
                run=self.parts.pretrain,
            )
        )

    def train(self) -> Done | None:
        if not self.parts.uses("sequence"):
            return None
        sequence = self.experiment.sequence
        start = {"start_from": [sequence.start_from]} if sequence.start_from else {}
        before = self.pretrain()
        return self._done(
            Step(
                "train",
                [sequence, self.parts.split_settings, self.experiment.seed],
                _FIT_CODE,
                start,
                [self.data(), *([before] if before else [])],
                is_shared=True,
                run=self.parts.train,
            )
        )

    def trees(self) -> Done | None:
        if not self.parts.uses("trees"):
            return None
        settings = self.experiment.trees
        needs = [self.data()]
        if settings.sequence:
            needs.append(self.train())
        return self._done(
            Step(
                "trees",
                [settings, self.parts.split_settings, self.experiment.seed],
                ("trees", "split", "dataset", "parts"),
                needs=needs,
                run=self.parts.grow_trees,
            )
        )

    def calibrate(self) -> Done:
        return self._done(
            Step(
                "calibrate",
                [self.experiment.blend, self.experiment.calibration],
                ("blend", "calibration", "metrics"),
                needs=[self.data(), *filter(None, (self.train(), self.trees()))],
                run=self.parts.calibrate,
            )
        )

    def export(self) -> Done:
        name = {"name": self.experiment.name, "version": self.experiment.version}
        return self._done(
            Step(
                "export",
                name,
                ("package", "package_parts", "golden", "network", "exporting"),
                needs=[self.data(), self.calibrate(), *filter(None, (self.train(), self.trees()))],
                run=lambda folder: export(self.parts, folder, self._operators),
            )
        )

    def evaluate(self) -> Done:
        settings = self.experiment.evaluate
        return self._done(
            Step(
                "evaluate",
                [settings, self.experiment.ablations],
                ("evaluation", "metrics", "attention"),
                {"config": [self.experiment.data.config], "slices": settings.slices},
                [self.data(), self.export()],
                run=self._evaluate,
            )
        )

    def register(self, zoo: Path, replace_existing: bool = False) -> dict[str, Any]:
        """Copies the package into the zoo; what is there already stays unless told otherwise."""
        exported = self._package_folder(self.export())
        target = zoo / self.experiment.name / self.experiment.version
        if target.exists():
            same = package.package_digest(target) == package.package_digest(exported)
            if not same and not replace_existing:
                raise package.PackageError(
                    f"{target} exists and is another package: give a new version, or --replace if "
                    "none of its verdicts is in use"
                )
            if not same:
                shutil.rmtree(target)
        if not target.exists():
            shutil.copytree(exported, target)
        return {"package": str(target), "digest": package.package_digest(target)}

    # ------------------------------------------------- what the steps look at

    def _evaluate(self, folder: Path) -> dict[str, Any]:
        settings = self.experiment.evaluate
        verdicts = {}
        for fold, pipeline in self._by_fold():
            if settings.each_fold or not verdicts:
                verdicts[fold.name] = folder / f"verdicts-{fold.name}.jsonl"
                pipeline._replay(verdicts[fold.name])
        more: dict[str, Any] = {"held_out": self.parts.held_out}
        if self.ablations:
            more["ablations"] = self._ablation_lines()
        if "sequence" in self.parts.blend["parts"]:
            more["attention"] = self._attention()
        result = judge.judge(
            verdicts if settings.each_fold else next(iter(verdicts.values())),
            self.experiment.data.labels,
            folder,
            self._protocol(),
            settings.is_test or None,
            Costs(settings.alert_cost),
            settings.slices,
            f"{self.experiment.name} {self.experiment.version}",
            self._looks_file,
            more,
        )
        for path in verdicts.values():
            path.unlink()  # a gigabyte a million: a replay makes them again
        return {"mean": result["mean"], "report": "report.html"}

    @property
    def _looks_file(self) -> Path:
        return self.experiment.evaluate.looks or self.runs / looks.FILE

    def _protocol(self) -> str | Fold:
        settings = self.experiment.evaluate
        return settings.protocol or days(settings.from_day, settings.until_day)

    def _by_fold(self) -> list[tuple[Fold, "Pipeline"]]:
        """Each fold with the pipeline whose package it is judged by."""
        protocol = self._protocol()
        folds = judge.PROTOCOLS[protocol][0] if isinstance(protocol, str) else [protocol]
        if not self.experiment.evaluate.each_fold:
            return [(fold, self) for fold in folds]
        return [(fold, self._at(date.fromisoformat(fold.name))) for fold in folds]

    def _at(self, until: date) -> "Pipeline":
        """The same experiment with what was known by another day."""
        if until == self.experiment.split.until:
            return self
        split = replace(self.experiment.split, until=until)
        return self.with_experiment(replace(self.experiment, split=split))

    def with_experiment(self, experiment: Experiment) -> "Pipeline":
        """Another one in the same places, which shares steps where both agree."""
        places = (self.runs, self._operators, self._weir, self._world, self._tracking)
        return Pipeline(experiment, *places, steps=self.steps)

    def _replay(self, out: Path) -> None:
        """The running pipeline's verdicts over the data: what is judged is what is served."""
        if not self._weir.is_file():
            raise DataError(f"no weir at {self._weir}: run `make`, or pass --weir PATH")
        data = self.experiment.data
        if len(data.transactions) != 1 or len(data.labels) != 1:
            raise DataError("evaluate replays one file of transactions and one of labels")
        exported = self._package_folder(self.export())
        settings = [*data.set, f"model.package={exported.resolve()}"]
        settings += [f"model.allow={package.package_digest(exported)}"]
        command = [
            *(str(self._weir), "replay", "--config", str(data.config), "--out", str(out)),
            *("--transactions", str(data.transactions[0]), "--labels", str(data.labels[0])),
        ]
        for setting in [*settings, *self.experiment.evaluate.replay_set]:
            command += ["--set", setting]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise DataError(f"weir replay failed: {done.stderr.strip()[-2000:]}")

    def _package_folder(self, exported: Done) -> Path:
        return exported.folder / self.experiment.name / self.experiment.version

    def _attention(self) -> dict[str, Any]:
        """A fraud of the held-out days that the network was sure of, with as long a past as any."""
        index = self.parts.split.held_out
        frauds = index[np.asarray(self.parts.data.payments.is_fraud[index]) > 0]
        long = [i for i in frauds if len(self.parts.examples.past_of(int(i))) == self.parts.examples.history_rows]
        chosen = np.array(long) if long else frauds
        z = self.parts.z("full", chosen)
        best = int(np.argmax(z))
        p = float(self.parts.calibration.probability(z[best : best + 1])[0])
        network = self.parts.network("full")
        return attention.story(network, self.parts.examples, int(chosen[best]), p, self.parts.merchant_names)

    def figures(self) -> dict[str, Any]:
        """Of the evaluated folds by this process' own arithmetic, without a replay: for ablations,
        which are compared among themselves.
        """
        data = self.parts.data
        known = Scores(
            data.transaction_id,
            np.asarray(data.event_time_ms),
            np.asarray(data.payments.user),
            np.asarray(data.payments.rows.merchant),
            data.payments.rows.amount_minor / 10.0**data.payments.rows.currency_exponent,
            np.zeros(len(data)),
            np.asarray(data.payments.is_fraud),
            np.asarray(data.label_time_ms),
        )
        by_fold = self._by_fold()
        for fold, pipeline in by_fold:
            index = fold.index(known)
            known.p[index] = pipeline.parts.calibration.probability(pipeline.parts.z("full", index))
        costs = Costs(self.experiment.evaluate.alert_cost)
        return evaluate(known, [fold for fold, _ in by_fold], costs)["mean"]

    def _ablation_lines(self) -> list[dict[str, Any]]:
        """A line for this experiment and one for each of its ablations, which share steps with it
        where they agree.
        """
        settings = self.experiment.evaluate
        where = settings.protocol or "the evaluated days"
        lines = [{"name": "as it is", "mean": self.figures(), "folds": where}]
        for name, other in self.ablations:
            folds = [fold for fold, _ in other._by_fold()]
            if settings.is_test or touches_published_test(folds):
                package_name = f"{other.experiment.name}/{other.experiment.version}, {name}"
                looks.record(self._looks_file, package_name, None, [fold.name for fold in folds])
            lines.append({"name": name, "mean": other.figures(), "folds": where})
        return lines

    ablations: Sequence[tuple[str, "Pipeline"]] = ()

    def _done(self, step: Step) -> Done:
        """Each step once in the life of this object."""
        if step.name not in self.made:
            self.made[step.name] = self.steps.done(step)
            if self._tracking and self._world.leads:
                self._tracking.log(self.made[step.name])
        return self.made[step.name]
