# Everything a newcomer needs: each target does the set-up it needs, in .venv, with pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT ?= overpose-demo
CHECK_PYTHON := $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "overpose needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'

.PHONY: demo test test-fast test-cluster test-storage test-wheel test-blender lint docs harden setup clean

# The demo does with the base dependencies, without torch; where everything is set up, it takes that.
demo: $(if $(wildcard $(VENV)/.ready),setup,$(VENV)/.light)
	$(BIN)/overpose demo --out $(DEMO_OUT) --overwrite

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

# Ray clusters on this machine, with workers and machines that die: minutes.
test-cluster: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ray]'
	OVERPOSE_TEST_CLUSTER=1 $(BIN)/python -m pytest tests/cluster

# Names in object storage, against a server on this machine (moto, which conflicts with our pins).
STORAGE := .venv-storage
test-storage: setup $(STORAGE)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,storage,ray]'
	OVERPOSE_TEST_STORAGE=$(CURDIR)/$(STORAGE)/bin/python $(BIN)/python -m pytest tests/storage

$(STORAGE)/.ready:
	$(PYTHON) -m venv $(STORAGE)
	$(STORAGE)/bin/python -m pip install --quiet 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
	touch $@

# Builds the wheel and tries it in an empty environment; needs nothing of .venv.
test-wheel:
	$(PYTHON) tools/check_wheel.py

# Imports a GLB and BVHs into Blender, whose module bpy (370 MB, Python 3.11) gets an environment of its own.
BLENDER := .venv-blender
BLENDER_FILES ?= runs/blender
test-blender: setup $(BLENDER)/.ready
	mkdir -p $(BLENDER_FILES)
	PYTHONPATH=tests/helpers $(BIN)/python tools/check_blender.py write $(BLENDER_FILES)
	$(BLENDER)/bin/python tools/check_blender.py import $(BLENDER_FILES)

$(BLENDER)/.ready:
	$(PYTHON) -m venv $(BLENDER)
	$(BLENDER)/bin/python -m pip install --quiet bpy==5.0.1
	touch $@

lint: setup
	$(BIN)/ruff format --check src tests tools
	$(BIN)/ruff check src tests tools
	$(BIN)/pyright src
	$(BIN)/lint-imports --no-cache

# The site, in site/; open site/index.html.
docs: setup
	$(BIN)/mkdocs build --strict --quiet

# Faults of the system, kills, lack of memory and damaged files: hours, goes on where it was. What was
# tried is in HARDEN_OUT; HARDEN says which parts, and with which options (docs/reliability.md).
HARDEN_OUT ?= runs/harden
HARDEN ?= faults memory kills fuzz report
harden: setup
	HARDEN_OUT=$(HARDEN_OUT) PYTHONPATH=tools $(BIN)/python -m harden $(HARDEN)

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.light: pyproject.toml constraints.txt
	$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

clean:
	rm -rf $(VENV) $(BLENDER) $(STORAGE) build dist src/*.egg-info
