#!/bin/sh
# Runs the quick tests on each Python from 3.11 to 3.14 of this machine: on PATH, in /usr/bin, of pyenv
# and of uv, each release once (3.11.2 and 3.11.7 read regular expressions differently). Then the tests of
# submitting and planning with the oldest and the newest SQLAlchemy and Celery that pyproject.toml allows.
#   PYTHONS="3.12 3.13"   only these; a missing one is an error
#   PYTHON=python3.12     leave this one out, because the whole suite runs on it
#   TESTS=tests/unit      other tests
#   LIBRARIES=oldest      only "oldest" or "newest" of them; "none": neither
# The environments stay in build/matrix/ and are used again.
set -eu
cd "$(dirname "$0")/.."

VERSIONS="3.11 3.12 3.13 3.14"
TESTS=${TESTS:-tests/unit tests/acceptance/test_wheel.py}

# What an app that submits and plans calls. Its workers have their own needs (dispatcher/settings/libraries.py).
LIBRARY_TESTS="tests/unit/campaigns tests/unit/recipients tests/unit/texts tests/unit/settings tests/unit/storage
    tests/integration/api tests/integration/cli tests/integration/storage
    tests/integration/flask/test_extension.py tests/integration/django/test_submit.py"
oldest='SQLAlchemy==2.0.23 celery==5.4.0 kombu[redis]==5.4.0'
newest='--upgrade SQLAlchemy celery kombu[redis]'

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

# Runs those tests with the "oldest" or "newest" libraries, on the first Python 3.11, for which all have wheels.
run_libraries() {
    environment=build/matrix/$1
    eval "wanted=\$$1"
    printf '\n== %s libraries: %s\n' "$1" "$wanted"
    # shellcheck disable=SC2086  # several requirements and tests
    PYTHON=$2 sh scripts/environment.sh "$environment" &&
        "$environment/bin/python" -m pip --disable-pip-version-check -qq install $wanted &&
        "$environment/bin/python" -m pytest -q -p no:cacheprovider $arguments $LIBRARY_TESTS
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
for libraries in ${LIBRARIES:-oldest newest}; do
    [ "$libraries" != none ] || continue
    # shellcheck disable=SC2046  # a release and a path in turn
    set -- $(find_pythons 3.11)
    if [ $# -eq 0 ]; then
        results="$results$libraries libraries: no Python 3.11 on this machine\n"
    elif run_libraries "$libraries" "$2"; then
        results="$results$libraries libraries: passed\n"
    else
        results="$results$libraries libraries: FAILED\n"
        status=1
    fi
done
printf '\n%b' "$results"
exit $status
