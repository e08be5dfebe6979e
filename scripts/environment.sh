#!/bin/sh
# Makes .venv with the packages of requirements/dev.txt, unless it is up to date.
# PYTHON names the Python to use; the default is the first suitable one of CANDIDATES.
# An argument names another directory for it, whose content is removed.
set -eu
cd "$(dirname "$0")/.."

VENV=${1:-.venv}
CANDIDATES="python3.13 python3.12 python3.11 python3.14 python3 python"

say() { printf '%s\n' "$*" >&2; }

# What the environment was made of, and where: a moved one still points to its old place.
fingerprint() { printf '%s\n' "$(pwd)" "$1"; cat requirements/dev.txt pyproject.toml scripts/environment.sh; }

fresh() {
    [ -f "$VENV"/stamp ] && "$VENV"/bin/python -c '' 2>/dev/null || return 1
    made_with=$(cat "$VENV"/python)
    [ -z "${PYTHON:-}" ] || [ "$PYTHON" = "$made_with" ] || return 1
    fingerprint "$made_with" | cmp -s - "$VENV"/stamp
}

# Sets $python to one that is new enough and can make virtual environments.
find_python() {
    unable=""
    # shellcheck disable=SC2086  # the candidates are several words, a given path is one
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- $CANDIDATES; fi
    for candidate; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            python=$candidate
            return
        fi
        unable=$candidate
    done
    if [ -n "$unable" ]; then
        version=$("$unable" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "error: $unable has no venv or no ensurepip, so it cannot make a virtual environment."
        say "  Debian, Ubuntu: apt install python3-venv   (or python$version-venv)"
    elif [ -n "${PYTHON:-}" ]; then
        say "error: PYTHON=$PYTHON is not a Python that runs here, or is older than 3.11."
    else
        say "error: no Python 3.11 or newer was found (tried $CANDIDATES)."
        say "  Debian 12, Ubuntu 24.04 or newer: apt install python3 python3-venv"
        say "  macOS: brew install python"
        say "  elsewhere: make PYTHON=/path/to/python3.12 ..."
    fi
    exit 1
}

if fresh; then
    exit 0
fi
find_python
say "installing into $VENV with $("$python" --version 2>&1); this is done once"
rm -rf "$VENV"
"$python" -m venv "$VENV"
# Compiling every module in advance would take half of the time.
install() { "$VENV"/bin/python -m pip --disable-pip-version-check -qq install --no-compile --no-deps "$@"; }
# The lock names every package with its hash, the build tools among them, which link in the project.
# So nothing unpinned is fetched, and nothing but the project is built.
if ! install --require-hashes --only-binary :all: -r requirements/dev.txt ||
    ! install --no-build-isolation -e .; then
    say "error: not everything could be installed; the lines above say what and why."
    say "  Packages come from where your pip is set up to fetch them: is there a network, a proxy?"
    exit 1
fi
printf '%s\n' "${PYTHON:-$python}" > "$VENV"/python
fingerprint "${PYTHON:-$python}" > "$VENV"/stamp
