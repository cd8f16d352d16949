# `make demo` and `make test` need only python3 (>= 3.11), make and a package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Modules are translated once and kept, also where the surroundings say no: each of the many short
# processes of the tests would translate all of them anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-slow bench figures docs docs-browser lint clean

demo: $(VENV)/.core
	$(BIN)/steepest demo --out demo

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=20

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 -m slow -rA

bench: $(VENV)/.bench
	$(BIN)/python benchmarks/report.py

figures: $(VENV)/.test
	$(BIN)/python docs/figure_pages.py

docs: $(VENV)/.docs
	$(BIN)/python docs/figure_pages.py
	$(BIN)/python -m sphinx -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html
	@echo "Open docs/_build/html/index.html"

docs-browser: $(VENV)/.docs
	$(BIN)/python docs/check_browser.py docs/_build/html

lint: $(VENV)/.lint

# Read again only after a change: to find the types of all files takes a minute.
SOURCES := $(shell find src tests benchmarks docs examples -name '*.py' -o -name '*.pyi')

$(VENV)/.lint: $(VENV)/.test pyproject.toml $(SOURCES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	@touch $@

clean:
	rm -rf $(VENV) demo out docs/_build docs/_figures docs/_generated docs/api/objects docs/figures

$(VENV)/.core: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "steepest needs Python 3.11 or newer; say which one with: make PYTHON=python3.12"; exit 1; }
	@echo "Preparing $(VENV) (a minute or so, the first time only)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.core Makefile
	@$(PIP) -e '.[cluster,io,lab,test,torch]'
	@touch $@

$(VENV)/.bench: $(VENV)/.core
	@$(PIP) -e '.[bench,lab,torch]'
	@touch $@

$(VENV)/.docs: $(VENV)/.core
	@$(PIP) -e '.[cluster,docs,io,lab,torch]'
	@touch $@
