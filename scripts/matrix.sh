#!/bin/sh
# Runs the quick tests on each Python from 3.11 to 3.14 of this machine: on PATH, in /usr/bin, of pyenv
# and of uv, each release once (3.11.2 and 3.11.7 read regular expressions differently).
#   PYTHONS="3.12 3.13"   only these; a missing one is an error
#   PYTHON=python3.12     leave this one out, because the whole suite runs on it
#   TESTS=tests/unit      other tests
# The environments stay in build/matrix/ and are used again.
set -eu
cd "$(dirname "$0")/.."

VERSIONS="3.11 3.12 3.13 3.14"
TESTS=${TESTS:-tests/unit tests/acceptance/test_wheel.py}

# Prints "release path" of each Python of version $1 that runs and can make virtual environments.
find_pythons() {
    for candidate in "python$1" "/usr/bin/python$1" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python3 \
        "$(uv python find --no-python-downloads "$1" 2>/dev/null || true)"; do
        release=$(release_of "$candidate") || continue
        case $release in "$1".*) printf '%s %s\n' "$release" "$candidate" ;; esac
    done | sort -u -k 1,1
}

release_of() {
    "$1" -c 'import ensurepip, platform, venv; print(platform.python_version())' 2>/dev/null
}

run() {
    printf '\n== Python %s\n' "$1"
    # shellcheck disable=SC2086  # TESTS is several words
    PYTHON=$2 sh scripts/environment.sh "build/matrix/$1" &&
        "build/matrix/$1/bin/python" -m pytest -q -p no:cacheprovider $arguments $TESTS
}

arguments=$*
left_out=$([ -z "${PYTHON:-}" ] || release_of "$PYTHON")
results=""
status=0
for version in ${PYTHONS:-$VERSIONS}; do
    pythons=$(find_pythons "$version")
    if [ -z "$pythons" ]; then
        results="$results$version: not on this machine\n"
        [ -z "${PYTHONS:-}" ] || status=1
    fi
    # shellcheck disable=SC2086  # a release and a path in turn
    set -- $pythons
    while [ $# -gt 0 ]; do
        if [ "$1" = "$left_out" ]; then
            results="$results$1: left out\n"
        elif run "$1" "$2"; then
            results="$results$1: passed\n"
        else
            results="$results$1: FAILED\n"
            status=1
        fi
        shift 2
    done
done
printf '\n%b' "$results"
exit $status
