#!/bin/sh
# Puts a locked list and Evermodel itself into .venv:  sh locks/install.sh loop|dev
#
# Needs a Python 3.11 to 3.13 and nothing else. PYTHON=/path/to/python chooses one by hand. Does
# nothing when all is as it was left the last time, which a stamp file tells.
set -eu
cd "$(dirname "$0")/.."
list=$1
venv=.venv
home=$(pwd)

stamp() { # what an installation depends on
    printf '%s\n' "$home"
    cksum "locks/$list.txt" locks/install.sh pyproject.toml
}

if [ -f "$venv/.installed-$list" ] && [ "$(cat "$venv/.installed-$list")" = "$(stamp)" ] &&
    "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

seen=''
python=''
for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    # Asks the interpreter itself: a name on the path may be a shim that leads nowhere.
    version=$("$name" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    case $version in
    3.11.* | 3.12.* | 3.13.*) ;;
    *)
        seen="$seen
  $name is Python $version"
        continue
        ;;
    esac
    if ! "$name" -c 'import ensurepip, venv' 2>/dev/null; then
        seen="$seen
  $name is Python $version, without its venv module (on Debian and Ubuntu: apt install python3-venv)"
        continue
    fi
    python=$name
    break
done
if [ -z "$python" ]; then
    echo "Evermodel needs Python 3.11, 3.12 or 3.13, and none was found here. Found:${seen:- no Python at all}" >&2
    echo "Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2
    exit 2
fi

# Scripts in an environment hold its full path: one that was moved, broken or made by another
# Python version is made anew.
made_by="$home $("$python" -c 'import sys; print(sys.version)' | tr '\n' ' ')"
if ! "$venv/bin/python" -c '' 2>/dev/null || [ "$(cat "$venv/.made-by" 2>/dev/null)" != "$made_by" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    printf '%s\n' "$made_by" >"$venv/.made-by"
fi

echo "Installing locks/$list.txt into $venv (Python $version); this happens once."
rm -f "$venv"/.installed-*
# --no-deps: the list is complete, so there is nothing to resolve. --no-compile: most of the modules
# are never imported; those that are compile themselves below, or the first time.
"$venv/bin/python" -m pip install --disable-pip-version-check -qq --no-deps --no-compile -r "locks/$list.txt"
"$venv/bin/python" -m pip install --disable-pip-version-check -qq --no-deps --no-build-isolation -e .
# Where the surroundings forbid it, nothing would be compiled the first time, but everything each time.
PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" -W ignore -c '
import importlib
for name in ("demo.playing", "loop.serving", "cli.main", "store.mlflow_store", "train.fit"):
    importlib.import_module(f"evermodel.{name}")
import deltalake, lightgbm, mlflow, onnx, optuna, pandas, sklearn.linear_model
import mlflow.pyfunc, mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
'
case $list in
dev) lists='dev loop' ;; # the second list holds the first
*) lists=$list ;;
esac
for list in $lists; do
    stamp >"$venv/.installed-$list"
done
