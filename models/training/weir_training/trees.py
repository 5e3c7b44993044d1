"""Boosted trees over declared features, by Debian's XGBoost: the version that serves them."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import xgboost

from weir_training.experiment import TreesSettings
from weir_training.payments import DataError
from weir_training.progress import Progress


class _Told(xgboost.callback.TrainingCallback):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: dict) -> bool:
        self._progress.at(epoch + 1)
        return False


def fit_trees(
    rows: np.ndarray,
    is_fraud: np.ndarray,
    inputs: Sequence[str],
    settings: TreesSettings,
    seed: int,
) -> bytes:
    """UBJSON of the model. rows float32 [N, inputs], NaN = missing. One thread and a seed: the same
    bytes every time.
    """
    unknown = set(settings.monotone) - set(inputs)
    if unknown:
        raise DataError(f"trees.monotone: no input {', '.join(sorted(unknown))}")
    rises = ",".join("1" if name in settings.monotone else "0" for name in inputs)
    parameters = {
        "objective": "binary:logistic",
        "booster": "gbtree",
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
        "base_score": 0.5,
        "num_parallel_tree": settings.num_parallel_tree,
        "max_depth": settings.max_depth,
        "eta": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_lambda": settings.reg_lambda,
        "reg_alpha": settings.reg_alpha,
        "gamma": settings.gamma,
        "max_bin": settings.max_bin,
        "scale_pos_weight": settings.scale_pos_weight,
        "monotone_constraints": f"({rises})",
    }
    data = xgboost.DMatrix(rows, label=is_fraud, missing=np.nan, nthread=1)
    with Progress("trees", settings.rounds) as progress:
        booster = xgboost.train(
            parameters, data, settings.rounds, callbacks=[_Told(progress)], verbose_eval=False
        )
    return bytes(booster.save_raw("ubj"))


def thinned(is_fraud: np.ndarray, genuine_share: float, seed: int) -> np.ndarray:
    """Positions of all frauds and of a share of the genuine payments, in order."""
    if genuine_share == 1:
        return np.arange(len(is_fraud))
    return np.flatnonzero(is_fraud | (np.random.default_rng(seed).random(len(is_fraud)) < genuine_share))


def margins(model: bytes, rows: np.ndarray) -> np.ndarray:
    """float32 [N]: log odds."""
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
    data = xgboost.DMatrix(rows, missing=np.nan, nthread=1)
    return booster.predict(data, output_margin=True)


def importance(model: bytes, names: Sequence[str]) -> dict[str, float]:
    """Share of the whole gain by input, largest first."""
    booster = xgboost.Booster(model_file=bytearray(model))
    gains = booster.get_score(importance_type="total_gain")
    total = sum(gains.values()) or 1.0
    named = {names[int(key[1:])]: gain / total for key, gain in gains.items()}
    return dict(sorted(named.items(), key=lambda item: -item[1]))
