# Set-up, demonstration and checks. Every target makes the virtual environment where it is missing.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test test-all lint tools clean

demo: $(STAMP)
	@$(BIN)/pann-hw demo

test: lint
	@$(BIN)/pytest -n $(JOBS)

test-all: lint
	@$(BIN)/pytest -n $(JOBS) -m ""

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Before anything is downloaded: what pip cannot install, each with the Debian package that has it.
define REQUIRE
@$(1) >/dev/null 2>&1 || { echo "$(2) is missing: apt-get install $(3)" >&2; exit 3; }
endef

tools:
	$(call REQUIRE,command -v $(PYTHON),$(PYTHON),python3)
	$(call REQUIRE,$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))",Python 3.11 or newer,python3)
	$(call REQUIRE,$(PYTHON) -c "import ensurepip",the Python module venv,python3-venv)
	$(call REQUIRE,command -v g++,g++,g++)
	$(call REQUIRE,command -v perl,perl,perl)

# torch comes first and alone, pinned, so that no other requirement decides which build is taken.
$(STAMP): pyproject.toml constraints.txt | tools
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0 setuptools
	@$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[test]"
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
