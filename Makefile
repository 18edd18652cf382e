# Thin wrappers; everything they do can be typed by hand (see CONTRIBUTING.md).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TESTS  ?= tests

.PHONY: setup demo test check lab bench collect report docs clean
.DEFAULT_GOAL := demo

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

setup: $(VENV)/.installed  ## a virtual environment with the program in it

demo: setup  ## a city's data centre on this machine: collect, plan, report
	$(BIN)/lumbung demo

test: $(VENV)/.installed-dev  ## all tests; installs what the real libvirt and PostgreSQL need
	tests/system-packages $(BIN)/python
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile $(TESTS)

check: $(VENV)/.installed-dev  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lab: $(VENV)/.installed-dev  ## a private libvirtd with tiny guests, until Ctrl-C
	tests/system-packages $(BIN)/python
	$(BIN)/python -m lab.libvirtd

bench: $(VENV)/.installed-dev  ## every figure beside its floor, measured in the same run
	$(BIN)/python -m bench

docs: $(VENV)/.installed-dev  ## the generated reference
	$(BIN)/python -m docs.generate

collect: setup
	$(BIN)/lumbung collect

report: setup
	$(BIN)/lumbung report

clean:
	rm -rf $(VENV) build dist
