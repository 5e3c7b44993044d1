"""Weir's declared features for training: computed by the engine that serves them, as numpy arrays or Parquet files.

    compute(config, transactions, labels)     a dict of arrays
    definitions(config)                       what each feature means, for packages that read it
    python -m weir_features export            Parquet, partitioned by day (README.md has the schema)
"""

from .arrays import EngineMissing, Features, LeftOut, compute, definitions

__all__ = ["EngineMissing", "Features", "LeftOut", "compute", "definitions"]
