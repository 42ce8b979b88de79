# Everything runs in .venv, made with Python 3.11 or newer and the versions in
# constraints.txt; the book, whose Sphinx is older, in .venv-book with those in
# book/constraints.txt. A stamp file in either says which set of dependencies is
# installed, so that a second call installs nothing.

# Candidates for the interpreter, the first that is new enough is taken.
PYTHON ?= python3.11 python3.12 python3.13 python3
# Further arguments of pytest, as in: make test ARGS="-k mel"
ARGS ?=

VENV := .venv
BOOK_VENV := .venv-book
RUN := $(VENV)/bin/python
# For the kernels of pages. With one thread sums do not depend on the number of cores;
# librosa's progress bars, which miss ipywidgets, are not used.
PAGE_ENV := OMP_NUM_THREADS=1 PYTHONWARNINGS="ignore:IProgress not found"
INSTALL := -m pip install --disable-pip-version-check -c
# Weights for the tests marked `weights`, benchmarks and book, without dependencies.
WEIGHTS := -m pip install --disable-pip-version-check --no-deps musicnn==0.1.0
# Those that need the audio in SKTAG_DATA come last.
BENCHMARKS := imports features decode files augment training chunks memory timeline \
	regression structure esc10 esc10_voting instruments instruments_augmented tags \
	missing_tags musicnn

.DEFAULT_GOAL := help
.PHONY: help demo test lint book book-test bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## Train and evaluate a small classifier
	$(RUN) examples/quickstart.py

test: $(VENV)/.dev ## Run the tests and report coverage
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(RUN) -m pytest -n auto -m "not book" $(ARGS) --cov

lint: $(VENV)/.dev ## Check style, types and docstrings
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m numpydoc lint $$(find sktag -name '*.py')

book: $(BOOK_VENV)/.book ## Build the book in book/_build/html; a warning is an error
	@# Sphinx would not warn again of pages that it has read.
	$(PAGE_ENV) $(BOOK_VENV)/bin/jupyter-book build -W --keep-going book || \
	  { rm -rf book/_build/.doctrees; exit 1; }

book-test: $(BOOK_VENV)/.book ## Run each page of the book by itself
	$(PAGE_ENV) $(BOOK_VENV)/bin/python -m pytest -m book tests/book $(ARGS)

bench: $(VENV)/.bench ## Measure speed, memory, and accuracy on the audio in SKTAG_DATA
	@set -e; for name in $(BENCHMARKS); do $(RUN) -m benchmarks $$name; done

clean: ## Remove .venv, caches and builds
	rm -rf $(VENV) $(BOOK_VENV) book/_build book/examples book/reference/generated \
	  book/reference/tables build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made $(BOOK_VENV)/.made:
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$python -m venv $(@D)"; \
	    $$python -m venv $(@D) && touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "sktag needs Python 3.11 or newer; tried: $(PYTHON)." >&2; \
	echo "Name another: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.made
	$(RUN) $(INSTALL) constraints.txt -e ".[plot]"
	@touch $@

# What the tests need includes what the demo needs.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.made
	$(RUN) $(INSTALL) constraints.txt -e ".[plot,test,lint]"
	$(RUN) $(WEIGHTS)
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/.made
	$(RUN) $(INSTALL) constraints.txt -e ".[bench]"
	$(RUN) $(WEIGHTS)
	@touch $@

$(BOOK_VENV)/.book: pyproject.toml book/constraints.txt | $(BOOK_VENV)/.made
	$(BOOK_VENV)/bin/python $(INSTALL) book/constraints.txt -e ".[book]"
	$(BOOK_VENV)/bin/python $(WEIGHTS)
	@touch $@
