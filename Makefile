# Each target builds .venv on first use; a later run installs nothing unless the dependencies changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DAGSTER_HOME := $(CURDIR)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run ui test check docs bench clean

run: $(STAMP)
	@$(BIN)/cjo run

ui: $(STAMP)
	@$(BIN)/cjo ui

test: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy cjo_assets
	$(BIN)/dg check defs

docs: $(STAMP)
	@$(BIN)/cjo docs

bench: $(STAMP)
	@$(BIN)/cjo bench

clean:
	rm -rf $(VENV) warehouse

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,postgres]'
	@touch $(STAMP)
