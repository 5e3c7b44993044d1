"""An experiment file: everything that decides what a training run makes, as YAML.

Strict: a key that is not known is an error, and so is a value of another kind, because a setting
that is silently ignored is found out only after hours of training. Paths are relative to the file.
`models/training/experiments/handbook.yaml` explains every key.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import MISSING, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

import yaml

from weir_training.evaluation.judge import PROTOCOLS


class ExperimentError(Exception):
    """The file cannot be used; the message says which key, what is wrong and what would be right."""


@dataclass(frozen=True)
class DataSettings:
    """Payments and labels, and how features are made from them."""

    config: Path  # the engine's configuration: it declares features and merchant rows
    transactions: list[Path]
    labels: list[Path]
    set: list[str] = field(default_factory=list)  # KEY=VALUE, as --set of weir
    features: Optional[Path] = None  # exported Parquet instead of computing; no merchant rows then
    workers: str = "here"  # here, processes or ray
    part_days: int = 0  # of one part; 0: all in one. Needed for more than one worker
    # Payments before a part that it is computed with: at least the longest window with its delay.
    history_days: int = 45

    def check(self) -> None:
        _one_of("data.workers", self.workers, ("here", "processes", "ray"))
        _at_least("data.part_days", self.part_days, 0)
        _at_least("data.history_days", self.history_days, 1)
        if self.workers != "here" and self.part_days == 0:
            raise ExperimentError(f"data.workers {self.workers} needs data.part_days")


@dataclass(frozen=True)
class SplitSettings:
    """What may be learned from: payments whose label is known by `until`."""

    until: date
    days: int = 0  # labelled payments of that many last days; older ones are history. 0: all
    # First payments have no history worth learning from: left out when `days` is 0.
    warm_up_days: int = 14
    # The last of them, learned from only after blend weights and calibration are fitted on them.
    held_out_days: float = 14
    # Between the two: as long as labels take. Without, the held-out days are too easy. 0: none.
    gap_days: float = 7

    def check(self) -> None:
        _at_least("split.days", self.days, 0)
        _at_least("split.warm_up_days", self.warm_up_days, 0)
        _at_least("split.gap_days", self.gap_days, 0)
        if self.held_out_days <= 0:
            raise ExperimentError(f"split.held_out_days must be positive: {self.held_out_days}")


@dataclass(frozen=True)
class SequenceSettings:
    """The network: its inputs, its size, how it learns."""

    features: list[str] = field(default_factory=list)  # of a row; []: those that vary
    history_rows: int = 16
    merchant_rows: int = 0
    merchant_features: list[str] = field(default_factory=list)  # []: all nine, with merchant_rows
    width: int = 64
    row_width: int = 32
    merchant_row_width: int = 16
    attention_heads: int = 4  # over the user's rows
    merchant_heads: int = 8  # over the merchant's
    inner: int = 128
    hops: int = 2
    amount_hinges: int = 24
    flat_rows: int = 8  # of the merchant's newest, read in order
    flat_width: int = 8
    category_width: int = 4
    embedding: int = 8
    epochs: int = 4
    batch: int = 512
    learning_rate: float = 3e-3
    genuine_weight: float = 0.15
    weight_decay: float = 0.05
    easy_share: float = 0.1  # of plain genuine payments, drawn anew each epoch and weighted up
    average: float = 0.0  # of weights over the last steps: decay per step, 0: none
    next_weight: float = 0.1  # of the next payment's amount and gap in the loss beside fraud
    # Of a fraud's kind, the `type` of its label, in the loss; a fraud weighs 1. 0: not asked.
    kind_weight: float = 0.0
    start_from: Optional[Path] = None  # a package whose weights to go on from

    def check(self) -> None:
        for name in ("history_rows", "width", "attention_heads", "inner", "hops", "epochs", "batch"):
            _at_least(f"sequence.{name}", getattr(self, name), 1)
        for name in ("merchant_rows", "embedding", "amount_hinges"):
            _at_least(f"sequence.{name}", getattr(self, name), 0)
        if self.merchant_features and "log_known" not in self.merchant_features:
            raise ExperimentError("sequence.merchant_features must hold log_known")
        for name in ("row_width", "merchant_row_width"):
            if getattr(self, name) % 16:
                raise ExperimentError(f"sequence.{name} must be a multiple of 16")
        for name in ("next_weight", "kind_weight"):
            _at_least(f"sequence.{name}", getattr(self, name), 0)
        if self.next_weight and not self.embedding:
            raise ExperimentError(
                "sequence.next_weight needs sequence.embedding: 0 for both, or for none"
            )
        _share("sequence.easy_share", self.easy_share)
        _share("sequence.average", self.average)


@dataclass(frozen=True)
class PretrainSettings:
    """Self-supervised: the user's next payment, from all history, labelled or not."""

    epochs: int = 1
    batch: int = 512
    learning_rate: float = 2e-3

    def check(self) -> None:
        _at_least("pretrain.epochs", self.epochs, 1)
        _at_least("pretrain.batch", self.batch, 1)


