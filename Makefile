# The commands of the README, the three tiers of tests (CONTRIBUTING.md), and what all need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo docs wheel check-wheel check-extras check-lowest check-eee audit fuzz soak check test night night-tests night-fuzz night-soak units lint doctests browser clean

# What was compiled is kept, whatever the environment says: tests start hundreds of processes, and each would compile torch
# again.
export PYTHONDONTWRITEBYTECODE =

install: $(VENV)/.installed

# Compiled are only the modules that are imported, when they are: compiling all 25,000 takes a minute.
$(VENV)/.installed: pyproject.toml constraints.txt hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Expected Python 3.11 or newer, found " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11.")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/salmubench run --recipe mini --untuned --out runs/mini

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml docs/leaderboard_workflow.yml

# The pages are tested in Chromium. CI gets it from Debian where it is absent; elsewhere those tests are skipped.
browser:
	@command -v chromium >/dev/null || test -n "$(CHROMIUM)" || { \
	  if [ "$(CI)" = true ] && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation; \
	  else echo "No Chromium here: its tests are skipped. Install it by: apt-get install chromium"; fi; }

# One thread each: four threads on two cores spend most of their time waiting for one another.
ALONE := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

doctests: install
	$(ALONE) $(BIN)/pytest --doctest-modules src/salmubench

units: install
	$(ALONE) $(BIN)/pytest -n 2 --dist worksteal -m "not stage and not night"

# While you work: linters and tests of functions, on two cores.
check: install
	$(MAKE) --no-print-directory --jobs 2 lint units

# Before a commit, and what CI runs. Checking types takes one core for half a minute, as doctests do; then the tests have
# both.
test: install
	$(MAKE) --no-print-directory --jobs 2 lint doctests browser
	$(ALONE) $(BIN)/pytest -n 2 --dist worksteal -m "not night"

# What is too long for every commit; .github/workflows/night.yml runs the parts side by side.
night: night-tests docs wheel check-wheel check-extras night-fuzz night-soak

night-tests: install browser
	$(ALONE) $(BIN)/pytest -n 2 --dist worksteal -m night

night-fuzz: install
	$(BIN)/python scripts/fuzz_readers.py --cases 20000 --out runs/night/fuzz.json

night-soak: install
	$(BIN)/python scripts/soak.py --rounds 30 --work runs/night/soak --out runs/night/soak.json
	$(BIN)/python scripts/odd_places.py --work runs/night/soak --out runs/night/places.json

# The site of docs/, in build/site. Search works where a server serves it: .venv/bin/mkdocs serve
docs: install
	$(BIN)/mkdocs build --strict

wheel: install
	$(BIN)/hatchling build --target wheel

# The wheel in an empty environment, with every dependency, through a whole run of the recipe tiny.
check-wheel: install
	$(BIN)/python scripts/check_wheel.py

# Each extra alone in an empty environment, with the tests of what it is for.
check-extras: install
	$(BIN)/python scripts/check_extras.py

# The tests of the core with the lowest versions that pyproject.toml allows, in an empty environment. Needs the network.
check-lowest: install
	$(BIN)/python scripts/check_lowest.py

# Committed records, exported to Every Eval Ever, before its own validator. Needs the network and Python 3.12.
check-eee: install
	$(BIN)/python scripts/check_eee.py

# Known vulnerabilities of the pinned versions. Needs the network.
audit: install
	$(BIN)/python scripts/audit.py constraints.txt

# N mutated files for every reader; goes on where it stopped. docs/security.md
fuzz: install
	$(BIN)/python scripts/fuzz_readers.py --cases $(or $(N),300000) --out runs/fuzz/counts.json

# N rounds of kills, full disks and two writers, compared byte for byte; goes on where it stopped. Then once to odd places.
soak: install
	$(BIN)/python scripts/soak.py --rounds $(or $(N),500) --work runs/soak --out runs/soak/counts.json
	$(BIN)/python scripts/odd_places.py --work runs/soak --out runs/soak/places.json

clean:
	rm -rf $(VENV) runs build dist
