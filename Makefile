PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin

.PHONY: setup check format lint types imports test soak stack-test exchange-test skill golden bench release-check clean

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

# Installs (Debian packages, jars from Maven Central) and starts real engines, and drives the lab on them.
# SIGTERM after half an hour: whatever ends it, the engines end with it.
stack-test: setup
	mkdir -p build && rm -f build/stack-test.txt
	timeout -k 60 1200 $(RUN)/python tests/stack/prepare.py
	STACK_TEST_RECORD=$(CURDIR)/build/stack-test.txt timeout -k 60 1800 $(RUN)/python -m pytest -m stack -n 2 \
		--dist loadfile --no-loadscope-reorder --durations 15 --basetemp build/stack tests/stack
	cat build/stack-test.txt

# Brings the schemas of CALM and AsyncAPI, and holds every export of an example against them.
exchange-test: setup
	mkdir -p build/schemas/calm build/schemas/asyncapi
	cd build/schemas && npm pack --silent @asyncapi/specs@6.11.1 && tar xzf asyncapi-specs-6.11.1.tgz
	cp build/schemas/package/schemas/3.0.0.json build/schemas/asyncapi/
	for f in core interface control flow evidence; do \
		curl -fsS -o build/schemas/calm/$$f.json https://calm.finos.org/release/1.1/meta/$$f.json || exit 1; done
	EXCHANGE_SCHEMAS=$(CURDIR)/build/schemas $(RUN)/python -m pytest tests/test_exchange.py

# The validator wants the folder to have the skill's name and to hold nothing else that it would read.
skill: setup
	rm -rf build/skill && mkdir -p build/skill/data-integration-architect
	cp SKILL.md build/skill/data-integration-architect/
	$(RUN)/agentskills validate build/skill/data-integration-architect

# Writes the expected outputs anew; read the difference before committing it.
golden: setup
	REWRITE_GOLDEN=1 $(RUN)/python -m pytest tests/test_cli.py tests/test_renderers.py tests/test_discovery.py

bench: setup
	$(RUN)/python benchmarks/bench.py
	$(RUN)/python benchmarks/checks.py

# Builds the wheel, installs it where nothing else is, and reviews an example over the command and over stdio.
release-check: setup
	rm -rf build/release && mkdir -p build/release
	$(RUN)/python -m build -q --wheel --outdir build/release/dist
	$(PYTHON) -m venv build/release/env
	build/release/env/bin/pip install -q --disable-pip-version-check build/release/dist/*.whl
	build/release/env/bin/python tests/release/smoke.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
