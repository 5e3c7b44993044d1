"""Weir's declared features for training: computed by the engine that serves them, as numpy arrays.

    compute(config, transactions, labels)     a dict of arrays
"""

from .arrays import EngineMissing, Features, LeftOut, compute

__all__ = ["EngineMissing", "Features", "LeftOut", "compute"]