@dataclass(frozen=True)
class TreesSettings:
    """Boosted trees over declared features and, if wanted, outputs of the network."""

    declared: list[str] = field(default_factory=list)  # []: all that the configuration declares
    sequence: list[str] = field(default_factory=list)  # outputs of the network, by name
    days: int = 0  # learn from the last days only; 0: all that the split gives
    rounds: int = 200
    # Trees of a round, each of its own draw of rows and columns: their mean varies less by chance.
    num_parallel_tree: int = 1
    max_depth: int = 6
    learning_rate: float = 0.1
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_lambda: float = 1.0
    reg_alpha: float = 0.0
    gamma: float = 0.0
    max_bin: int = 256
    # Inputs whose growth can only raise the risk, such as declared:amount.
    monotone: list[str] = field(default_factory=list)
    # Of genuine payments, drawn by the seed; every fraud is kept. Below 1 margins are too high by
    # ln(1 / share), which blend and calibration take back.
    genuine_share: float = 1.0
    # Of a fraud in the loss; a genuine payment weighs 1. Above 1 margins are too high, likewise.
    scale_pos_weight: float = 1.0

    def check(self) -> None:
        _share("trees.genuine_share", self.genuine_share)
        _at_least("trees.rounds", self.rounds, 1)
        _at_least("trees.num_parallel_tree", self.num_parallel_tree, 1)
        _at_least("trees.max_depth", self.max_depth, 1)
        _at_least("trees.days", self.days, 0)
        if not self.scale_pos_weight > 0:
            raise ExperimentError(
                f"trees.scale_pos_weight must be positive: {self.scale_pos_weight}"
            )
        if self.num_parallel_tree > 1 and self.subsample == self.colsample_bytree == 1:
            raise ExperimentError(
                "trees.num_parallel_tree needs trees.subsample or trees.colsample_bytree below 1: "
                "without a draw the trees of a round are alike"
            )


@dataclass(frozen=True)
class BlendSettings:
    parts: list[str] = field(default_factory=lambda: ["sequence", "trees"])
    # Leave a part out where the held-out days are better without it.
    choose: bool = False
    refit: bool = True  # parts once more on everything up to `until`, with the same settings
    # Of the network in the sum of log odds, between 0 and 1; None: by likelihood on held-out days.
    sequence_share: Optional[float] = None

    def check(self) -> None:
        if self.sequence_share is not None and not 0 < self.sequence_share < 1:
            raise ExperimentError(f"blend.sequence_share must be between 0 and 1: {self.sequence_share}")
        if not self.parts or set(self.parts) - {"sequence", "trees"}:
            raise ExperimentError(f"blend.parts must be of sequence and trees: {self.parts}")


@dataclass(frozen=True)
class CalibrationSettings:
    method: str = "platt"  # or isotonic

    def check(self) -> None:
        _one_of("calibration.method", self.method, ("platt", "isotonic"))


@dataclass(frozen=True)
class EvaluateSettings:
    """What the package is judged by, from the verdicts of `weir replay`."""

    protocol: str = ""  # handbook, handbook-validation; empty: `from` until `until`
    from_day: Optional[date] = None
    until_day: Optional[date] = None
    # Fit anew for each fold of a protocol, from what was known when it began; split.until is not read.
    each_fold: bool = False
    is_test: bool = False  # count the look, as looks at the published test weeks are
    looks: Optional[Path] = None  # where (default: beside the report)
    alert_cost: float = 5.0
    slices: list[Path] = field(default_factory=list)  # CSV: transaction_id,NAME
    replay_set: list[str] = field(default_factory=list)  # KEY=VALUE for weir replay

    def check(self) -> None:
        if self.each_fold and not self.protocol:
            raise ExperimentError("evaluate.each_fold needs a protocol")
        if self.protocol:
            _one_of("evaluate.protocol", self.protocol, tuple(PROTOCOLS))
        elif not (self.from_day and self.until_day and self.from_day < self.until_day):
            raise ExperimentError("evaluate needs a protocol, or from_day before until_day")


