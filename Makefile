# Each target sets itself up from a fresh clone; nothing needs to be installed by hand.
PYTHON ?= python3
OLDEST_PYTHON ?= $(or $(shell command -v python3.11),$(PYTHON))
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

OPTIONS ?=                    # more options of pytest, such as OPTIONS=--durations=25

.PHONY: help demo test test-arithmetic coverage test-oldest pin-oldest slow check format metrics api
.PHONY: docs bench clean

help:                         ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/plots.stamp       ## balance a simulated ECG set and draw real beside synthetic beats
	$(BIN)/python examples/plot_demo.py

test: .venv/test.stamp        ## the default tests, under two minutes on two quiet cores
	$(BIN)/python -m pytest -n 2 $(OPTIONS)

# Rounding as on a processor without AVX.
test-arithmetic: export ATEN_CPU_CAPABILITY = default
test-arithmetic: export MKL_ENABLE_INSTRUCTIONS = SSE4_2
test-arithmetic: export OPENBLAS_CORETYPE = Nehalem
test-arithmetic: export OMP_NUM_THREADS = 1
test-arithmetic: test         ## the default tests under other arithmetic

coverage: OPTIONS += --cov
coverage: test                ## the default tests with their coverage, at least 90 %

test-oldest: .venv-oldest/test.stamp  ## the default tests with the oldest versions promised
	.venv-oldest/bin/python -m pytest -n 2 $(OPTIONS)

slow: .venv/test.stamp        ## the tests that take long
	$(BIN)/python -m pytest -n 2 -m slow tests $(OPTIONS)

check: .venv/dev.stamp        ## lint, types, layers, docstrings, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/public_api.py --validate
	$(BIN)/python tools/house_metrics.py --check

format: .venv/dev.stamp       ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

metrics: .venv/dev.stamp      ## figures of the code base: sizes, layers, private imports
	$(BIN)/python tools/house_metrics.py

api: .venv/dev.stamp          ## write down public names and import layers, after a change of them
	$(BIN)/python tools/public_api.py --write
	$(BIN)/python docs/_architecture_picture.py

docs: .venv/dev.stamp         ## the documentation, into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: .venv/test.stamp       ## speeds of training, sampling and loading, into out/
	mkdir -p out
	$(BIN)/python benchmarks/models_speed.py --out out/models_speed
	$(BIN)/python benchmarks/loader_speed.py --out out/loader_speed

.venv/%.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[$*]'
	touch $@

.venv-oldest/test.stamp: pyproject.toml constraints-oldest.txt
	test -x .venv-oldest/bin/python || $(OLDEST_PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check --no-cache-dir \
		--constraint constraints-oldest.txt --editable '.[test]'
	touch $@

# Only after a change of the lower bounds in pyproject.toml; uv knows how to choose the lowest.
# Named unlike the file, which would else be made anew whenever something needs it.
pin-oldest: FILE := constraints-oldest.txt
pin-oldest:                   ## choose the oldest versions anew (needs uv)
	echo 'pyparsing<3.3' > $(FILE).in  # newer ones warn of what matplotlib 3.9 calls
	uv pip compile --quiet --no-annotate --no-header --no-config --python-version 3.11 \
		--resolution lowest-direct --extra test --constraint $(FILE).in pyproject.toml > $(FILE).new
	(echo "# The oldest versions that are tested; see CONTRIBUTING.md."; cat $(FILE).new) > $(FILE)
	rm $(FILE).in $(FILE).new

clean:                        ## remove what the other targets made
	rm -rf .venv .venv-oldest docs/_build docs/auto_examples docs/generated build dist out .coverage
