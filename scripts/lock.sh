#!/bin/sh
# Writes the lock files for every platform, with hashes and without any address.
# Newer versions: scripts/lock.sh --upgrade
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv || ls .venv/bin/uv 2>/dev/null) || {
    printf '%s\n' "error: uv was not found; install it with: pip install uv" >&2
    exit 1
}

lock() {
    file=$1
    shift
    "$uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links \
        --no-emit-package sms-campaign-dispatcher --output-file "$file" "$@" > /dev/null
}

lock requirements/dev.txt --extra dev "$@"
# what a server needs, in the versions of dev.txt
lock requirements/server.txt --extra console --extra postgres --extra flower --extra metrics \
    --extra xls --extra xlsx \
    --constraint requirements/dev.txt
# what benchmarks/ adds to the environment of the tests, in versions that fit
lock requirements/bench.txt --extra bench --constraint requirements/dev.txt
