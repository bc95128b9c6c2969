# The Purpose Gateway. On a machine with Python >= 3.11: `make demo` sets up and shows it, `make test` tests it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The newest Python that fits and can make a virtual environment; `make PYTHON=python3.12 ...` picks another.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What the checks read.
SOURCES := gateway seeds bench tests proto/generate.py requirements/check.py
# Debian packages that the tests need beyond Python and make: for Spark a Java of 17 or newer, where there is none yet,
# from wherever it is. Debian's default is 17 in bookworm and 21 in trixie.
SYSTEM_PACKAGES = $(shell { "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 || true; } | awk -F '[".]' \
	'/ version "/ { fits = $$2 >= 17 } END { if (!fits) print "default-jre-headless" }')
TEST_TIMEOUT ?= 120
# Neighbouring tests share gateways and data: each worker keeps to its half of them, and takes over when it is done.
WORKERS := -n auto --dist worksteal

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## make .venv and install everything in it, exactly as locked

$(STAMP): requirements/lock.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 with the venv module found (Debian: apt-get install python3-venv)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)/: one to two minutes, about 2 GB"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/lock.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

.PHONY: demo
demo: $(STAMP) ## start a small city's gateway on loopback and play its calls
	$(BIN)/gateway demo

.PHONY: test
test: $(STAMP) ## run all tests; ARGS="-k name" narrows them
	$(BIN)/pytest $(WORKERS) --timeout=$(TEST_TIMEOUT) $(ARGS) tests

.PHONY: prove
prove: $(STAMP) ## run all tests at full size (slow)
	$(BIN)/pytest $(WORKERS) --timeout=3600 --prove $(ARGS) tests

.PHONY: check
check: lint types walls protos lock-check ## lint, types, import walls, protos, lock

.PHONY: lint
lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(STAMP) ## let ruff fix and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(STAMP) ## mypy, strict
	$(BIN)/mypy --strict $(SOURCES)

.PHONY: walls
walls: $(STAMP) ## import-linter: who may import whom
	$(BIN)/lint-imports

.PHONY: protos
protos: $(STAMP) ## lint the protos; see that the generated code is theirs
	$(BIN)/buf lint
	$(BIN)/python proto/generate.py --check

.PHONY: breaking
breaking: $(STAMP) ## compare the protos with those of AGAINST (a branch, default main) for wire and JSON breaks
	$(BIN)/buf breaking --against '.git#branch=$(or $(AGAINST),main)'

.PHONY: generate
generate: $(STAMP) ## generate gateway/api from proto/
	$(BIN)/python proto/generate.py

.PHONY: lock-check
lock-check: $(STAMP)
	$(BIN)/python requirements/check.py

.PHONY: lock
lock: ## renew requirements/*.txt from pyproject.toml (needs the network); UPGRADE=1 takes the newest versions
	test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	UPGRADE=$(UPGRADE) requirements/compile.sh

.PHONY: bench
bench: $(STAMP) ## run all benchmarks, FULL=1 at full size, or NAME=extract alone; ARGS="--rows N" sizes them
	$(BIN)/python -m bench $(or $(NAME),all) $(if $(FULL),--full) $(ARGS)

.PHONY: system-packages
system-packages: ## install the Debian packages that the tests need
	@missing=(); for p in $(SYSTEM_PACKAGES); do dpkg -s "$$p" >/dev/null 2>&1 || missing+=("$$p"); done; \
	if [ "$${#missing[@]}" = 0 ]; then echo "system packages present"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
	else echo "needed: run as root: apt-get install $${missing[*]}" >&2; exit 1; fi

.PHONY: clean
clean: ## remove .venv and everything else that can be made again
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
