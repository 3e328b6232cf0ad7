# `make help` lists the targets. Everything is installed into .venv, nothing outside it.

PYTHON ?= python3
# Installed first and alone. Where pip would choose the CUDA build and there is no GPU:
# make setup TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
# One file is run by one worker, so that the models its fixtures make are made once.
WORKERS ?= 2

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

export OMP_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false
export WANDB_MODE := offline
export HF_HUB_OFFLINE := 1
export ORT_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test slow static check lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' Makefile | expand -t 9

setup: .venv/.ready  ## make .venv with everything a developer needs

# Not compiled on arrival: Python compiles what is used, and most of it never is.
.venv/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile $(TORCH)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[train,dev]"
	@touch $@

demo: setup  ## the whole main job on the models that ship, offline, a few minutes
	$(BIN)/anabranch demo

test: setup  ## core tests and doctests, no network, a few minutes
	$(PYTEST) -m "not slow"

slow: setup  ## the tests that `make test` leaves out
	$(PYTEST) -m slow

static: setup  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --package anabranch
	$(BIN)/mypy tests $(wildcard benchmarks/*.py)

check: static test slow  ## everything

lock:  ## compile constraints.txt anew from pyproject.toml
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && $(PYTHON) -m venv "$$tmp" && \
	"$$tmp/bin/pip" install --quiet uv && echo "$(firstword $(TORCH))" > "$$tmp/torch.txt" && \
	"$$tmp/bin/uv" pip compile --quiet --universal --python-version 3.11 --extra train --extra dev \
		--constraint "$$tmp/torch.txt" --no-emit-package torch --no-annotate --no-header \
		--output-file "$$tmp/lock.txt" pyproject.toml && \
	{ echo "# Compiled by \`make lock\` from pyproject.toml; do not edit. torch and its CUDA packages are left out."; \
		grep -vE '^(cuda-|nvidia-|triton=)' "$$tmp/lock.txt"; } > constraints.txt

clean:  ## remove what builds and tests leave behind; .venv stays
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
