# The front door: every target does its own set-up and is quick when there is nothing to do.
# It only calls the CMake presets; nothing is built in a way that `cmake --preset` could not.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON := .venv/bin/python
FUZZ_SECONDS ?= 60
# In CI a warning is an error.
CONFIGURE := $(if $(CI),-DWEIR_WERROR=ON)

.PHONY: help setup build run test bench faults asan tsan fuzz tidy format train evaluate retrain report features clean
.PHONY: packages-build packages-check training-built

help: ## this list
	@sed -n 's/^\([a-z][a-z ]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## everything a fresh Debian 12 needs (root or sudo the first time)
	@.ci/setup test

packages-build:
	@.ci/setup build
packages-check:
	@.ci/setup check

build/%/build.ninja:
	@cmake --preset $* $(CONFIGURE)

build: packages-build build/release/build.ninja ## release build: build/release/weir (the default)
	@cmake --build --preset release --target weir

run: build ## the whole pipeline on the bundled sample, on an embedded broker; ARGS="--help" for its options
	@build/release/weir demo $(ARGS)

test: setup build/release/build.ninja ## everything CI checks: unit, simulation, real broker
	@cmake --build --preset release
	@ctest --preset release --parallel $$(nproc) $(ARGS)

bench: setup build/release/build.ninja ## the figures, measured here; ARGS="--quick" for a first look
	@cmake --build --preset release
	@for program in build/release/tests/bench/*_bench; do echo "== $$program"; $$program; done
	@WEIR_WINDOWS_EVENTS=10000000 build/release/tests/unit/windows/windows_oracle_test
	@$(PYTHON) tests/bench/live_bench.py $(ARGS)

faults: setup build ## the long fault run: ARGS="--kills 200 --seed 7"
	@$(PYTHON) tests/faults/long_run.py $(ARGS)

asan tsan: %: setup build/%/build.ninja ## unit and simulation tests under a sanitizer
	@cmake --build --preset $@
	@ctest --preset $@ --parallel $$(nproc) $(ARGS)

fuzz: packages-check ## the decoders under libFuzzer, one after the other; FUZZ_SECONDS=60 each
	@cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++ -DWEIR_FUZZ=ON \
	  -DWEIR_SANITIZE=fuzzer-no-link,address,undefined
	@cmake --build build/fuzz --target decode_fuzz label_fuzz formats_fuzz state_fuzz
	@for of in decode label formats state; do \
	  mkdir -p build/fuzz/found/$$of; \
	  build/fuzz/tests/fuzz/$${of}_fuzz -max_total_time=$(FUZZ_SECONDS) build/fuzz/found/$$of tests/fuzz/corpus/$$of; \
	done

tidy: packages-check build/release/build.ninja ## layers, clang-tidy, shellcheck
	@python3 tests/tidy/tidy.py
	@shellcheck .ci/run .ci/setup .githooks/pre-commit tests/support/kafka-broker/kafka-broker tests/support/schema-registry/schema-registry \
	  deploy/container/assemble deploy/reference/make
	@echo "clang-tidy: without $$(grep -lE 'include <(torch|ATen|c10)/' models/*.cc | xargs), whose LibTorch clang 14 cannot read as C++20"
	@run-clang-tidy -quiet -p build/release '^$(CURDIR)/(pipeline|operators|state|models)/(?!torch_).*\.cc$$'

format: packages-check ## clang-format over the whole tree
	@git ls-files '*.h' '*.cc' | xargs --no-run-if-empty clang-format -i

EXPERIMENT ?= models/training/experiments/handbook.yaml
TRAINING = PYTHONPATH=models/training $(PYTHON) -m weir_training

build/handbook/transactions.jsonl.gz:
	@$(PYTHON) -m weir_testing.handbook build/handbook

training-built: setup build/release/build.ninja
	@cmake --build --preset release --target weir weir_torch_ops weir_features_engine

train: training-built build/handbook/transactions.jsonl.gz ## all steps of an experiment; EXPERIMENT=FILE (the shipped package's), ARGS="--zoo DIR"
	@$(TRAINING) run $(EXPERIMENT) $(ARGS)

evaluate: training-built build/handbook/transactions.jsonl.gz ## replay an experiment's package and write its report; EXPERIMENT=FILE
	@$(TRAINING) evaluate $(EXPERIMENT) $(ARGS)

retrain: training-built ## a package from what was known by a date: TRANSACTIONS=FILE LABELS=FILE UNTIL=DATE DAYS=N OUT=DIR
	@$(TRAINING) retrain --transactions "$(TRANSACTIONS)" --labels "$(LABELS)" --until "$(UNTIL)" --days "$(DAYS)" --out "$(OUT)" $(ARGS)

report: setup ## figures and plots of verdicts: ARGS="--verdicts FILE --labels FILE --out DIR"
	@$(TRAINING) report $(ARGS)

features: setup build/release/build.ninja ## declared features as Parquet by day: ARGS="--config C --transactions FILE --labels FILE --out DIR"
	@cmake --build --preset release --target weir_features_engine
	@PYTHONPATH=models/training $(PYTHON) -m weir_features export $(ARGS)

clean: ## removes build/ (caches and .venv stay)
	@rm -rf build
