# Two commands do all set-up on a fresh clone, with Python 3.11 to 3.13 and make alone:
#   make demo   plays a simulated shop through a year of the loop, and writes a report
#   make test   runs the whole test suite
# Another interpreter: make demo PYTHON=python3.12. Other tests: make test ARGS="tests/bundle -x".
.POSIX:

PYTHON =
ARGS =
BIN = .venv/bin
# Material prints a notice about the next major version of MkDocs, which is not used here.
DOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs
LOOP = @PYTHON="$(PYTHON)" sh locks/install.sh loop
DEV = @PYTHON="$(PYTHON)" sh locks/install.sh dev

help:
	@sed -n 's/^# \{0,1\}//p; /^\.POSIX/q' Makefile
	@echo "Also: lint format types layers docs serve-docs audit sbom bench lock clean"

demo:
	$(LOOP)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/evermodel demo $(ARGS)

test:
	$(DEV)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 $(ARGS)

lint:
	$(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format:
	$(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types:
	$(DEV)
	$(BIN)/mypy

layers:
	$(DEV)
	$(BIN)/lint-imports

docs:
	$(DEV)
	$(DOCS) build --strict --quiet

serve-docs:
	$(DEV)
	$(DOCS) serve

# Known vulnerabilities among the packages that users get. Asks an advisory database on the network.
audit:
	$(DEV)
	@$(BIN)/python locks/audit.py

# What a full installation is made of, as CycloneDX.
sbom:
	$(DEV)
	PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json locks/loop.txt

bench:
	$(DEV)
	$(BIN)/python benchmarks/startup.py

lock:
	sh locks/lock.sh $(PYTHON)

clean:
	rm -rf .venv site sbom.json build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help demo test lint format types layers docs serve-docs audit sbom bench lock clean
