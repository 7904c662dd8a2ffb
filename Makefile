# `make help` says what there is. Everything lives in the checkout: `.venv` and `.stack`.
.DEFAULT_GOAL := help
.PHONY: help demo test compiled ruff types test-layers test-e2e up down status bench psql airflow env lint docs screenshots lock setup setup-dev
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
PYTHON ?= python3.11
PY := .venv/bin/python
E2E_OUTPUT := .stack/test-e2e.txt
# A pytest worker a core and one more, 3 to 6: a third of their time they wait, for PostgreSQL or for time to pass. Each one
# has a database of its own, and takes a run of files in their order, so that what a file sets up is set up once. End to end it is two workers, each with a stack of its
# own, for these tests mostly wait; whichever stack is free takes the next test, the long ones first.
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN); n=$$((n + 1)); [ $$n -gt 6 ] && n=6; [ $$n -lt 3 ] && n=3; echo $$n)

# Arguments reach the shell as they were typed: make expands nothing in them.
override ARGS := $(value ARGS)
override CANDLES := $(value CANDLES)
export ARGS CANDLES
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV

# What follows `bench` names benchmarks, not targets.
ifeq (bench,$(firstword $(MAKECMDGOALS)))
CHOSEN := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
$(CHOSEN): bench ; @:
endif

help: ## this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: setup ## start everything, settle a fresh batch of sample trades, show them (CANDLES=file or folder)
	@$(PY) -m local demo $${CANDLES:+--candles "$$CANDLES"}

test: setup-dev ## all checks and tests; what CI runs
	@mkdir -p .stack && rm -f $(E2E_OUTPUT)
	@$(MAKE) ruff
	@$(MAKE) -j3 types test-layers test-e2e; code=$$?; [ ! -e $(E2E_OUTPUT) ] || cat $(E2E_OUTPUT); exit $$code

# While mypy reads, pytest reads all tests once: what Python compiles for it, all workers find later.
compiled:
	@$(outside_make) $(PY) -m pytest --collect-only -q > .stack/collected.txt 2>&1 || { cat .stack/collected.txt; exit 1; }

# Side by side, for end-to-end tests mostly wait: these are shown when the others are done. They go first where both
# could work: the sooner they end, the fewer seconds their stacks are kept alive.
test-layers: compiled
	@$(outside_make) nice -n 5 $(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not e2e"

test-e2e: compiled
	@$(outside_make) $(PY) -m pytest -n 2 --dist loadgroup tests/e2e > $(E2E_OUTPUT) 2>&1

# Tests call make themselves: they must not think that they share these jobs.
outside_make = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

up: setup ## start the local stack in the background, return when it is healthy
	@$(PY) -m local up

down: ## stop every process of the local stack
	@$(if_set_up) $(PY) -m local down

status: ## what runs, where, and the login
	@$(if_set_up) $(PY) -m local status

bench: setup-dev ## the benchmarks, as a table with ratios (make bench sweep: this one)
	@$(PY) -m benchmarks $(CHOSEN)

psql: setup ## a psql shell on the platform's database (ARGS='-c "select 1"')
	@eval "exec $(PY) -m local psql $$ARGS"

airflow: setup ## Airflow's own command line on the running stack (ARGS='dags list')
	@eval "exec $(PY) -m local airflow $$ARGS"

env: setup ## NAME=value lines for scripts: addresses and login of the running stack
	@$(PY) -m local env

screenshots: setup-dev ## take the pictures of docs/desk.md anew, over a demo stack of its own
	@PYTHONPATH=. $(PY) docs/take_screenshots.py

docs: setup-dev ## write docs/dags.md anew from the DAGs
	@PYTHONPATH=. $(PY) docs/generate_dags.py

lint: ruff types ## ruff and mypy

ruff: setup-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup-dev
	@$(PY) -m mypy

lock: .venv/bin/uv ## write the requirements' locks anew (ARGS=--upgrade moves every version)
	@$(compile) requirements.in -o requirements.txt
	@$(compile) requirements-dev.in -o requirements-dev.txt
	@grep -o '^uv==[0-9.]*' requirements-bootstrap.txt | { $(compile) - -o requirements-bootstrap.txt; }

compile = $(caches) .venv/bin/uv pip compile -q --system-certs --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command 'make lock' $(ARGS)

# Looking and stopping install nothing: what was never set up does not run.
if_set_up = [ -e .venv/.installed ] || { echo "Nothing is set up here. Start with: make up"; exit 0; };

# -- the virtual environment: the development set holds the running set, and is never taken back -------------
setup: .venv/.installed
setup-dev: .venv/.installed-dev

.venv/.installed: requirements.txt | .venv/bin/uv
	@if [ -e $@-dev ]; then $(call install,requirements-dev.txt); else $(call install,requirements.txt); fi
	@touch $@

.venv/.installed-dev: requirements-dev.txt | .venv/bin/uv
	@$(call install,requirements-dev.txt)
	@touch $@ .venv/.installed

.venv/bin/uv: requirements-bootstrap.txt
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 with its venv module is needed, and $(PYTHON) is not that." \
		"On Debian: apt-get install python3.11 python3.11-venv" >&2; exit 1; }
	@echo "Making .venv" >&2
	@$(PYTHON) -m venv .venv
	@$(caches) $(PY) -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Packages are cached in the home, as ever; in the checkout where the home cannot be written.
caches = cache="$${XDG_CACHE_HOME:-$$HOME/.cache}"; \
	{ mkdir -p "$$cache" && [ -w "$$cache" ]; } 2>/dev/null || \
	export UV_CACHE_DIR="$${UV_CACHE_DIR:-$$PWD/.stack/cache/uv}" PIP_CACHE_DIR="$${PIP_CACHE_DIR:-$$PWD/.stack/cache/pip}";

# uv takes no notice of pip's configuration, so the index that pip is told to use is handed on.
install = $(caches) echo "Installing $(1)" >&2; \
	index=$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$($(PY) -m pip config get global.index-url 2>/dev/null)}}}; \
	env $${index:+UV_DEFAULT_INDEX="$$index"} UV_SYSTEM_CERTS=1 \
	.venv/bin/uv pip sync -q --python $(PY) --require-hashes $(1)
