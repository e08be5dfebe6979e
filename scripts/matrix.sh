#!/bin/sh
# Runs the quick part of the suite, and the wheel's own tests, on each Python that is to be had:
# those of VERSIONS on PATH, of pyenv and of uv. PYTHONS="3.12 3.13" runs these alone, and fails
# where one is missing. The environments stay in build/matrix/ and are used again.
set -eu
cd "$(dirname "$0")/.."

VERSIONS="3.11 3.12 3.13 3.14"

# Prints a Python of version $1 that runs and can make virtual environments.
find_python() {
    for candidate in "python$1" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python3 \
        "$(uv python find --no-python-downloads "$1" 2>/dev/null || true)"; do
        told=$("$candidate" -c 'import ensurepip, sys, venv; print("%d.%d" % sys.version_info[:2])' \
            2>/dev/null) || continue
        [ "$told" != "$1" ] || { printf '%s\n' "$candidate"; return; }
    done
}

results=""
status=0
for version in ${PYTHONS:-$VERSIONS}; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        results="$results$version: not on this machine\n"
        [ -z "${PYTHONS:-}" ] || status=1
        continue
    fi
    printf '\n== Python %s\n' "$version"
    if PYTHON=$python sh scripts/environment.sh "build/matrix/$version" &&
        "build/matrix/$version/bin/python" -m pytest -q -p no:cacheprovider "$@" \
            tests/unit tests/acceptance/test_wheel.py; then
        results="$results$version: passed\n"
    else
        results="$results$version: FAILED\n"
        status=1
    fi
done
printf '\n%b' "$results"
exit $status
