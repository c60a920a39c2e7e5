# Everything a newcomer needs: each target does the set-up it needs, in .venv, with pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT ?= overpose-demo

.PHONY: demo test test-fast lint setup clean

demo: setup
	$(BIN)/overpose demo --out $(DEMO_OUT) --overwrite

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: setup
	$(BIN)/ruff format --check src tests tools
	$(BIN)/ruff check src tests tools
	$(BIN)/pyright src

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "overpose needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[studio,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info
