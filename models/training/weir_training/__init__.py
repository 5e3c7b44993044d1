"""Trains, checks and packages the attention model that the engine serves.

Reading order = the order of a training run: engine_codes, payments, row_features, examples, operators, network,
fit, calibration, metrics, golden, package; `__main__` is the command line that strings them
together.
"""
