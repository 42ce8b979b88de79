# Everything runs in .venv, made with Python 3.11 or newer and the versions in
# constraints.txt. A stamp file in .venv says which set of dependencies is installed,
# so that a second call installs nothing.

# Candidates for the interpreter, the first that is new enough is taken.
PYTHON ?= python3.11 python3.12 python3.13 python3
# Further arguments of pytest, as in: make test ARGS="-k mel"
ARGS ?=

VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check -c constraints.txt
# Those that need the audio in SKTAG_DATA come last.
BENCHMARKS := imports features decode augment training memory regression esc10 \
	esc10_voting fluid_mix instruments instruments_augmented tags

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## Train and evaluate a small classifier
	$(RUN) examples/quickstart.py

test: $(VENV)/.dev ## Run the tests and report coverage
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(RUN) -m pytest -n auto --cov $(ARGS)

lint: $(VENV)/.dev ## Check style, types and docstrings
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m numpydoc lint $$(find sktag -name '*.py')

bench: $(VENV)/.bench ## Measure speed, memory, and accuracy on the audio in SKTAG_DATA
	@set -e; for name in $(BENCHMARKS); do $(RUN) -m benchmarks $$name; done

clean: ## Remove .venv, caches and builds
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$python -m venv $(VENV)"; \
	    $$python -m venv $(VENV) && touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "sktag needs Python 3.11 or newer; tried: $(PYTHON)." >&2; \
	echo "Name another: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.made
	$(INSTALL) -e ".[plot]"
	@touch $@

# What the tests need includes what the demo needs.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.made
	$(INSTALL) -e ".[plot,test,lint]"
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/.made
	$(INSTALL) -e ".[bench]"
	@touch $@
