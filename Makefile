# Set-up, demonstration and checks. Every target makes the virtual environment where it is missing.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test test-all lint tools libpython clean

demo: $(STAMP)
	@$(BIN)/pann-hw demo

test: libpython lint
	@$(BIN)/pytest -n $(JOBS)

test-all: libpython lint
	@$(BIN)/pytest -n $(JOBS) -m ""

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Before anything is downloaded: what pip cannot install, each with the Debian package that has it.
require = $(if $(shell $(1) && echo found),,$(error $(2) is missing: apt-get install $(3)))

tools:
	$(call require,command -v $(PYTHON),$(PYTHON),python3)
	$(call require,$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))",Python 3.11,python3)
	$(call require,$(PYTHON) -c "import ensurepip" 2>/dev/null,the Python module venv,python3-venv)
	$(call require,command -v g++,g++,g++)
	$(call require,command -v perl,perl,perl)
	@:

# cocotb loads Python into the simulator from its shared library, which Debian packs by itself.
LOAD_LIBPYTHON = import ctypes, os; from sysconfig import get_config_var as get; \
  name = get('INSTSONAME'); path = os.path.join(get('LIBDIR'), name); \
  ctypes.CDLL(path if os.path.exists(path) else name)

libpython: tools
	$(call require,$(PYTHON) -c "$(LOAD_LIBPYTHON)" 2>/dev/null,Python's shared library,libpython3-dev)
	@:

# torch comes first and alone, pinned, so that no other requirement decides which build is taken.
# setuptools_scm: cocotbext-wishbone comes as source, whose version it says.
$(STAMP): pyproject.toml constraints.txt | tools
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0 setuptools setuptools_scm
	@$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[test]"
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
