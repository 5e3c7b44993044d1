"""The steps from data to a registered package, each made of the ones before it.

    data -> pretrain -> train -> trees -> calibrate -> export -> evaluate -> register

steps.py skips what is up to date, so any step can be asked for by itself. Parts are fitted twice:
`early`, to see on held-out days how they blend, and `full`, which is what is exported (split.py).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
import torch
from torch import nn

from weir_training import attention, blend, build_data, dataset, package, trees
from weir_training.calibration import Isotonic, Platt, fit_isotonic, fit_platt
from weir_training.dataset import DataSet
from weir_training.evaluation import judge
from weir_training.evaluation.evaluate import evaluate
from weir_training.evaluation.folds import Fold, days
from weir_training.evaluation.looks import FILE as LOOKS_FILE
from weir_training.evaluation.money import Costs
from weir_training.evaluation.scores import Scores
from weir_training.examples import Examples, MerchantRows, varying_features
from weir_training.experiment import Experiment, SequenceSettings
from weir_training.fit import (
    FitSettings,
    draw_all,
    draw_labelled,
    fit,
    fraud_loss,
    next_loss,
    score,
    sum_of,
)
from weir_training.merchant_features import MERCHANT_FEATURES
from weir_training.metrics import average_precision, roc_auc
from weir_training.network import (
    Shape,
    fit_scale,
    plain_network,
    served_network,
)
from weir_training.operators import load_operators
from weir_training.payments import DataError
from weir_training.split import Learned, Split, split
from weir_training.steps import Done, Step, Steps
from weir_training.tracking import Tracking
from weir_training.world import ALONE, World

# Plain torch sums in another order than the C++ operators; more than this is another function.
_AGREEMENT_MAX = 1e-5
_AGREEMENT_ROWS = 20_000  # newest payments on which the two forms are compared
_SCALE_ROWS = 50_000  # payments that say what the scale of inputs is
_NEXT_COLUMNS = slice(1, 3)  # of the network's outputs: the next payment's amount and gap

_FEATURE_CODE = ("row_features", "examples", "payments", "engine_codes", "dataset")
_FIT_CODE = (*_FEATURE_CODE, "network", "operators", "fit", "split", "world", "merchant_features")


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

    # ---------------------------------------------------------------- steps

    def data(self) -> Done:
        settings = self.experiment.data
        files = {
            "config": [settings.config],
            "transactions": settings.transactions,
            "labels": settings.labels,
        }
        if settings.features:
            files["features"] = [settings.features]
        return self._done(
            Step(
                "data",
                # How many workers make it does not change what is made; how it is cut may.
                replace(settings, workers="here"),
                ("build_data", "dataset", "payments", "currencies"),
                files,
                run=lambda folder: build_data.build(settings, folder),
            )
        )

    def pretrain(self) -> Done | None:
        if not self.experiment.pretrain or not self._uses("sequence"):
            return None
        settings = (self.experiment.pretrain, self._shape_settings, self._split_settings)
        return self._done(
            Step(
                "pretrain",
                [*settings, self.experiment.seed],
                _FIT_CODE,
                needs=[self.data()],
                is_shared=True,
                run=self._pretrain,
            )
        )

    def train(self) -> Done | None:
        if not self._uses("sequence"):
            return None
        sequence = self.experiment.sequence
        start = {"start_from": [sequence.start_from]} if sequence.start_from else {}
        before = self.pretrain()
        return self._done(
            Step(
                "train",
                [sequence, self._split_settings, self.experiment.seed],
                _FIT_CODE,
                start,
                [self.data(), *([before] if before else [])],
                is_shared=True,
                run=self._train,
            )
        )

    def trees(self) -> Done | None:
        if not self._uses("trees"):
            return None
        settings = self.experiment.trees
        needs = [self.data()]
        if settings.sequence:
            needs.append(self.train())
        return self._done(
            Step(
                "trees",
                [settings, self._split_settings, self.experiment.seed],
                ("trees", "split", "dataset"),
                needs=needs,
                run=self._trees,
            )
        )

    def calibrate(self) -> Done:
        return self._done(
            Step(
                "calibrate",
                [self.experiment.blend, self.experiment.calibration],
                ("blend", "calibration", "metrics"),
                needs=[self.data(), *filter(None, (self.train(), self.trees()))],
                run=self._calibrate,
            )
        )

    def export(self) -> Done:
        name = {"name": self.experiment.name, "version": self.experiment.version}
        return self._done(
            Step(
                "export",
                name,
                ("package", "golden", "network"),
                needs=[self.data(), self.calibrate(), *filter(None, (self.train(), self.trees()))],
                run=self._export,
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

    @cached_property
    def _data(self) -> DataSet:
        return dataset.read(self.data().folder)

    @cached_property
    def _split(self) -> Split:
        return split(self._data, self.experiment.split)

    @cached_property
    def _examples(self) -> Examples:
        """Features that never vary in what is learned from are left out: their weights would stay
        what chance made them.
        """
        settings = self.experiment.sequence
        data = self._data
        features = settings.features or varying_features(
            data.payments, settings.history_rows, self._split.full.index
        )
        merchant = None
        if settings.merchant_rows:
            if data.merchant.shape[1] < settings.merchant_rows:
                raise DataError(
                    f"sequence.merchant_rows is {settings.merchant_rows}, but the data has "
                    f"{data.merchant.shape[1]}: set history.merchant_rows in the configuration"
                )
            columns = [list(MERCHANT_FEATURES).index(n) for n in self._merchant_names]
            merchant = MerchantRows(
                data.merchant, data.merchant_mask, settings.merchant_rows, columns
            )
        return Examples(data.payments, features, settings.history_rows, merchant)

    @property
    def _merchant_names(self) -> list[str]:
        settings = self.experiment.sequence
        if not settings.merchant_rows:
            return []
        return settings.merchant_features or list(MERCHANT_FEATURES)

    @property
    def _shape(self) -> Shape:
        return Shape.of(self.experiment.sequence, self._examples.features, self._merchant_names)

    def _fresh(self) -> nn.Module:
        """Untrained, but it knows the scale of the data: that of the early days, for both fits."""
        network = plain_network(self._shape, self.experiment.seed)
        index = self._split.early.index
        some = index[:: -(-len(index) // _SCALE_ROWS)]
        batch = self._examples.batch(some)
        merchant = None if batch.merchant is None else batch.merchant[batch.merchant_mask > 0]
        after, is_known = self._examples.next_payment(self._split.early.until_ms)
        following = after[some[is_known[some] > 0]]
        fit_scale(network, self._shape, batch.current, merchant, following)
        return network

    @property
    def _shape_settings(self) -> SequenceSettings:
        """Without what decides only how fraud is learned, so that such changes keep pretraining."""
        learned = ("epochs", "batch", "learning_rate", "genuine_weight", "weight_decay")
        learned += ("easy_share", "average", "next_weight", "start_from")
        plain = SequenceSettings()
        return replace(self.experiment.sequence, **{n: getattr(plain, n) for n in learned})

    @property
    def _split_settings(self) -> list[Any]:
        return [self.experiment.split, self.experiment.blend.refit]

    def _uses(self, part: str) -> bool:
        if part in self.experiment.blend.parts:
            return True
        has_trees = "trees" in self.experiment.blend.parts
        return part == "sequence" and has_trees and bool(self.experiment.trees.sequence)

    def _fits(self) -> list[tuple[str, Learned]]:
        early, full = self._split.early, self._split.full
        return [("early", early), ("full", full)] if self.experiment.blend.refit else [("early", early)]

    def _which(self, which: str) -> str:
        return which if self.experiment.blend.refit else "early"

    # ---------------------------------------------------------- their doing

    def _pretrain(self, folder: Path) -> dict[str, Any]:
        """The next payment of the user, from all payments: those without a label teach too."""
        chosen = self.experiment.pretrain
        settings = FitSettings(
            seed=self.experiment.seed,
            epochs=chosen.epochs,
            batch=chosen.batch,
            learning_rate=chosen.learning_rate,
            weight_decay=self.experiment.sequence.weight_decay,
        )
        facts = {}
        for which, learned in self._fits():
            before = np.flatnonzero(self._data.event_time_ms < learned.until_ms)
            network = self._fresh()
            loss = next_loss(self._examples, learned.until_ms, _NEXT_COLUMNS)
            self._fit(folder, which, network, draw_all(before), loss, settings, "pretrain")
            facts[which] = {"payments": len(before)}
        return facts

    def _train(self, folder: Path) -> dict[str, Any]:
        chosen = self.experiment.sequence
        settings = FitSettings(
            seed=self.experiment.seed,
            epochs=chosen.epochs,
            batch=chosen.batch,
            learning_rate=chosen.learning_rate,
            genuine_weight=chosen.genuine_weight,
            weight_decay=chosen.weight_decay,
            easy_share=chosen.easy_share,
            average=chosen.average,
        )
        before = self.pretrain()
        for which, learned in self._fits():
            network = self._fresh()
            if chosen.start_from:
                network.load_state_dict(_weights_of_package(chosen.start_from, network, self._shape))
            elif before:
                network.load_state_dict(torch.load(before.folder / f"{which}.pt"))
            loss = fraud_loss(self._examples)
            if chosen.next_weight:
                also = next_loss(self._examples, learned.until_ms, _NEXT_COLUMNS)
                loss = sum_of(loss, also, chosen.next_weight)
            draw = draw_labelled(self._examples, learned.index, settings)
            self._fit(folder, which, network, draw, loss, settings, "train")
        weights = sum(p.numel() for p in network.parameters())
        facts = {"weights": weights, "features": self._examples.features}
        return facts | self._split.facts(self._data)

    def _fit(
        self,
        folder: Path,
        which: str,
        network: nn.Module,
        draw: Callable,
        loss: Callable,
        settings: FitSettings,
        title: str,
    ) -> None:
        """One of the two fits of a step; skipped when a run before this one finished it."""
        whole, checkpoint = folder / f"{which}.pt", folder / f"{which}.checkpoint"
        is_there = whole.exists()
        self._world.wait()
        if is_there:
            return
        name = f"{title} {which}"
        fit(network, self._examples, draw, loss, settings, name, checkpoint, self._world)
        if self._world.leads:
            torch.save(network.state_dict(), whole.with_suffix(".new"))
            whole.with_suffix(".new").replace(whole)
            checkpoint.unlink(missing_ok=True)
        self._world.wait()

    def _network(self, which: str) -> nn.Module:
        network = plain_network(self._shape, self.experiment.seed)
        network.load_state_dict(torch.load(self.train().folder / f"{self._which(which)}.pt"))
        return network.requires_grad_(False).eval()

    def _trees(self, folder: Path) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        settings = self.experiment.trees
        for which, learned in self._fits():
            index = learned.last_days(settings.days, self._data.event_time_ms)
            label = np.asarray(self._data.payments.is_fraud[index]) > 0
            seed = self.experiment.seed
            kept = trees.thinned(label, settings.genuine_share, seed)
            index, label = index[kept], label[kept]
            rows = self._tree_rows(which, index)
            model = trees.fit_trees(rows, label, self._tree_inputs(), settings, seed)
            (folder / f"{which}.ubj").write_bytes(model)
            facts[which] = {"payments": len(index), "frauds": int(label.sum())}
            facts["gain"] = trees.importance(model, self._tree_inputs())
        return facts

    def _tree_inputs(self) -> list[str]:
        settings = self.experiment.trees
        declared = settings.declared or self._data.declared_names
        return [f"declared:{n}" for n in declared] + [f"sequence:{n}" for n in settings.sequence]

    def _tree_rows(
        self, which: str, index: np.ndarray, outputs: np.ndarray | None = None
    ) -> np.ndarray:
        """float32 [N, inputs]. `outputs` of the network, when they are there already."""
        settings = self.experiment.trees
        names = settings.declared or self._data.declared_names
        rows = np.asarray(self._data.declared[index])[:, self._data.declared_columns(names)]
        if settings.sequence:
            if outputs is None:
                outputs = score(self._network(which), self._examples, index, "outputs")
            columns = [self._shape.outputs.index(name) for name in settings.sequence]
            rows = np.concatenate([rows, outputs[:, columns]], axis=1)
        return rows

    def logits(self, which: str, index: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Log odds of the network and of the trees; None for a part that is not there."""
        outputs = margin = None
        if self._uses("sequence"):
            outputs = score(self._network(which), self._examples, index, "score")
        if self._uses("trees"):
            model = (self.trees().folder / f"{self._which(which)}.ubj").read_bytes()
            margin = trees.margins(model, self._tree_rows(which, index, outputs))
        is_part = "sequence" in self.experiment.blend.parts
        return outputs[:, 0] if outputs is not None and is_part else None, margin

    def _calibrate(self, folder: Path) -> dict[str, Any]:
        index = self._split.held_out
        logit, margin = self.logits("early", index)
        is_fraud = np.asarray(self._data.payments.is_fraud[index])
        seen = {
            name: {"auc": roc_auc(z, is_fraud), "average_precision": average_precision(z, is_fraud)}
            for name, z in (("sequence", logit), ("trees", margin))
            if z is not None
        }
        z, weights, parts = logit if margin is None else margin, None, list(seen)
        if logit is not None and margin is not None:
            weights = blend.fit_weights(logit, margin, is_fraud)
            z = weights.z(logit, margin)
            seen["blend"] = {
                "auc": roc_auc(z, is_fraud),
                "average_precision": average_precision(z, is_fraud),
                "log_loss": blend.log_loss_of(z, is_fraud),
            }
            dropped = [n for n in ("sequence", "trees") if getattr(weights, n) == 0.0]
            if self.experiment.blend.choose and not dropped:
                best = max(seen, key=lambda name: seen[name]["average_precision"])
                dropped = [n for n in ("sequence", "trees") if best not in ("blend", n)]
            if dropped:
                parts, weights = [p for p in parts if p not in dropped], None
                z = logit if parts == ["sequence"] else margin
        method = fit_platt if self.experiment.calibration.method == "platt" else fit_isotonic
        calibration = method(z, is_fraud)
        (folder / "blend.json").write_text(
            json.dumps(
                {
                    "parts": parts,
                    "weights": asdict(weights) if weights else None,
                    "calibration": asdict(calibration),
                },
                indent=1,
            )
            + "\n"
        )
        return {"held_out": seen, "parts": parts, "weights": asdict(weights) if weights else None}

    @cached_property
    def _blend(self) -> dict[str, Any]:
        return json.loads((self.calibrate().folder / "blend.json").read_text())

    @property
    def _calibration(self) -> Any:
        kept = self._blend["calibration"]
        if self.experiment.calibration.method == "platt":
            return Platt(**kept)
        return Isotonic(tuple(kept["z"]), tuple(kept["p"]))

    def z(self, which: str, index: np.ndarray) -> np.ndarray:
        logit, margin = self.logits(which, index)
        parts, weights = self._blend["parts"], self._blend["weights"]
        if weights:
            return blend.Weights(**weights).z(logit, margin)
        return (logit if parts == ["sequence"] else margin).astype(np.float64)

    def _export(self, folder: Path) -> dict[str, Any]:
        kept = self._blend
        sequence = trees_part = None
        facts: dict[str, Any] = {}
        uses_network = "sequence" in kept["parts"] or bool(
            "trees" in kept["parts"] and self.experiment.trees.sequence
        )
        if uses_network:
            load_operators(self._operators)
            served = served_network(self._shape, self._network("full"))
            facts["plain_torch_difference_max"] = self._agreement(served)
            sequence = package.SequencePart(
                self.train().digest[:12], package.scripted(served), self._shape.outputs
            )
        if "trees" in kept["parts"]:
            model = (self.trees().folder / f"{self._which('full')}.ubj").read_bytes()
            trees_part = package.TreesPart(self.trees().digest[:12], model, self._tree_inputs())
        target = folder / self.experiment.name / self.experiment.version
        shutil.rmtree(target, ignore_errors=True)  # of a run that was killed in here
        digest = package.write_package(
            target,
            package.Parts(sequence, trees_part),
            self._inputs(uses_network, trees_part is not None),
            self._package_blend(sequence, trees_part),
            self._calibration,
            self._provenance(),
            self._domain(uses_network, trees_part is not None),
        )
        return facts | {"digest": digest, "parts": kept["parts"]}

    def _package_blend(self, sequence: Any, trees_part: Any) -> Any:
        if sequence is None or trees_part is None:
            return None
        weights = self._blend["weights"]
        # Trees that read the network while it is no part of the blend: it is there, with weight 0.
        return package.Blend(**weights) if weights else package.Blend(0.0, 1.0, 0.0)

    def _agreement(self, served: nn.Module) -> float:
        """Largest difference of a logit between the trained and the served form."""
        index = self._split.full.index[-_AGREEMENT_ROWS:]
        plain = score(self._network("full"), self._examples, index, "compare")
        other = score(served, self._examples, index, "compare")
        largest = float(np.abs(plain[:, 0] - other[:, 0]).max())
        if not largest <= _AGREEMENT_MAX:
            raise package.PackageError(
                f"C++ operators differ from plain torch by {largest:.2e}, more than "
                f"{_AGREEMENT_MAX}: either they are another function, or the weights are so large "
                "that rounding shows (raise sequence.weight_decay)"
            )
        return largest

    def _inputs(self, has_network: bool, has_trees: bool) -> Any:
        declared = []
        if has_trees:
            names = self.experiment.trees.declared or self._data.declared_names
            texts = dict(zip(self._data.declared_names, self._data.definitions))
            declared = [package.Declared(name, texts[name]) for name in names]
        if not has_network:
            return package.Inputs(declared=declared)
        settings = self.experiment.sequence
        return package.Inputs(
            self._examples.features,
            settings.history_rows,
            settings.merchant_rows,
            self._merchant_names,
            declared,
        )

    def _domain(self, has_network: bool, has_trees: bool) -> dict[str, tuple[float, float]]:
        index = self._split.full.index
        domain = dict(self._examples.domain(index)) if has_network else {}
        if has_trees:
            names = self.experiment.trees.declared or self._data.declared_names
            for name, column in zip(names, self._data.declared_columns(names)):
                values = np.asarray(self._data.declared[index, column])
                values = values[np.isfinite(values)]
                if len(values):
                    domain[f"declared:{name}"] = float(values.min()), float(values.max())
        return domain

    def _provenance(self) -> dict[str, Any]:
        """What someone needs to make the same model again, and to see that they did."""
        experiment = self.experiment
        settings = {
            name: asdict(getattr(experiment, name))
            for name in ("split", "sequence", "pretrain", "trees", "blend", "calibration")
            if getattr(experiment, name) is not None
        }
        return {
            "data": [asdict(source) for source in self._data.sources],
            "labels_known_by": f"{experiment.split.until}T00:00:00Z",
            "periods": self._split.facts(self._data),
            "code_sha256": package.code_digest(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "seed": experiment.seed,
            "settings": json.loads(json.dumps(settings, default=str)),
            "network": asdict(self._shape) if self._uses("sequence") else None,
            "metrics": {"held_out": self.calibrate().facts["held_out"]},
        }

    # ----------------------------------------------------------- evaluation

    def _evaluate(self, folder: Path) -> dict[str, Any]:
        settings = self.experiment.evaluate
        verdicts = {}
        for fold, pipeline in self._by_fold():
            if settings.each_fold or not verdicts:
                verdicts[fold.name] = folder / f"verdicts-{fold.name}.jsonl"
                pipeline._replay(verdicts[fold.name])
        more: dict[str, Any] = {"held_out": self.calibrate().facts["held_out"]}
        if self.ablations:
            more["ablations"] = self._ablation_lines()
        if "sequence" in self._blend["parts"]:
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
            settings.looks or self.runs / LOOKS_FILE,
            more,
        )
        for path in verdicts.values():
            path.unlink()  # a gigabyte a million: a replay makes them again
        return {"mean": result["mean"], "report": "report.html"}

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
        other = replace(self.experiment, split=replace(self.experiment.split, until=until))
        places = (self.runs, self._operators, self._weir, self._world, self._tracking)
        return Pipeline(other, *places, steps=self.steps)

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
        index = self._split.held_out
        frauds = index[np.asarray(self._data.payments.is_fraud[index]) > 0]
        long = [i for i in frauds if len(self._examples.past_of(int(i))) == self._examples.history_rows]
        chosen = np.array(long) if long else frauds
        z = self.z("full", chosen)
        best = int(np.argmax(z))
        p = float(self._calibration.probability(z[best : best + 1])[0])
        network = self._network("full")
        return attention.story(network, self._examples, int(chosen[best]), p, self._merchant_names)

    def figures(self) -> dict[str, Any]:
        """Of the evaluated folds by this process' own arithmetic, without a replay: for ablations,
        which are compared among themselves.
        """
        data = self._data
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
            known.p[index] = pipeline._calibration.probability(pipeline.z("full", index))
        costs = Costs(self.experiment.evaluate.alert_cost)
        return evaluate(known, [fold for fold, _ in by_fold], costs)["mean"]

    def _ablation_lines(self) -> list[dict[str, Any]]:
        """A line for this experiment and one for each of its ablations, which share steps with it
        where they agree.
        """
        where = self.experiment.evaluate.protocol or "the evaluated days"
        lines = [{"name": "as it is", "mean": self.figures(), "folds": where}]
        for name, other in self.ablations:
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


def _weights_of_package(
    directory: Path, network: nn.Module, shape: Shape
) -> dict[str, torch.Tensor]:
    """Of a package made by this pipeline, with its scale of inputs, for a network of its shape."""
    manifest = json.loads((directory / "manifest.json").read_text())
    theirs = manifest.get("training", {}).get("network")
    mine = json.loads(json.dumps(asdict(shape)))
    if theirs != mine:
        raise DataError(f"{directory} holds a network of another shape: {theirs}, not {mine}")
    file = manifest["parts"]["sequence"]["file"]
    kept = torch.jit.load(str(directory / file)).state_dict()
    return {name: kept[name] for name in network.state_dict()}  # constants besides are made again
