"""The parts of a model, fitted: network, trees, and how they are blended and calibrated."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from torch import nn

from weir_training import blend as blending
from weir_training import dataset, trees
from weir_training.calibration import Isotonic, Platt, fit_isotonic, fit_platt
from weir_training.dataset import DataSet
from weir_training.examples import Examples, MerchantRows, varying_features
from weir_training.experiment import Experiment, SequenceSettings
from weir_training.fit import (
    FitSettings,
    draw_all,
    draw_labelled,
    fit,
    fraud_loss,
    kind_loss,
    next_loss,
    score,
    sum_of,
)
from weir_training.merchant_features import MERCHANT_FEATURES
from weir_training.metrics import average_precision, log_loss, roc_auc
from weir_training.network import Shape, fit_scale, plain_network
from weir_training.operators import load_operators
from weir_training.payments import DataError
from weir_training.split import Learned, Split, split
from weir_training.steps import Done
from weir_training.world import World

_SCALE_ROWS = 50_000  # payments that say what the scale of inputs is
_NEXT_COLUMNS = slice(1, 3)  # of the network's outputs: the next payment's amount and gap
_KIND_EXAMPLES_MIN = 30  # frauds of the early days, for a kind to be told apart
_KINDS_MAX = 32


class Parts:
    """Of one experiment. Methods that fit write into the folder of their step and return its facts;
    `made` names the steps before, None for one that the experiment does without.
    """

    def __init__(
        self,
        experiment: Experiment,
        world: World,
        operators: Path,
        made: Callable[[str], Done | None],
    ) -> None:
        self.experiment = experiment
        self._world = world
        self._operators = operators
        self._made = made

    @cached_property
    def data(self) -> DataSet:
        return dataset.read(self._made("data").folder)

    @cached_property
    def split(self) -> Split:
        return split(self.data, self.experiment.split)

    @cached_property
    def examples(self) -> Examples:
        """Features that never vary in what is learned from are left out: their weights would stay
        what chance made them.
        """
        settings = self.experiment.sequence
        data = self.data
        features = settings.features or varying_features(
            data.payments, settings.history_rows, self.split.full.index
        )
        merchant = None
        if settings.merchant_rows:
            if data.merchant.shape[1] < settings.merchant_rows:
                raise DataError(
                    f"sequence.merchant_rows is {settings.merchant_rows}, but the data has "
                    f"{data.merchant.shape[1]}: set history.merchant_rows in the configuration"
                )
            columns = [list(MERCHANT_FEATURES).index(n) for n in self.merchant_names]
            merchant = MerchantRows(
                data.merchant, data.merchant_mask, settings.merchant_rows, columns
            )
        return Examples(data.payments, features, settings.history_rows, merchant)

    @property
    def merchant_names(self) -> list[str]:
        settings = self.experiment.sequence
        if not settings.merchant_rows:
            return []
        return settings.merchant_features or list(MERCHANT_FEATURES)

    @property
    def shape(self) -> Shape:
        names = (self.examples.features, self.merchant_names, self.kinds)
        return Shape.of(self.experiment.sequence, *names)

    @cached_property
    def kinds(self) -> list[str]:
        """Of fraud, that have enough examples to be told apart; by name."""
        if not self.experiment.sequence.kind_weight:
            return []
        payments, early = self.data.payments, self.split.early.index
        counts = np.bincount(payments.kind[early], minlength=len(payments.kind_names) + 1)[1:]
        enough = [n for n, count in zip(payments.kind_names, counts) if count >= _KIND_EXAMPLES_MIN]
        if not 2 <= len(enough) <= _KINDS_MAX:
            known = ", ".join(f"{n} {count}" for n, count in zip(payments.kind_names, counts))
            raise DataError(
                f"sequence.kind_weight needs 2 to {_KINDS_MAX} kinds of fraud with at least "
                f"{_KIND_EXAMPLES_MIN} examples each in the early days: labels name them by `type`, "
                f"and {len(enough)} have that many ({known or 'none is named'})"
            )
        for name in enough:
            if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
                raise DataError(f"a label's type is to name an output, and cannot: {name!r}")
        return sorted(enough)

    @property
    def _kind_codes(self) -> list[int]:
        return [self.data.payments.kind_names.index(name) + 1 for name in self.kinds]

    @property
    def _kind_columns(self) -> slice:
        """Of the network's outputs: the last ones."""
        outputs = len(self.shape.outputs)
        return slice(outputs - len(self.kinds), outputs)

    def _fresh(self) -> nn.Module:
        """Untrained, but it knows the scale of the data: that of the early days, for both fits."""
        network = plain_network(self.shape, self.experiment.seed)
        index = self.split.early.index
        some = index[:: -(-len(index) // _SCALE_ROWS)]
        batch = self.examples.batch(some)
        merchant = None if batch.merchant is None else batch.merchant[batch.merchant_mask > 0]
        after, is_known = self.examples.next_payment(self.split.early.until_ms)
        following = after[some[is_known[some] > 0]]
        fit_scale(network, self.shape, batch.current, merchant, following)
        return network

    @property
    def shape_settings(self) -> SequenceSettings:
        """Without what decides only how labels are learned: such changes keep pretraining."""
        learned = ("epochs", "batch", "learning_rate", "genuine_weight", "weight_decay")
        learned += ("easy_share", "average", "next_weight", "start_from")
        plain = SequenceSettings()
        asks_kinds = float(self.experiment.sequence.kind_weight > 0)
        plain_values = {n: getattr(plain, n) for n in learned} | {"kind_weight": asks_kinds}
        return replace(self.experiment.sequence, **plain_values)

    @property
    def split_settings(self) -> list[Any]:
        return [self.experiment.split, self.experiment.blend.refit]

    def uses(self, part: str) -> bool:
        if part in self.experiment.blend.parts:
            return True
        has_trees = "trees" in self.experiment.blend.parts
        return part == "sequence" and has_trees and bool(self.experiment.trees.sequence)

    def _fits(self) -> list[tuple[str, Learned]]:
        early, full = self.split.early, self.split.full
        return [("early", early), ("full", full)] if self.experiment.blend.refit else [("early", early)]

    def _which(self, which: str) -> str:
        return which if self.experiment.blend.refit else "early"

    def pretrain(self, folder: Path) -> dict[str, Any]:
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
            before = np.flatnonzero(self.data.event_time_ms < learned.until_ms)
            network = self._fresh()
            loss = next_loss(self.examples, learned.until_ms, _NEXT_COLUMNS)
            self._fit(folder, which, network, draw_all(before), loss, settings, "pretrain")
            facts[which] = {"payments": len(before)}
        return facts

    def train(self, folder: Path) -> dict[str, Any]:
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
        before = self._made("pretrain")
        for which, learned in self._fits():
            network = self._fresh()
            if chosen.start_from:
                load_operators(self._operators)  # TorchScript is not read without them
                network.load_state_dict(_weights_of_package(chosen.start_from, network, self.shape))
            elif before:
                network.load_state_dict(torch.load(before.folder / f"{which}.pt"))
            loss = fraud_loss(self.examples)
            if chosen.next_weight:
                also = next_loss(self.examples, learned.until_ms, _NEXT_COLUMNS)
                loss = sum_of(loss, also, chosen.next_weight)
            if self.kinds:
                also = kind_loss(self.data.payments.kind, self._kind_codes, self._kind_columns)
                loss = sum_of(loss, also, chosen.kind_weight)
            draw = draw_labelled(self.examples, learned.index, settings)
            self._fit(folder, which, network, draw, loss, settings, "train")
        weights = sum(p.numel() for p in network.parameters())
        facts = {"weights": weights, "features": self.examples.features}
        return facts | self.split.facts(self.data)

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
        fit(network, self.examples, draw, loss, settings, name, checkpoint, self._world)
        if self._world.leads:
            torch.save(network.state_dict(), whole.with_suffix(".new"))
            whole.with_suffix(".new").replace(whole)
            checkpoint.unlink(missing_ok=True)
        self._world.wait()

    def network(self, which: str) -> nn.Module:
        network = plain_network(self.shape, self.experiment.seed)
        network.load_state_dict(torch.load(self._made("train").folder / f"{self._which(which)}.pt"))
        return network.requires_grad_(False).eval()

    def trees_model(self, which: str) -> bytes:
        return (self._made("trees").folder / f"{self._which(which)}.ubj").read_bytes()

    def version_of(self, part: str) -> str:
        """Of what the part was made from: settings, code and data."""
        return self._made(part).digest[:12]

    @property
    def held_out(self) -> dict[str, Any]:
        """Figures of each part and of the blend on the held-out days."""
        return self._made("calibrate").facts["held_out"]

    def grow_trees(self, folder: Path) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        settings = self.experiment.trees
        for which, learned in self._fits():
            index = learned.last_days(settings.days, self.data.event_time_ms)
            label = np.asarray(self.data.payments.is_fraud[index]) > 0
            seed = self.experiment.seed
            kept = trees.thinned(label, settings.genuine_share, seed)
            index, label = index[kept], label[kept]
            rows = self._tree_rows(which, index)
            model = trees.fit_trees(rows, label, self.tree_inputs(), settings, seed)
            (folder / f"{which}.ubj").write_bytes(model)
            facts[which] = {"payments": len(index), "frauds": int(label.sum())}
            facts["gain"] = trees.importance(model, self.tree_inputs())
        return facts

    def tree_inputs(self) -> list[str]:
        settings = self.experiment.trees
        declared = settings.declared or self.data.declared_names
        return [f"declared:{n}" for n in declared] + [f"sequence:{n}" for n in settings.sequence]

    def _tree_rows(
        self, which: str, index: np.ndarray, outputs: np.ndarray | None = None
    ) -> np.ndarray:
        """float32 [N, inputs]. `outputs` of the network, when they are there already."""
        settings = self.experiment.trees
        names = settings.declared or self.data.declared_names
        rows = np.asarray(self.data.declared[index])[:, self.data.declared_columns(names)]
        if settings.sequence:
            missing = set(settings.sequence) - set(self.shape.outputs)
            if missing:
                raise DataError(
                    f"trees.sequence: no output {', '.join(sorted(missing))}; the network has "
                    + ", ".join(self.shape.outputs)
                )
            if outputs is None:
                outputs = score(self.network(which), self.examples, index, "outputs")
            columns = [self.shape.outputs.index(name) for name in settings.sequence]
            rows = np.concatenate([rows, outputs[:, columns]], axis=1)
        return rows

    def logits(self, which: str, index: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Log odds of the network and of the trees; None for a part that is not there."""
        outputs = margin = None
        if self.uses("sequence"):
            outputs = score(self.network(which), self.examples, index, "score")
        if self.uses("trees"):
            margin = trees.margins(self.trees_model(which), self._tree_rows(which, index, outputs))
        is_part = "sequence" in self.experiment.blend.parts
        return outputs[:, 0] if outputs is not None and is_part else None, margin

    def calibrate(self, folder: Path) -> dict[str, Any]:
        index = self.split.held_out
        logit, margin = self.logits("early", index)
        is_fraud = np.asarray(self.data.payments.is_fraud[index])
        seen = {
            name: {"auc": roc_auc(z, is_fraud), "average_precision": average_precision(z, is_fraud)}
            for name, z in (("sequence", logit), ("trees", margin))
            if z is not None
        }
        z, weights, parts = logit if margin is None else margin, None, list(seen)
        if logit is not None and margin is not None:
            share = self.experiment.blend.sequence_share
            weights = blending.fit_weights(logit, margin, is_fraud, share)
            z = weights.z(logit, margin)
            seen["blend"] = {
                "auc": roc_auc(z, is_fraud),
                "average_precision": average_precision(z, is_fraud),
                "log_loss": blending.log_loss_of(z, is_fraud),
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
        facts = {
            "held_out": seen,
            "log_loss": log_loss(calibration.probability(z), is_fraud),
            "parts": parts,
            "weights": asdict(weights) if weights else None,
        }
        return facts | (self._kinds_told() if self.uses("sequence") and self.kinds else {})

    def _kinds_told(self) -> dict[str, Any]:
        """How often the network names the kind of a held-out fraud, and how often the commonest kind
        would be right.
        """
        index, codes = self.split.held_out, self._kind_codes
        index = index[np.isin(self.data.payments.kind[index], codes)]
        if not len(index):
            return {}
        outputs = score(self.network("early"), self.examples, index, "kinds")
        named = np.array(codes)[outputs[:, self._kind_columns].argmax(axis=1)]
        kind = np.asarray(self.data.payments.kind[index])
        figures = {
            "frauds": len(kind),
            "right": float((named == kind).mean()),
            "commonest": float(np.bincount(kind).max() / len(kind)),
        }
        return {"kinds": figures}

    @cached_property
    def blend(self) -> dict[str, Any]:
        return json.loads((self._made("calibrate").folder / "blend.json").read_text())

    @property
    def calibration(self) -> Any:
        kept = self.blend["calibration"]
        if self.experiment.calibration.method == "platt":
            return Platt(**kept)
        return Isotonic(tuple(kept["z"]), tuple(kept["p"]))

    def z(self, which: str, index: np.ndarray) -> np.ndarray:
        logit, margin = self.logits(which, index)
        parts, weights = self.blend["parts"], self.blend["weights"]
        if weights:
            return blending.Weights(**weights).z(logit, margin)
        return (logit if parts == ["sequence"] else margin).astype(np.float64)


_NO_KINDS = {"kinds": []}  # of packages that are older than kinds


def _weights_of_package(
    directory: Path, network: nn.Module, shape: Shape
) -> dict[str, torch.Tensor]:
    """Of a package made by this pipeline, with its scale of inputs, for a network of its shape."""
    manifest = json.loads((directory / "manifest.json").read_text())
    theirs = manifest.get("training", {}).get("network")
    mine = json.loads(json.dumps(asdict(shape)))
    if theirs is None or _NO_KINDS | theirs != mine:
        raise DataError(f"{directory} holds a network of another shape: {theirs}, not {mine}")
    file = manifest["parts"]["sequence"]["file"]
    kept = torch.jit.load(str(directory / file)).state_dict()
    return {name: kept[name] for name in network.state_dict()}  # constants besides are made again
