# Materia in two commands: `make run` builds the bundled sample, `make test` runs every check.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR ?= materia-home
# Tests that read real data find it here; they are skipped, saying so, where it is missing.
export MATERIA_DATA ?= $(abspath ../shared/data)
export PYTHONUTF8 := 1

.PHONY: install run test pytest test-scale postgresql azurite lint ui clean wheel
.DEFAULT_GOAL := run

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install
	@$(BIN)/materia build --home $(HOME_DIR)

ui: install
	@$(BIN)/materia ui --home $(HOME_DIR)

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Types are checked beside the first tests, on the core that lint leaves idle; --keep-going: each tells what it finds, whatever the other does.
test: install
	@$(MAKE) --no-print-directory --keep-going --jobs 2 lint pytest

pytest: install
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Past one machine: a Ray cluster, servers of S3, Azure and GCS, and PostgreSQL on this one.
test-scale: $(VENV)/.installed-scale postgresql azurite
	@$(BIN)/python -m pytest -m scale

$(VENV)/.installed-scale: $(VENV)/.installed
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev,scale]'
	@touch $@

# PostgreSQL's server, from Debian's package. Who may not install it is told so, and its tests are skipped.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq --yes --no-install-recommends postgresql; } \
	|| echo "PostgreSQL is not installed, and its tests are skipped: apt-get install postgresql"

# Azure's server, from the npm registry. Who has no npm is told so, and its tests are skipped.
azurite: $(VENV)/.installed-scale
	@ls $(VENV)/azurite/node_modules/.bin/azurite-blob >/dev/null 2>&1 || command -v azurite-blob >/dev/null \
	|| { command -v npm >/dev/null && npm install --silent --no-fund --no-audit --prefix $(VENV)/azurite azurite@3; } \
	|| echo "Azurite is not installed, and the tests of az:// are skipped: install npm"

wheel: install
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
