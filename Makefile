# `make demo` shows flockwise at work, `make test` checks everything. Both need Python 3.11 alone.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.PHONY: help install demo unit test lint long faults soak bench bench-latency bench-clusters bench-start clean

help:
	@echo "make demo    simulate a shop, segment its users, show what came of it"
	@echo "make test    check everything: style, types, tests; with the real servers where Maven is"
	@echo "make unit    check what needs neither Flink nor servers"
	@echo "make long    what make test has no time for: the other ways in which runs and servers end"
	@echo "make faults  kill parts of a real cluster while it works"
	@echo "make soak    the long forms: more random examples, the larger histories"
	@echo "make bench   how fast, part by part; PART=scan_heap one of them, QUICK=1 small ones"
	@echo "make bench-latency  the part of it that tells how long an event takes to its row in Cassandra"
	@echo "make bench-clusters  how good, stable and cheap the clusters are, beside scikit-learn's"
	@echo "make bench-start  how long a start takes, and where its seconds go"
	@echo "make clean   remove the virtual environment and what runs have left in .flockwise"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml deploy/constraints.txt
	@test -n "$(PYTHON)" || { echo "flockwise needs Python 3.11 (python3.11 or python3 on PATH)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "flockwise needs Python 3.11, found $$($(PYTHON) --version): set PYTHON=..."; exit 1; }
	@echo "installing into $(VENV): some minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[test]'
	$(BIN)/python -m compileall -q flink_job operators
	@touch $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/flockwise demo

test: $(INSTALLED) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

unit: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not (flink or stack or long or faults or soak)'

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

long: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

faults: $(INSTALLED)
	$(BIN)/python -m pytest -m faults

soak: $(INSTALLED)
	FLOCKWISE_EXAMPLES=5 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'soak or not (stack or flink or faults)'

bench: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[bench]'
	$(BIN)/python -m tests.benchmarks $(if $(QUICK),--quick) $(PART)

bench-latency: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks p50_ms p99_ms

bench-clusters: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.clusters

bench-start: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.start

clean:
	rm -rf $(VENV) .flockwise deploy/examples/.flockwise
