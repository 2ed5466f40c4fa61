# Every verb a developer types. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
export PYTHONUNBUFFERED := 1

##@ Use it
demo: .venv/runtime ## Install everything and run the hub with sample data (RESET=1 starts afresh, HUB_PORT moves it)
	@exec $(BIN)/worksphere-hub demo $(if $(RESET),--reset)

##@ Work on it
test: .venv/dev check ## Install everything, check, and pass the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: .venv/dev ## Format, lint, types, the walls, the composed schema, the generated reference
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python tools/compose_schema.py --check
	$(BIN)/python tools/export_reference.py --check

bench: .venv/dev ## Measure events accepted and delivered per second beside the limits of this machine
	$(BIN)/python -m benchmarks $(ARGS)

chaos: .venv/dev ## Cut the power, kill, stop and fill up many times over; writes docs/reliability-report.md (ARGS='--scale 0.1')
	$(BIN)/python -m tests.chaos $(ARGS)

schema: .venv/dev ## Compose database/schema-integration-hub.sql, and docs/reference from the code
	$(BIN)/python tools/compose_schema.py $(ARGS)
	$(BIN)/python tools/export_reference.py

format: .venv/dev ## Format the code and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

##@ Keep it
lock: .venv/dev ## Resolve the dependencies anew into the two lock files
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--upgrade pyproject.toml --group build -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		-c requirements.lock pyproject.toml --group build --group dev -o requirements-dev.lock

clean: ## Remove the environment and everything made by tests (not .hub, which holds your data)
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis dist build

help: ## Print this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
		/^[a-z]+:.*## / {printf "  \033[36mmake %-8s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed; none was found."; exit 1; }
	@echo "Making a Python environment in .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv || { echo "python -m venv failed: on Debian and Ubuntu, install python3-venv."; exit 1; }

.venv/runtime: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing (about 20 seconds)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	@echo "Installing what checks and tests need (about 30 seconds)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: demo test check bench chaos schema format lock clean help
