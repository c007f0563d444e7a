PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin
STACK_SECONDS ?= 2400

.PHONY: setup check format lint types imports test soak stack-test stack-ci stack-soak exchange-test skill golden bench release-check clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

setup: $(VENV)/.ready

check: setup
	$(RUN)/ruff format --check server tests benchmarks
	$(RUN)/ruff check server tests benchmarks
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python -m pytest -n auto

format: setup
	$(RUN)/ruff format server tests benchmarks
	$(RUN)/ruff check --fix server tests benchmarks

test: setup
	$(RUN)/python -m pytest

soak: setup
	$(RUN)/python -m pytest -m soak -n auto

# Installs (Debian packages, jars from Maven Central) and starts real engines, and drives the lab on them; stack-soak runs
# the whole sweep of faults, stack-test every second one, stack-ci one of each kind on each target. Whatever ends it,
# time included, the engines end with it.
stack-ci: SWEEP = each
stack-test: SWEEP = half
stack-soak: SWEEP = whole
stack-ci stack-test stack-soak: setup
	mkdir -p build && rm -f build/stack-test.txt
	timeout -k 60 1200 $(RUN)/python tests/stack/prepare.py
	STACK_TEST_SWEEP=$(SWEEP) STACK_TEST_RECORD=$(CURDIR)/build/stack-test.txt timeout -k 60 $(STACK_SECONDS) \
		$(RUN)/python -m pytest -m stack -n 2 --dist loadfile --no-loadscope-reorder --durations 15 \
		--basetemp build/stack tests/stack
	cat build/stack-test.txt

# The validator wants the folder to have the skill's name and to hold nothing else that it would read.
skill: setup
	rm -rf build/skill && mkdir -p build/skill/data-integration-architect
	cp SKILL.md build/skill/data-integration-architect/
	$(RUN)/agentskills validate build/skill/data-integration-architect

# Writes the expected outputs anew; read the difference before committing it.
golden: setup
	REWRITE_GOLDEN=1 $(RUN)/python -m pytest tests/test_cli.py tests/test_renderers.py tests/test_discovery.py

# SCAN_TREE=FOLDER adds the speed of a discovery there, beside semgrep where that is on the path.
bench: setup
	$(RUN)/python benchmarks/bench.py
	$(RUN)/python benchmarks/checks.py
	test -z "$(SCAN_TREE)" || $(RUN)/python benchmarks/scan/speed.py "$(SCAN_TREE)"

# Builds the wheel, installs it where nothing else is, and reviews an example over the command and over stdio.
release-check: setup
	rm -rf build/release && mkdir -p build/release
	$(RUN)/python -m build -q --wheel --outdir build/release/dist
	$(PYTHON) -m venv build/release/env
	build/release/env/bin/pip install -q --disable-pip-version-check build/release/dist/*.whl
	build/release/env/bin/python tests/release/smoke.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
