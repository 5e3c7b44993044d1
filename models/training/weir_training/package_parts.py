"""What a package is made of: inputs, the parts over them, and how their log odds become one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Sequence

import numpy as np
import xgboost

_XGBOOST_OBJECTIVE = "binary:logistic"


class PackageError(Exception):
    """The package cannot be written or must not be trusted; the message says why."""


@dataclass(frozen=True)
class Declared:
    """A feature that the configuration of the engine declares."""

    name: str
    definition: str  # canonical text: "merchant mean fraud window=7d delay=7d default=0"


@dataclass(frozen=True)
class Inputs:
    """What the engine must gather. With a sequence part at least one feature and one history row;
    with trees only nothing but `declared`.
    """

    features: Sequence[str] = ()  # names of row_features.ROW_FEATURES
    history_rows: int = 0  # W
    merchant_rows: int = 0  # K
    merchant_features: Sequence[str] = ()  # names of MERCHANT_FEATURES; none exactly when K is 0
    declared: Sequence[Declared] = ()


@dataclass(frozen=True)
class SequencePart:
    version: str
    model: bytes  # TorchScript on the C++ operators
    outputs: Sequence[str]  # columns of forward's result, "fraud" among them
    operators: Sequence[str] = ("weir::linear", "weir::attend")


@dataclass(frozen=True)
class TreesPart:
    version: str
    model: bytes  # UBJSON of XGBoost: bytes(booster.save_raw("ubj"))
    inputs: Sequence[str]  # in the order of training: "declared:NAME", "sequence:OUTPUT"


@dataclass(frozen=True)
class Parts:
    """At least one of the two."""

    sequence: SequencePart | None = None
    trees: TreesPart | None = None


@dataclass(frozen=True)
class Blend:
    """z = sequence * logit + trees * margin + bias, in double, each step rounded once."""

    sequence: float  # weights, >= 0, not both 0
    trees: float
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.sequence, self.trees, self.bias)):
            raise PackageError(f"blend must be finite: {self}")
        if self.sequence < 0 or self.trees < 0 or self.sequence + self.trees == 0:
            raise PackageError(f"blend weights must not be negative, and not both 0: {self}")

    def z(self, logit: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """float64."""
        sequence = self.sequence * logit.astype(np.float64)
        return sequence + self.trees * margin.astype(np.float64) + self.bias


class Trees:
    """A model of XGBoost with named inputs, on one thread."""

    def __init__(self, model: bytes, inputs: Sequence[str]) -> None:
        self.inputs = list(inputs)
        if not model.startswith(b"{L"):
            raise PackageError('trees are no UBJSON: save_raw("ubj") writes it')
        try:
            self._booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
        except xgboost.core.XGBoostError as error:
            raise PackageError(f"trees do not load: {str(error).splitlines()[0]}") from error
        learner = json.loads(self._booster.save_config())["learner"]
        self._check(learner)
        self.rounds = self._booster.num_boosted_rounds()

    def _check(self, learner: dict) -> None:
        objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
        shape = learner["learner_model_param"]
        if objective != _XGBOOST_OBJECTIVE:
            raise PackageError(f"objective must be {_XGBOOST_OBJECTIVE}, not {objective}")
        if booster != "gbtree":
            raise PackageError(f"booster must be gbtree, not {booster}")
        if int(shape["num_class"]) > 1 or int(shape["num_target"]) > 1:
            raise PackageError("one output is served, the trees have several")
        if int(shape["num_feature"]) != len(self.inputs):
            raise PackageError(
                f"trees were trained on {shape['num_feature']} inputs, {len(self.inputs)} are named"
            )

    def gather(
        self,
        declared: np.ndarray | None,
        declared_names: Sequence[str],
        outputs: np.ndarray | None,
        output_names: Sequence[str],
    ) -> np.ndarray:
        """float32 [B, inputs] from what is declared [B, D] and what the network said
        [B, outputs].
        """
        columns = []
        for source, name in (text.split(":", 1) for text in self.inputs):
            table, names = (
                (declared, declared_names) if source == "declared" else (outputs, output_names)
            )
            columns.append(table[:, list(names).index(name)])
        return np.stack(columns, axis=1).astype(np.float32)

    def margins(self, rows: np.ndarray) -> np.ndarray:
        """float32 [B]: log odds of rows [B, inputs], NaN = missing."""
        rows = np.ascontiguousarray(rows, np.float32)
        # In place: making a matrix of its own, the library would stumble over infinity.
        return self._booster.inplace_predict(rows, predict_type="margin", missing=np.nan)

    def thresholds(self) -> dict[str, np.ndarray]:
        """float32 by input: where its splits are; a value below goes left."""
        model = json.loads(bytes(self._booster.save_raw("json")))
        found: dict[str, list[float]] = {name: [] for name in self.inputs}
        for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
            for left, column, split in zip(
                tree["left_children"], tree["split_indices"], tree["split_conditions"]
            ):
                if left >= 0:
                    found[self.inputs[column]].append(split)
        return {name: np.unique(np.array(s, np.float32)) for name, s in found.items()}
