# GNU make 3.81 and a POSIX shell are enough. Everything that is installed goes into .venv.
#   PYTHON=python3.12        the Python to build .venv with
#   PYTEST_ARGS="-k window"  other arguments for pytest

#   CHAOS_ARGS="--seed 7 --database postgresql"   (make chaos)
#   BENCH_ARGS="--only send --rounds 3"           (make bench)

PYTHON =
PYTHONS =
TESTS =
CHAOS_ARGS =
BENCH_ARGS =
# Most tests wait for processes, so that a few at a time share the machine well.
PYTEST_ARGS = -n logical --maxprocesses 4
PY = .venv/bin/python
# not the code in the pages, which is laid out to be read
CODE = $(wildcard dispatcher workers tests examples benchmarks)

.PHONY: help demo test coverage matrix chaos bench docs lint lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: .venv/stamp ## send 5,000 made-up SMS through real processes and check every one (needs no account)
	@$(PY) -m dispatcher.sandbox.demo

test: lint ## every check, then the whole suite
	@$(PY) -m pytest $(PYTEST_ARGS)

# Apart from `test`: the tracer doubles the processor time of the tests.
coverage: .venv/stamp ## unit and integration tests; fails when they cover less than pyproject.toml says
	@$(PY) -m pytest $(PYTEST_ARGS) --hypothesis-profile ci tests/unit tests/integration --cov --cov-report term

matrix: ## unit tests and the wheel's on each Python 3.11 … 3.14 that is here (PYTHONS="3.12 3.13")
	@PYTHON="$(PYTHON)" PYTHONS="$(PYTHONS)" TESTS="$(TESTS)" sh scripts/matrix.sh $(PYTEST_ARGS)

chaos: .venv/stamp ## minutes of kills and faults, then the ledger against the rows (CHAOS_ARGS="--seed 7")
	@$(PY) -m tests.chaos $(CHAOS_ARGS)

bench: .venv/bench ## minutes of measuring against other designs, written to docs/performance.md
	@$(PY) -m benchmarks $(BENCH_ARGS)

docs: .venv/stamp ## the documentation as a site, in var/docs/index.html
	@$(PY) -m sphinx -q -W --keep-going docs var/docs

lint: .venv/stamp ## format, lint, types and layers
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy
	@.venv/bin/lint-imports

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@sh scripts/lock.sh

clean: ## remove .venv and everything that was made
	rm -rf .venv var build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The script does nothing when .venv is up to date; make cannot tell that by itself, because an
# environment also goes stale when its directory is moved or its Python is upgraded away.
.venv/stamp: ALWAYS
	@PYTHON="$(PYTHON)" sh scripts/environment.sh

# The other contenders, beside what the tests need; the tests do not notice.
.venv/bench: .venv/stamp requirements/bench.txt
	@$(PY) -m pip --disable-pip-version-check -qq install --no-compile --no-deps --require-hashes \
		--only-binary :all: -r requirements/bench.txt
	@touch $@

.PHONY: ALWAYS
ALWAYS:
