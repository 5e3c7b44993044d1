"""Trains, judges and packages the models that the engine serves.

Reading order = the order of a training run:
  experiment, steps, pipeline            what is made of what, and what is up to date
  engine_codes, payments, build_data, dataset, split     what is learned from
  row_features, merchant_features, examples, network, operators, fit, world, trees, blend,
  calibration, parts                     the parts, fitted and blended
  golden, package_parts, package, exporting      the package
  evaluation/, metrics, attention        how good its verdicts are
  experiment_commands, commands, __main__  the command line
"""
