# Two commands matter: `make demo` and `make test`. Everything lives in .venv, node_modules and var.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
CI ?=

.PHONY: demo test check bench services lock clean

demo: $(VENV)/run.stamp node_modules/.stamp
	@$(BIN)/wenzheng demo

test: $(VENV)/test.stamp node_modules/.stamp system
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q

check: $(VENV)/test.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core publisher monitors casework spiders scheduler dashboards portal sandbox app bench
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/unit tests/architecture -m "not slow"

bench: $(VENV)/test.stamp
	@$(BIN)/python -m bench

services: $(VENV)/test.stamp system
	@$(BIN)/python -m tests.services

# What a person's machine lacks is named; as root on Debian it is installed.
.PHONY: system
system:
	@deploy/system-packages

lock: $(VENV)/test.stamp
	@deploy/lock

clean:
	rm -rf $(VENV) node_modules var build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the locked Python packages ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing the locked development packages ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# Browser assets; where there is no Node, a wheel brings one into the virtual environment.
node_modules/.stamp: package-lock.json requirements-node.txt | $(VENV)/run.stamp
	@echo "Installing the locked browser assets ..."
	@if command -v npm >/dev/null; then \
	  npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error; \
	else \
	  $(PIP) install --require-hashes -r requirements-node.txt && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error; \
	fi
	@touch $@
