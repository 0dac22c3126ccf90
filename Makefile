PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
BENCHMARKS := kernels programs schedules throughput fidelity honesty measuring search methodology comparing cascade crash gpu fanout policy strategies llm
.PHONY: help setup demo test lint types check $(BENCHMARKS:%=bench-%) clean

help: ## say what the targets do
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "make %-18s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make or renew the virtual environment in .venv
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("mlopt needs Python 3.11 or newer: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## tune a 512x512x512 matmul
	$(BIN)/mlopt workload=matmul

# One process more than two cores: many tests wait for others.
test: $(READY) ## run the tests
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

check: lint types test ## lint, types and tests

bench-kernels: $(READY) ## kernels found, against their peers on this machine
	$(BIN)/python benchmarks/kernels.py

bench-measuring: $(READY) ## a kernel against itself, the order of finalists, what measuring costs; on a quiet machine
	$(BIN)/python benchmarks/measuring.py

bench-programs: $(READY) ## the same of programs that mlopt has never seen, in MLIR and as PyTorch modules
	$(BIN)/python benchmarks/programs.py

bench-schedules: $(READY) ## what becomes of 2,000 schedules drawn uniformly over all workloads
	$(BIN)/python benchmarks/schedules.py

bench-search: $(READY) ## searches on recorded spaces, against the field's
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python benchmarks/draws.py
	$(BIN)/python benchmarks/search.py

bench-methodology: $(READY) ## our scores on recorded spaces, against those of autotuning-methodology
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python benchmarks/methodology.py

bench-comparing: $(READY) ## seconds and memory of mlopt compare over 10,000 studies
	$(BIN)/python benchmarks/comparing.py

bench-strategies: $(READY) ## every search against random search on MLIR, executed; for hours, on a quiet machine
	$(BIN)/python benchmarks/strategies.py

bench-llm: $(READY) ## search by a language model, scripted, against bayes and random search; for an hour, on a quiet machine
	$(BIN)/python benchmarks/llm.py

bench-throughput: $(READY) ## trials a second, and what the study loop costs
	$(BIN)/python benchmarks/throughput.py

bench-crash: $(READY) ## what is lost of studies that are killed, and gone on with
	$(BIN)/python benchmarks/crash.py

bench-fanout: $(READY) ## slots kept busy, the start of Ray, 64 studies on one MLflow store and one archive; takes an hour
	$(BIN)/python benchmarks/fanout.py

bench-fidelity: $(READY) ## how well simulated costs stand for measured times
	$(BIN)/python benchmarks/fidelity.py

bench-honesty: $(READY) ## planted cheats that are caught, and honest kernels that are accused
	$(BIN)/python benchmarks/honesty.py

bench-cascade: $(READY) ## executed trials that a simulation in front of them saves
	$(BIN)/python benchmarks/cascade.py

bench-gpu: $(READY) ## Triton kernels on the GPU of this machine, against the vendor's and Triton's autotuner
	$(BIN)/python benchmarks/gpu.py

bench-policy: $(READY) ## schedules of a policy on programs that it has never seen, against PyTorch and a fixed expert's
	$(BIN)/python benchmarks/policy.py

clean: ## remove the virtual environment and the caches, but no results
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
