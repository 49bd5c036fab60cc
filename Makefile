# Every target sets itself up from nothing: the stamp makes .venv from the lock.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TAUGHT := $(VENV)/.train-installed
MEASURED := $(VENV)/.bench-installed

.PHONY: setup demo test test-fast train evaluate bench pictures lint schema clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation -e .
	touch $(STAMP)

$(TAUGHT): $(STAMP) requirements-train.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-train.lock
	touch $(TAUGHT)

$(MEASURED): $(STAMP) requirements-bench.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.lock
	touch $(MEASURED)

demo: $(STAMP)
	$(BIN)/cspcomposer compose examples/demo.yaml --out out
	@echo "The piece is in $(CURDIR)/out:"
	@ls out

test: $(TAUGHT)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(TAUGHT)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

train: $(TAUGHT)
	$(BIN)/python -m neural_priors.train

evaluate: $(TAUGHT)
	$(BIN)/cspcomposer evaluate --out neural_priors/EVALUATION.md

bench: $(MEASURED)
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/structure.py
	$(BIN)/python tests/benchmarks/quartets.py

pictures: $(STAMP)
	$(BIN)/cspcomposer compose examples/helft_mir.yaml --out out --format png
	mkdir -p examples/pictures
	$(BIN)/python tests/trim.py out/helft_mir.png examples/pictures/helft_mir.png
	$(BIN)/python tests/pairs.py examples/pairs

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

schema: $(STAMP)
	$(BIN)/cspcomposer schema > .schema.part
	mv .schema.part cspcomposer/spec.schema.json

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
