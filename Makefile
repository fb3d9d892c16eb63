# One command each; CI runs the same. PYTHON picks the interpreter that makes the environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The CPU build: the default index of Linux would bring gigabytes of CUDA. Where PyTorch's own index can't
# be reached, what pip finds elsewhere serves too.
TORCH = $(BIN)/pip install --quiet --retries 0 --index-url https://download.pytorch.org/whl/cpu \
	torch==2.13.0 || { echo "PyTorch's own index did not serve; taking torch from where pip looks by itself" >&2; \
	$(BIN)/pip install --quiet torch==2.13.0; }

.PHONY: help demo notebook model test lint types tests test-pages test-slow locale clean

help:
	@echo "make demo       compose a small season and a lone episode, find their intros, write a page"
	@echo "make model      make the built-in model; INTROBENCH names the folder of introbench"
	@echo "make notebook   run notebooks/training.ipynb and write it as notebook-output/training.html"
	@echo "make test       set up and run everything that CI runs"
	@echo "make lint types tests test-pages test-slow    the parts of it"
	@echo "make locale     bring the catalogue up to date with the code and compile it"

# the demo needs no test tools, and no torch
$(VENV)/demo-ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[plots]'
	touch $@

$(VENV)/test-ready: pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(TORCH)
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@ $(VENV)/demo-ready

demo: $(VENV)/demo-ready
	$(BIN)/zastavka demo --output demo-output

notebook: $(VENV)/test-ready
	$(BIN)/jupyter nbconvert --to html --execute --output-dir notebook-output notebooks/training.ipynb

INTROBENCH ?= $(ZASTAVKA_INTROBENCH)

model: $(VENV)/test-ready
	$(BIN)/zastavka train --recipe builtin --introbench "$(INTROBENCH)" --work builtin-work \
		--output src/zastavka/models/builtin

test: lint types tests test-pages test-slow

lint: $(VENV)/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test-ready
	$(BIN)/mypy

# those in a browser by themselves: after some thousand others in one process, a choice of files never reached its page
tests: export PYTEST_ADDOPTS := $(PYTEST_ADDOPTS) --ignore-glob=*/test_page*.py
tests: $(VENV)/test-ready
	$(BIN)/pytest

test-pages: $(VENV)/test-ready
	$(BIN)/pytest -m "browser and not slow"

test-slow: $(VENV)/test-ready
	$(BIN)/pytest -m slow

locale: $(VENV)/test-ready
	$(BIN)/python tests/messages.py

clean:
	rm -rf $(VENV) demo-output notebook-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
