# Each target builds .venv on first use; a later run installs nothing unless the dependencies changed. Versions are those
# of constraints.txt. `make check` and `make test` add what development needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed_dev
SPARK_VENV := .venv-spark
SPARK_STAMP := $(SPARK_VENV)/.installed

RUN_PACKAGES := .[postgres]
DEV_PACKAGES := .[dev,postgres]
SPARK_PACKAGES := .[dev,spark]

# $(call install,ENVIRONMENT,PACKAGES): uv resolves and installs in a tenth of the time of pip. Unlike pip it compiles no
# bytecode; importing what a run imports compiles that, a sixth of all modules.
# Python brings pip and setuptools of its own age, with known vulnerabilities; those of constraints.txt replace them.
define install
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --constraint constraints.txt pip setuptools uv
	@$(1)/bin/uv pip install --quiet --python $(1)/bin/python --constraint constraints.txt --editable '$(2)'
	@env -u PYTHONDONTWRITEBYTECODE $(1)/bin/python -c 'import altair, cjo_assets.cli.launch, cjo_assets.definitions'
endef

export DAGSTER_HOME := $(CURDIR)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run demo ui test test-unit test-spark check docs pictures bench soak upgrades clean

run: $(STAMP)
	@$(BIN)/cjo run

demo: $(STAMP)
	@$(BIN)/cjo demo

ui: $(STAMP)
	@$(BIN)/cjo ui

# Pure functions on rows made in memory.
test-unit: $(DEV_STAMP)
	@$(BIN)/python -m pytest -q --numprocesses 2 --dist loadfile --no-loadscope-reorder cjo_assets_tests/unit

# One process more than two cores: with two, a sixth of the time was idle, since tests wait for servers and browsers.
test: $(DEV_STAMP)
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
	@echo "Left out: the tests marked spark, which have an environment of their own (make test-spark)."

# An environment of its own, so that nothing else has Spark at hand. It needs Java 17.
test-spark: $(SPARK_STAMP)
	@$(SPARK_VENV)/bin/python -m pytest -m spark cjo_assets_tests/system/test_spark.py

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy cjo_assets tools
	$(BIN)/python -m tools.check_language
	$(BIN)/python -m tools.check_advisories
	$(BIN)/dg check defs

docs: $(STAMP)
	@$(BIN)/cjo docs

# The pictures of docs/how-to/run_the_demonstration.md. It needs chromium and pngquant.
pictures: $(DEV_STAMP)
	@CJO_SCREENSHOTS=docs/how-to $(BIN)/python -m pytest -q cjo_assets_tests/system/test_demo.py
	@pngquant --force --ext .png 32 docs/how-to/demonstration_*.png

bench: $(STAMP)
	@$(BIN)/cjo bench

# Hours. SOAK="--kills 20 --random-kills 20 --pairs 5 --reads 500" takes minutes.
soak: $(STAMP)
	@$(BIN)/python -m benchmarks.soak $(SOAK)

# Tens of minutes: it installs each earlier commit.
upgrades: $(STAMP)
	@$(BIN)/python -m benchmarks.upgrades

clean:
	rm -rf $(VENV) $(SPARK_VENV) warehouse

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once) ..."
	$(call install,$(VENV),$(RUN_PACKAGES))
	@touch $(STAMP)

$(DEV_STAMP): $(STAMP)
	@echo "Installing the tools of development into $(VENV) (once) ..."
	$(call install,$(VENV),$(DEV_PACKAGES))
	@touch $(DEV_STAMP)

$(SPARK_STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(SPARK_VENV) (once) ..."
	$(call install,$(SPARK_VENV),$(SPARK_PACKAGES))
	@touch $(SPARK_STAMP)