@dataclass(frozen=True)
class Experiment:
    name: str  # package: zoo/NAME/VERSION
    version: str
    data: DataSettings
    split: SplitSettings
    evaluate: EvaluateSettings
    seed: int = 7
    sequence: Optional[SequenceSettings] = None
    pretrain: Optional[PretrainSettings] = None
    trees: Optional[TreesSettings] = None
    blend: BlendSettings = field(default_factory=BlendSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    # Name of a line in the report -> the keys it changes: {"trees only": {"blend.parts": [trees]}}.
    ablations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self) -> None:
        for part in self.blend.parts:
            if getattr(self, part) is None:
                raise ExperimentError(f"blend.parts names {part}, but there is no section {part}")
        if self.pretrain and not (self.sequence and self.sequence.embedding):
            raise ExperimentError("pretrain needs a section sequence with an embedding")
        if self.trees and self.trees.sequence and not self.sequence:
            raise ExperimentError("trees.sequence needs a section sequence")


def load(path: Path, changes: Sequence[str] = ()) -> Experiment:
    """`changes`: KEY=VALUE with dots, the value in YAML, over what the file says."""
    tree = _tree(path)
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign:
            raise ExperimentError(f"not KEY=VALUE: {change}")
        _put(tree, key, _yaml(text, f"--set {key}"))
    return _read(tree, path)


def load_ablations(path: Path, changes: Sequence[str] = ()) -> dict[str, Experiment]:
    """The experiment once for every ablation, with the keys that it changes."""
    base = load(path, changes)
    experiments = {}
    for name, keys in base.ablations.items():
        if not isinstance(keys, dict):
            raise ExperimentError(f"{path}: ablations.{name} must be keys with dots and values")
        tree = _tree(path)
        for change in changes:
            key, _, text = change.partition("=")
            _put(tree, key, _yaml(text, key))
        for key, value in keys.items():
            _put(tree, key, value)
        tree.pop("ablations", None)
        experiments[name] = _read(tree, path)
    return experiments


def _tree(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except OSError as error:
        raise ExperimentError(f"cannot read {path}: {error.strerror}") from error
    tree = _yaml(text, str(path))
    if not isinstance(tree, dict):
        raise ExperimentError(f"{path}: not a mapping of keys")
    return tree


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ExperimentError(f"{where}: not YAML: {error}") from error


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.get(parent)
        if child is None:
            child = tree[parent] = {}
        if not isinstance(child, dict):
            raise ExperimentError(f"{key}: {parent} is no section")
        tree = child
    tree[last] = value


def _read(tree: dict[str, Any], path: Path) -> Experiment:
    try:
        experiment = _section(Experiment, tree, "", path.resolve().parent)
        for section in [experiment, *vars(experiment).values()]:
            if hasattr(section, "check"):
                section.check()
        return experiment
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from None


def _section(kind: type, tree: Any, where: str, base: Path) -> Any:
    if not isinstance(tree, Mapping):
        raise ExperimentError(f"{where or 'the file'} must be a section of keys, not {tree!r}")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}
    unknown = [str(key) for key in tree if key not in known]
    if unknown:
        raise ExperimentError(
            f"unknown key {where}{unknown[0]}; known here: {', '.join(sorted(known))}"
        )
    values = {}
    for name, f in known.items():
        if name in tree:
            values[name] = _value(hints[name], tree[name], where + name, base)
        elif f.default is MISSING and f.default_factory is MISSING:
            raise ExperimentError(f"missing key {where}{name}")
    return kind(**values)


def _value(kind: Any, given: Any, where: str, base: Path) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:  # Optional
        return None if given is None else _value(inner[0], given, where, base)
    if dataclasses.is_dataclass(kind):
        return _section(kind, given, where + ".", base)
    if origin is list:
        given = [given] if isinstance(given, str) else given
        if not isinstance(given, list):
            raise ExperimentError(f"{where} must be a list: {given!r}")
        return [_value(inner[0], item, where, base) for item in given]
    if origin is dict:
        if not isinstance(given, dict):
            raise ExperimentError(f"{where} must be a section of keys: {given!r}")
        return {str(key): value for key, value in given.items()}
    if kind is Path and isinstance(given, str):
        return (base / given).resolve()
    if kind is date and isinstance(given, str):
        try:
            return date.fromisoformat(given)
        except ValueError:
            raise ExperimentError(f"{where} must be a day such as 2018-08-08: {given!r}") from None
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if kind is str and isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(given)
    if type(given) is not kind:
        raise ExperimentError(f"{where} must be {_names(kind)}: {given!r}")
    return given


def _names(kind: type) -> str:
    return {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        Path: "a path",
        date: "a day such as 2018-08-08",
    }[kind]


def _one_of(key: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ExperimentError(f"{key} must be one of {', '.join(allowed)}: {value}")


def _at_least(key: str, value: float, low: float) -> None:
    if value < low:
        raise ExperimentError(f"{key} must be at least {low}: {value}")


def _share(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ExperimentError(f"{key} must be from 0 to 1: {value}")
