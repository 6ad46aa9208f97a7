#!/bin/sh
# For maintainers: writes locks/loop.txt and locks/dev.txt anew (`make lock`).
#
# One file holds for Python 3.11 to 3.13 on every system: differences are environment markers. No
# hashes and no index addresses, so that a mirror or a folder of wheels serves as well. uv is used
# here only, from a folder that is thrown away; users and CI need pip alone.
set -eu
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM
"${1:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet uv

compile() {
    list=$1
    shift
    rm -f "locks/$list.new"
    "$tools/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --extra all --group build "$@" \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "locks/$list.new"
    mv "locks/$list.new" "locks/$list.txt"
}

compile loop
# The second list holds the first: what passed the tests is what users run.
compile dev --group dev --group docs --constraints locks/loop.txt
