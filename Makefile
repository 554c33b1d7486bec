# The newcomer's commands. Needs Python 3.11 (with its venv module), make and git; nothing else, and no root.
#
# Two settings, both optional, both read from the environment:
#   SENDFLOW_HOME  where all state lives (default ./var), so that two installations stand side by side
#   SENDFLOW_PORT  the Prefect UI's port on 127.0.0.1 (default 4200)

VENV   := .venv
BIN    := $(VENV)/bin
PACKAGES := audit casework cli config deadlines flows models notifications runtime statemachines web tools tests benchmarks
HERE     := $(wildcard $(PACKAGES))
PYTHON := $(shell for each in python3.11 python3; do \
	$$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 && { command -v $$each; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help install up up-postgres test lint types contracts suite fuzz faults try-prefect audit sbom bench lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

install:  ## make .venv with the locked packages and the sendflow command
	@test -n "$(PYTHON)" || { echo "sendflow needs Python 3.11 with its venv module; none was found as python3.11 or python3 (on Debian: apt install python3.11-venv)." >&2; exit 3; }
	@$(PYTHON) tools/environment.py

up: install  ## start an installation: database, Prefect and its UI, scheduler, letters; Ctrl-C stops it
	@$(BIN)/sendflow up

up-postgres: install  ## the same with a private PostgreSQL under SENDFLOW_HOME, for the facts and for Prefect
	@$(BIN)/sendflow up --postgres

test: install lint types contracts suite  ## lint, strict types, import contracts and the whole suite

lint: install
	@$(BIN)/ruff check --quiet $(HERE)
	@$(BIN)/ruff format --quiet --check $(HERE)
	@echo "lint: clean"

types: install
	@$(BIN)/mypy $(HERE)

contracts: install
	@$(BIN)/lint-imports --no-logo

suite: install
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

fuzz: install  ## search for inputs that break the readers and the endpoints, for SECONDS (default 120)
	@SECONDS_TO_FUZZ=$(or $(SECONDS),120) $(BIN)/python -m tests.system.fuzz.deep
	@EXAMPLES=$(or $(SECONDS),120) $(BIN)/python -m pytest -m hypothesis -q
	@EXAMPLES=1 $(BIN)/python -m pytest tests/browser/test_every_page.py tests/system/privacy tests/deadlines/test_calculator_walks.py tests/runtime/demo/test_tracker.py -q

faults: install  ## kill, starve and mislead an installation for ROUNDS rounds (default 100; a sample is part of make test)
	@ROUNDS=$(or $(ROUNDS),100) $(BIN)/python -m pytest tests/system/faults tests/system/postgres/test_faults*.py tests/system/postgres/test_work_pool.py tests/benchmarks/test_pages.py -q

try-prefect: install  ## try another Prefect, VERSION=3.9.2 or newest, against the tests that depend on it; evidence in build/try-prefect
	@$(BIN)/python tools/try_prefect.py $(VERSION)

audit: install  ## ask for known weaknesses of the locked packages; says NOT CHECKED if no advisories can be reached
	@$(BIN)/python tools/audit.py

sbom: install  ## write build/sbom.cdx.json: a bill of materials in CycloneDX
	@$(BIN)/python tools/sbom.py

bench: install  ## measure against goals and peers (under ten minutes, or SCALE=board, merged, national); writes bench.json under SENDFLOW_HOME
	@$(BIN)/python -m benchmarks $(if $(SCALE),--scale $(SCALE))

lock:  ## resolve pyproject.toml into requirements.lock and benchmarks/peers.lock again (only to change it; fetches uv into build/)
	@test -n "$(PYTHON)" || { echo "make lock needs Python 3.11." >&2; exit 3; }
	@test -x build/uv/bin/uv || { $(PYTHON) -m venv build/uv && build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv; }
	@build/uv/bin/uv pip compile pyproject.toml --group check --group bench --group build --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock
	@build/uv/bin/uv pip compile --group pyproject.toml:peers --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --output-file benchmarks/peers.lock
	@echo "requirements.lock and benchmarks/peers.lock are written; run make test and make bench before you commit them."
