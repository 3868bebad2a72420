PYTHON ?= python3
export PYTHON

LOCKS := requirements/runtime.lock requirements/cpu.lock requirements/cuda.lock

.PHONY: help setup serve test check lock

help:
	@echo "make setup   create .venv with the locked dependencies and this project"
	@echo "make serve   setup, then the web service [ARTICLES=folder] [HOST=address] [PORT=number]"
	@echo "make test    setup, the test tools, then the tests"
	@echo "make check   ruff and mypy"
	@echo "make lock    write the lock files again [UPGRADE=1: take the newest releases]"

setup: .venv/.runtime

# ARTICLES and PORT, given to make or in the environment, reach the recipe as the shell's own variables: a path with
# spaces or quotes is parsed once. HOST counts only when given to make: some shells export it as the machine's name.
serve: export SERVE_HOST := $(if $(filter command,$(origin HOST)),$(HOST))
serve: setup
	@exec .venv/bin/qa serve $${ARTICLES:+--articles "$$ARTICLES"} \
		$${SERVE_HOST:+--host "$$SERVE_HOST"} $${PORT:+--port "$$PORT"}

test: .venv/.dev
	@.venv/bin/python -m pytest

check: .venv/.dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

lock: .venv/.dev
	@.venv/bin/python requirements/lock.py $(if $(UPGRADE),--upgrade)

.venv/.runtime: $(LOCKS) requirements/install.sh pyproject.toml
	@sh requirements/install.sh "$$PYTHON" runtime
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.lock
	@sh requirements/install.sh "$$PYTHON" dev
	@touch $@
