# Everything happens in .venv, which any Python 3.11+ can make; no root, nothing else to install.
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := .packages/.ready

# Dozens of processes are started: compiled once (empty is as if it were not set).
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help setup run test packages lint bench claims mutants clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(READY) ## only set up: limitproof and all that it needs, in .venv

run: $(READY) ## the main job: every reference limiter under real load, a table and a report
	$(BIN)/limitproof run

test: $(READY) $(PACKAGES) ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

packages: $(PACKAGES) ## published limiters, each in a folder of its own below .packages

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## what recording, judging and exploring cost, and frontrun beside it
	$(BIN)/python -m benchmarks

claims: $(READY) ## measure claim C2 of docs/claims.md again
	$(BIN)/python -m benchmarks.claim_c2

mutants: $(READY) ## small faults put into the correct limiters: does verify find each of them?
	$(BIN)/python -m tests.mutants

clean: ## remove what was made here, except results
	rm -rf $(VENV) .frontrun .packages build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "limitproof needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

$(PACKAGES): limiters/adapters/packages.toml $(READY)
	$(BIN)/python -m limiters.adapters install
	@touch $(PACKAGES)
