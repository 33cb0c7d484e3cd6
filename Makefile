# Needs Python 3.11 or newer and make; everything else goes into .venv.
#
#   make test ARGS="tests/plan -k draft"    arguments for pytest
#   make test WORKERS=4                     processes that run tests
#   make demo PYTHON=/path/to/python3.12    the Python that .venv is made with

VENV := .venv
BIN := $(VENV)/bin
PYTHONS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
WORKERS ?= 2
ARGS ?=
BENCHMARKS ?= $(sort $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)))

# A file's tests stay together: they share models that were trained once.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-tensorflow lint types format docs bench clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.base ## search on a small table, and leave everything in demo-search/
	rm -rf demo-search
	$(BIN)/cerebros demo --out demo-search

test: $(VENV)/.test ## run all tests
	$(PYTEST) $(ARGS)

test-tensorflow: $(VENV)/.tensorflow ## run the tests that need TensorFlow, on TensorFlow
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -m tensorflow $(ARGS)

lint: $(VENV)/.lint ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint ## check types
	$(BIN)/mypy

format: $(VENV)/.lint ## format all code, and repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(VENV)/.test ## run every code block of the pages, every docstring and example
	$(PYTEST) tests/docs $(ARGS)

bench: $(VENV)/.base ## measure the speed; BENCHMARKS="benchmarks/planning.py" picks some
	@set -e; for script in $(BENCHMARKS); do \
		echo "== $$script"; $(BIN)/python $$script; \
	done

clean: ## remove everything that was made here, .venv too
	rm -rf $(VENV) demo-search dist build .pytest_cache .mypy_cache .ruff_cache
	rm -rf .hypothesis .coverage
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

# What is installed: one empty file for each set of extras, older than pyproject.toml
# when that has changed since.

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

$(VENV)/.base: pyproject.toml $(VENV)/.created
	@echo "installing cerebros and what it needs into $(VENV); this takes some minutes"
	$(INSTALL) .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.created
	@echo "installing cerebros for its tests into $(VENV); this takes some minutes"
	$(INSTALL) '.[test]'
	@touch $@ $(VENV)/.base

$(VENV)/.lint: pyproject.toml $(VENV)/.created
	@echo "installing cerebros and its linters into $(VENV); this takes some minutes"
	$(INSTALL) '.[lint,test]'
	@touch $@ $(VENV)/.base $(VENV)/.test

$(VENV)/.tensorflow: pyproject.toml $(VENV)/.created
	@echo "installing cerebros and TensorFlow into $(VENV); this takes some minutes"
	$(INSTALL) '.[tensorflow,test]'
	@touch $@ $(VENV)/.base $(VENV)/.test

$(VENV)/.created:
	@for python in $(PYTHONS); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then new=$$python; else continue; fi; \
		if $$python -c 'import ensurepip, venv' 2>/dev/null; \
		then found=$$python; break; fi; \
	done; \
	if [ -z "$$new" ]; then \
		echo "cerebros needs Python 3.11 or newer, and none of these is: $(PYTHONS)." >&2; \
		echo "Install one, or say where it is: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	elif [ -z "$$found" ]; then \
		echo "$$new cannot make virtual environments: it lacks venv or ensurepip." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)
	@touch $@
