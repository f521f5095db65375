# Each target builds .venv on first use; a later run installs nothing unless the dependencies changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPARK_VENV := .venv-spark
SPARK_STAMP := $(SPARK_VENV)/.installed

export DAGSTER_HOME := $(CURDIR)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run ui test test-unit test-spark check docs bench clean

run: $(STAMP)
	@$(BIN)/cjo run

ui: $(STAMP)
	@$(BIN)/cjo ui

# Pure functions on rows made in memory.
test-unit: $(STAMP)
	@$(BIN)/python -m pytest -q --numprocesses 2 --dist loadfile --no-loadscope-reorder cjo_assets_tests/unit

test: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
	@echo "Left out: the tests marked spark, which have an environment of their own (make test-spark)."

# An environment of its own, so that nothing else has Spark at hand. It needs Java 17.
test-spark: $(SPARK_STAMP)
	@$(SPARK_VENV)/bin/python -m pytest -m spark cjo_assets_tests/system/test_spark.py

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy cjo_assets tools
	$(BIN)/python -m tools.check_language
	$(BIN)/dg check defs

docs: $(STAMP)
	@$(BIN)/cjo docs

bench: $(STAMP)
	@$(BIN)/cjo bench

clean:
	rm -rf $(VENV) $(SPARK_VENV) warehouse

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,postgres]'
	@touch $(STAMP)

$(SPARK_STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(SPARK_VENV) (once) ..."
	@$(PYTHON) -m venv $(SPARK_VENV)
	@$(SPARK_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,spark]'
	@touch $(SPARK_STAMP)
