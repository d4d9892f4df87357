# `make demo` and `make test` need Python 3.11 or newer and make; they fetch the rest.

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.tools/usr/bin:$(PATH)

LOCK := --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-options

.PHONY: backtest bench bench-quick bench-sizes clean coverage crash dashboards demo derived fault-table format fuzz image-check lint lock page-screenshots reference screenshots soak stack test tools types unit

demo: .venv/installed
	@exec $(BIN)/shortgenius-exporter demo

test: lint types unit

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev
	$(BIN)/mypy

# Most tests wait for other programs: more of them at once than there are cores. Those that measure time run alone.
unit: .venv/dev tools
	$(BIN)/pytest --numprocesses 4 -m "not alone"
	$(BIN)/pytest -m alone

coverage: .venv/dev tools
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

# Kills the exporter at random moments, many times over, and compares its counters with the simulator's books.
crash: .venv/dev
	CRASH_ROUNDS=$${CRASH_ROUNDS-300} CRASH_SECONDS=inf CRASH_SEED=$${CRASH_SEED-$$$$} \
	  $(BIN)/pytest -s --timeout 0 tests/state/test_crash.py

# Ninety simulated days of fifty accounts through our rules and the naive ones; writes the table into docs/alerts.md.
backtest: .venv/dev tools
	$(BIN)/python deploy/prometheus/backtest --docs docs/alerts.md

# Writes docs/security/faults.md from a fresh measurement.
fault-table: .venv/dev
	PYTHONPATH=tests $(BIN)/python -m hostile.write_faults

# The property tests with 2,000 examples each: twenty minutes on one busy core.
fuzz: .venv/dev
	HYPOTHESIS_PROFILE=long $(BIN)/pytest --numprocesses 2 --timeout 0 -m hypothesis

# Half an hour of random faults, reloads and new keys with 200 accounts.
soak: .venv/dev
	SOAK_SECONDS=$${SOAK_SECONDS-1800} SOAK_SEED=$${SOAK_SEED-1} $(BIN)/pytest -s tests/hostile/test_soak.py

tools:
	@scripts/get-tools

# The exact dependencies of the image, with their hashes.
lock: .venv/dev
	$(BIN)/pip-compile $(LOCK) --output-file requirements/runtime.txt pyproject.toml
	$(BIN)/pip-compile $(LOCK) --all-build-deps --only-build-deps --output-file requirements/build.txt pyproject.toml

# What the chart and the Kustomize components repeat of the rules and dashboards.
derived: .venv/dev
	$(BIN)/python scripts/derived.py

# The dashboards' JSON from their code.
dashboards: .venv/dev
	$(BIN)/python -m grafana.generator

# Needs node, npm and chromium: draws every dashboard from thirty simulated days, for docs/images/.
screenshots: .venv/dev tools
	cd grafana/screenshots && npm install && npm run build
	$(BIN)/python -m grafana.screenshots

# As root, on Debian: builds the image without a container engine and runs it.
image-check: .venv/dev
	@$(BIN)/python scripts/image_check.py

# The exporter, Prometheus and Alertmanager as deploy/compose/ describes them, without containers.
stack: .venv/dev tools
	@exec $(BIN)/python scripts/stack.py

# What polls, scrapes, starts and reloads cost beside other ways to do them; writes the table of docs/performance.md.
# BENCH="--json-exporter PATH" compares with that binary, too.
bench: .venv/dev
	$(BIN)/python -m benchmarks $(BENCH)

bench-quick: .venv/dev
	$(BIN)/python -m benchmarks --quick $(BENCH)

# Where one process ends, in twenty minutes; writes the table of docs/deploy/how-big.md. SIZES="10000 20000" measures those.
bench-sizes: .venv/dev
	$(BIN)/python -m benchmarks.sizes $(SIZES)

# The generated parts of docs/metrics.md and docs/cli.md.
reference: .venv/dev
	$(BIN)/python scripts/reference.py

# The pictures of the status page and of a terminal in docs/images.
page-screenshots: .venv/dev tools
	$(BIN)/python scripts/screenshots.py

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/installed

clean:
	rm -rf .venv .tools .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
