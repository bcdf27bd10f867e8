# Each target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LISTEN ?= inet:127.0.0.1:8890

.PHONY: help run test lint format demo bench bench-accuracy model-search docs package clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

COMPILED := packaging/build_hook.py $(wildcard milter/gatepost/checks/content/loops/*)

$(VENV)/.run: pyproject.toml packaging/constraints.txt packaging/setup.sh $(COMPILED)
	@packaging/setup.sh run
	@packaging/setup.sh venv "$(PYTHON)" "$(VENV)" .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@packaging/setup.sh test
	@packaging/setup.sh sendmail "$(VENV)"
	@packaging/setup.sh venv "$(PYTHON)" "$(VENV)" '.[dev]'
	@touch $@

run: $(VENV)/.run ## install what is missing and start the milter on 127.0.0.1:8890
	@exec $(BIN)/gatepost run --listen $(LISTEN) $$(packaging/setup.sh clamd)

test: $(VENV)/.test ## lint, types, import floors and every test, on real servers
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

lint: $(VENV)/.test ## ruff, mypy, import floors, docstrings of the tests
	@$(BIN)/ruff check milter tests packaging
	@$(BIN)/ruff format --check milter tests packaging
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" lint-imports --no-logo 2>/dev/null || PATH="$(CURDIR)/$(BIN):$$PATH" lint-imports
	@$(BIN)/interrogate --quiet milter tests

format: $(VENV)/.test ## bring the code into form
	@$(BIN)/ruff check --fix milter tests packaging
	@$(BIN)/ruff format milter tests packaging

demo: $(VENV)/.test ## a private Postfix with Gatepost in front of it takes eight sample messages
	@$(BIN)/python tests/demo.py

bench: $(VENV)/.test ## measure; prints ratios and medians
	@$(BIN)/python tests/bench/run.py

bench-accuracy: $(VENV)/.run ## train Gatepost and other filters on the same mail and compare; ACCURACY="--limit 1000" for less
	@packaging/setup.sh accuracy
	@$(BIN)/python tests/bench/accuracy.py $(ACCURACY)

model-search: $(VENV)/.run ## try kinds of models on the same mail, source by source; SEARCH="--limit 1500" for less
	@$(BIN)/python tests/bench/model_search.py $(SEARCH)

docs: $(VENV)/.test ## write the generated pages
	@$(BIN)/gatepost config reference > docs/config.md

package: $(VENV)/.test ## build the wheel
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
