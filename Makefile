PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin

.PHONY: setup check format lint types imports test soak bench

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

setup: $(VENV)/.ready

check: setup format lint types imports test

format:
	$(RUN)/ruff format --check server tests benchmarks

lint:
	$(RUN)/ruff check server tests benchmarks

types:
	$(RUN)/mypy

imports:
	$(RUN)/lint-imports

test:
	$(RUN)/python -m pytest

soak: setup
	$(RUN)/python -m pytest -m soak

bench: setup
	$(RUN)/python benchmarks/bench.py
