# nullstore: `make run` and `make test` do everything from a fresh clone. They need Python 3.11 or newer with venv.

PYTHON ?= python3
PG15_BINDIR ?= /usr/lib/postgresql/15/bin
ADDRESS ?= 127.0.0.1:8000

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := help
.PHONY: help run up stop test test-15 faults faults-15 lint format bench bench-full

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: up ## Bring everything up, then serve the admin on http://127.0.0.1:8000/ (Ctrl-C ends the web server)
	@$(MANAGE) runserver $(ADDRESS)

up: .venv/runtime ## Bring everything up but the web server: databases, migrations, admin user, sample data
	@$(MANAGE) init_env
	@$(MANAGE) localdb start
	@$(MANAGE) migrate
	@$(MANAGE) replication wait --timeout 600
	@$(MANAGE) ensure_groups
	@$(MANAGE) ensure_admin
	@$(MANAGE) sample_data --if-empty
	@$(MANAGE) replication wait --timeout 600
	@$(MANAGE) replication ping

stop: .venv/runtime ## Stop the databases; their data stays
	@$(MANAGE) localdb stop

# Three at a time, each with a pair of its own, for much of a test is waiting; the tests of one file stay together.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile

test: .venv/development .venv/axe-core ## Run the tests on PostgreSQL 18 pairs of their own
	@$(PYTEST) -m 'not slow' $(ARGS)

test-15: .venv/development .venv/axe-core ## Run the tests on an installed PostgreSQL 15 (PG15_BINDIR says where)
	@NULLSTORE_PG_BINDIR=$(PG15_BINDIR) $(PYTEST) -m 'not slow' $(ARGS)

# The faults one by one: how long mending took is written down.
SCENARIOS := $(BIN)/python -m pytest tests/faults tests/failover -m 'slow or scenario'
OTHER_SLOW := $(BIN)/python -m pytest -n 2 --dist loadfile tests --ignore=tests/faults --ignore=tests/failover -m slow

faults: .venv/development .venv/axe-core ## Inject every fault for real, run all other slow tests, write docs/reference/faults.md
	@$(SCENARIOS) --write-report $(ARGS)
	@$(OTHER_SLOW) $(ARGS)

# Without the browser's walk over every page: what a page looks like does not depend on the version.
faults-15: .venv/development ## The same on an installed PostgreSQL 15
	@NULLSTORE_PG_BINDIR=$(PG15_BINDIR) $(SCENARIOS) --write-report $(ARGS)
	@NULLSTORE_PG_BINDIR=$(PG15_BINDIR) $(OTHER_SLOW) --ignore=tests/browser $(ARGS)

# The checks see the settings of a machine of one's own, not of .env: no lint result depends on it.
lint: export NULLSTORE_ENV_FILE =
lint: export DEBUG = on
lint: .venv/development ## Formatting, lint, types, import contracts, migrations, system checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING

format: .venv/development ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/development ## Measure everything at a small size, in less than five minutes; write docs/reference/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

bench-full: .venv/development ## The same with up to 5 million rows; over an hour, and 40 GB of disk
	@$(BIN)/python -m benchmarks --full $(ARGS)

# An environment that was interrupted half way has no pip, and is made anew.
.venv/runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "nullstore needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/development: requirements-dev.txt .venv/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# What looks for barriers on the pages of the console. Where it cannot be had those tests are left out.
.venv/axe-core: tests/browser/package-lock.json .venv/development
	@if npm ci --prefix tests/browser --no-audit --no-fund --silent; then touch $@; \
		else echo "axe-core could not be installed (is there npm?): the tests that need it are left out."; fi
