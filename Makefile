# Each target sets itself up from a fresh clone; nothing needs to be installed by hand.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test slow check docs clean

demo: .venv/plots.stamp       ## balance a simulated ECG set and draw real beside synthetic beats
	$(BIN)/python examples/plot_demo.py

test: .venv/test.stamp        ## the default tests
	$(BIN)/python -m pytest -n 2

slow: .venv/test.stamp        ## the tests that take long
	$(BIN)/python -m pytest -n 2 -m slow tests

check: .venv/dev.stamp        ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: .venv/dev.stamp         ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

.venv/%.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[$*]'
	touch $@

clean:
	rm -rf .venv docs/_build docs/auto_examples docs/generated build dist
