# `make demo` and `make test` do everything, set-up included, on Debian 12 or Ubuntu 24.04.
.DEFAULT_GOAL := help
SHELL := /bin/bash
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
BIN := .venv/bin
IN_CI := not every_mode

.PHONY: help
help: ## what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: setup
setup: ## packages and environments, nothing else
	@scripts/setup.sh all

.PHONY: demo
demo: ## a machine moves from dc1 to dc2 under traffic, in every mode, side by side
	@scripts/setup.sh demo
	@$(SUDO) $(BIN)/vmto compare

.PHONY: test
test: ## everything CI runs
	@scripts/setup.sh all
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -q -n 2 tests/unit tests/conformance
	@$(SUDO) $(BIN)/pytest -q -n 2 tests/interop
	@$(SUDO) $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "$(IN_CI) and not alone" tests/packaging tests/lab
	@$(SUDO) $(BIN)/pytest -q -m "$(IN_CI) and alone" tests/lab

.PHONY: check
check: lint ## quick: lint, types, imports, unit tests
	@$(BIN)/pytest -q -n 2 tests/unit

.PHONY: lint
lint: ## ruff, mypy, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: ## let ruff put it right
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: clean
clean: ## environments, caches and results
	rm -rf .venv .venv-shell .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache results
