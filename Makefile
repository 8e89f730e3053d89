# `make` prints what can be made. Everything runs in .venv, which is set up by itself and again when requirements change.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# A stamp is younger than the requirements that .venv was last brought up to.
READY := $(VENV)/.requirements
READY_DEV := $(VENV)/.requirements-dev
# A file's tests stay together, as they share what was trained once. tests/conftest.py orders the files.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
# The variable silences an advertisement of the theme's authors.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help search test test-fast lint format report docs docs-serve clean-results clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

search: $(READY)  ## search on the bundled digits to its end, about five minutes on two CPU cores
	$(RUN) hyperopt_optimize.py --data digits --trials 12

report: $(READY)  ## draw what the search in results/ found
	$(RUN) -m metaopt report

test: $(READY_DEV)  ## run every test
	$(RUN) -m pytest $(SIDE_BY_SIDE)

test-fast: $(READY_DEV)  ## run the tests that take no training, under two minutes
	$(RUN) -m pytest $(SIDE_BY_SIDE) -m "not slow"

lint: $(READY_DEV)  ## check style and types, as CI and pre-commit do
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(READY_DEV)  ## sort imports and format every file
	$(RUN) -m ruff check --fix-only .
	$(RUN) -m ruff format .

docs: $(READY_DEV)  ## build the documentation site into site/, and check its links
	$(MKDOCS) build --strict

docs-serve: $(READY_DEV)  ## show the documentation on http://127.0.0.1:8000 and follow edits
	$(MKDOCS) serve

clean-results:  ## delete the search in results/ (asks first)
	./delete_results.sh

clean:  ## delete caches and .venv, never results
	rm -rf $(VENV) site .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed and '$(PYTHON)' is not; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "No virtual environment could be made; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }

$(READY): requirements.txt | $(RUN)
	@echo "Installing requirements.txt into $(VENV): about 2.5 GB, most of it TensorFlow ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(READY_DEV): requirements.txt $(addprefix requirements-,$(addsuffix .txt,dev docs serve export onnx litert)) | $(RUN)
	@echo "Installing requirements-dev.txt into $(VENV): about 2.6 GB, most of it TensorFlow ..."
	@$(PIP) -r requirements-dev.txt
	@touch $(READY) $@
