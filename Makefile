# GNU make 3.81 and a POSIX shell are enough. Everything is installed into .venv.
#   PYTHON=python3.12        the Python to build .venv with
#   PYTEST_ARGS="-k window"  other arguments for pytest

#   PYTHONS="3.12 3.13" LIBRARIES=oldest          (make matrix; "none": neither)
#   CHAOS_ARGS="--seed 7 --database postgresql"   (make chaos)
#   BENCH_ARGS="--only send --rounds 3"           (make bench)

PYTHON =
PYTHONS =
TESTS =
LIBRARIES =
CHAOS_ARGS =
BENCH_ARGS =
# Most tests wait for processes, so more of them at a time than there are cores use the machine better:
# tests/conftest.py says how many. A file runs in one process, because its tests may share an installation;
# the slow folder comes first.
PYTEST_ARGS = -n auto --dist loadfile --no-loadscope-reorder
PY = .venv/bin/python
# Without it each process of the tests would compile all that it loads: pip has not (environment.sh).
unexport PYTHONDONTWRITEBYTECODE
# without the code blocks of the pages, whose layout is for readers
CODE = $(wildcard dispatcher workers tests examples benchmarks)

.PHONY: help demo test coverage matrix chaos bench docs lint lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: .venv/stamp ## send 5,000 made-up SMS through real processes and check every one (needs no account)
	@$(PY) -m dispatcher.sandbox.demo

test: lint ## run every check, then the whole suite
	@$(PY) -m pytest $(PYTEST_ARGS)

# Apart from `test`: the tracer doubles the processor time of the tests.
coverage: .venv/stamp ## measure what unit and integration tests cover; fails below the figure in pyproject.toml
	@$(PY) -m pytest $(PYTEST_ARGS) --hypothesis-profile ci tests/unit tests/integration --cov --cov-report term

matrix: ## run tests on each Python 3.11 … 3.14 of this machine, and with the oldest and newest libraries
	@PYTHON="$(PYTHON)" PYTHONS="$(PYTHONS)" TESTS="$(TESTS)" LIBRARIES="$(LIBRARIES)" sh scripts/matrix.sh $(PYTEST_ARGS)

chaos: .venv/stamp ## kill and disturb an installation for minutes, then compare ledger and rows (CHAOS_ARGS="--seed 7")
	@$(PY) -m tests.chaos $(CHAOS_ARGS)

bench: .venv/bench ## measure it beside other designs, and write docs/performance.md
	@$(PY) -m benchmarks $(BENCH_ARGS)

docs: .venv/stamp ## build the documentation as a site, in var/docs/index.html
	@$(PY) -m sphinx -q -W --keep-going docs var/docs

lint: .venv/stamp ## check format, lint, types and layers
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy
	@.venv/bin/lint-imports

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@sh scripts/lock.sh

clean: ## remove .venv and all that the commands above made
	rm -rf .venv var build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The script does nothing when .venv is up to date. Make cannot know that: an environment also becomes
# stale when its directory is moved or its Python is removed.
.venv/stamp: ALWAYS
	@PYTHON="$(PYTHON)" sh scripts/environment.sh

# Adds the other contenders to the environment of the tests.
.venv/bench: .venv/stamp requirements/bench.txt
	@$(PY) -m pip --disable-pip-version-check -qq install --no-compile --no-deps --require-hashes \
		--only-binary :all: -r requirements/bench.txt
	@touch $@

.PHONY: ALWAYS
ALWAYS:
