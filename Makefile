PYTHON ?= python3
export PYTHON

# What is installed beside the runtime.
INSTALLED := .venv/.runtime $(if $(OPENVINO),.venv/.openvino) $(if $(RAY),.venv/.ray) $(if $(ENGINE),.venv/.engine)

LOCKS := requirements/runtime.lock requirements/cpu.lock requirements/cuda.lock

# Tests run side by side and start no threads of their own beside that. Three workers keep two cores busy: many tests
# wait for browsers and processes.
WORKERS ?= 3
PYTEST := .venv/bin/python -m pytest
TIERS := OMP_NUM_THREADS=1 $(PYTEST) -n $(WORKERS) --dist worksteal

.PHONY: help setup serve check test test-all torture fuzz screenshots lock bench bench-setup

help:
	@echo "make setup   create .venv with the locked dependencies and this project [OPENVINO=1: faster questions; RAY=1: clusters; ENGINE=1: Milvus]"
	@echo "make serve   setup, then the web service [ARTICLES=folder] [HOST=address] [PORT=number]"
	@echo "make check   ruff, mypy, and the rules of tests/check: architecture, documentation, deployment, packages"
	@echo "make test    the tests, in about five minutes [WORKERS=3]"
	@echo "make test-all   the same with larger samples, clusters and load [TESTED=1: without what make test runs]"
	@echo "make torture the tests that take hours; they print what they counted"
	@echo "make fuzz    bytes of no program against the readers, about a minute [SECONDS=for each format]"
	@echo "make bench   Pullquote and its peers measured in turn, after make bench-setup [BENCH=--small]"
	@echo "make screenshots   the README's pictures again (needs Chromium)"
	@echo "make lock    write the lock files again [UPGRADE=1: take the newest releases]"

setup: $(INSTALLED)

# ARTICLES and PORT, given to make or in the environment, reach the recipe as the shell's own variables: a path with
# spaces or quotes is parsed once. HOST counts only when given to make: some shells export it as the machine's name.
serve: export SERVE_HOST := $(if $(filter command,$(origin HOST)),$(HOST))
serve: setup
	@exec .venv/bin/qa serve $${ARTICLES:+--articles "$$ARTICLES"} \
		$${SERVE_HOST:+--host "$$SERVE_HOST"} $${PORT:+--port "$$PORT"}

check: .venv/.dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(PYTEST) -q tests/check

test: .venv/.dev
	@$(TIERS) --ignore tests/check

test-all: .venv/.dev
	@$(TIERS) -m "$(if $(TESTED),full and )not torture" $(if $(TESTED),--ignore tests/check)

torture: .venv/.dev
	@$(PYTEST) -m torture -s

fuzz: .venv/.fuzz
	@.venv/bin/python -m fuzz $(SECONDS)

bench-setup: setup
	@.venv/bin/python -m bench setup

bench: bench-setup
	@.venv/bin/python -m bench all $(BENCH)

screenshots: .venv/.dev
	@.venv/bin/python -m docs.screenshots

# The bill of materials tells licences, which the packages know: they are installed before it is written.
lock: .venv/.dev
	@.venv/bin/python requirements/lock.py $(if $(UPGRADE),--upgrade)
	@sh requirements/install.sh "$$PYTHON" dev
	@.venv/bin/python -m requirements.sbom

# What each set of packages is installed beside: a Milvus server, for one, beside its client.
.venv/.runtime: $(LOCKS) requirements/install.sh pyproject.toml
.venv/.openvino .venv/.ray .venv/.engine .venv/.dev: .venv/.runtime
.venv/.cluster: .venv/.engine
.venv/.fuzz: .venv/.dev

.venv/.%: requirements/%.lock
	@sh requirements/install.sh "$$PYTHON" $*
	@touch $@
