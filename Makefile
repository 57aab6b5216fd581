# The commands that people and CI run; the logic is in tools/. Works with GNU make 3.81 (macOS)
# and, on Windows, with make under Git bash.

# `make PYTHON=python3.13` chooses. Otherwise: the first Python on the PATH that the locks fit;
# a .venv that is finished keeps the Python that it was made with.
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo "$$p"; exit; }; done; echo python3)
CHOSEN :=
else
CHOSEN := --chosen
endif

ENVIRONMENT := "$(PYTHON)" tools/environment.py
RUN := $(ENVIRONMENT) run

.DEFAULT_GOAL := all
.PHONY: all test browser verify verify-quick kills gate summary bench notebook scheduler worker lint lock clean help python environment environment-dev environment-notebook environment-cluster

all: environment ## (or plain `make`) environment, check of params and raw files, pipeline, metrics
	@$(RUN) python -m winenet check
	@$(RUN) python -m dvc repro
	@echo && $(RUN) python -m winenet results
	@echo && echo "All metrics, a wide table: dvc metrics show --precision 4"

test: environment-dev ## run the tests
	@$(RUN) python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

browser: ## bring axe-core by npm, for the browser tests of report/index.html; they need a Chromium or Chrome, too
	@npm --version >/dev/null 2>&1 || { echo 'npm does not run, so axe-core cannot be installed, and' \
	'the tests that need it are skipped. Install Node.js with npm, then run `make browser` again.' >&2; exit 1; }
	@npm ci --ignore-scripts --no-audit --no-fund

verify: environment ## prove the committed numbers, byte for byte, whatever is varied; ONLY=locale: that alone
	@$(RUN) python -m tools.verify $${ONLY:+--only="$$ONLY"}

verify-quick: environment ## the same in one run of two minutes, without the other BLAS kernels
	@$(RUN) python -m tools.verify --quick

kills: environment ## kill the pipeline 30 times at random and see that nothing is lost; an hour
	@$(RUN) python -m tools.kills

# The shell fills in BASE, not make: what would be code here may stand in the name of a branch.
gate: environment ## hold the metrics against the floors in params.yaml; BASE=main: against main, too
	@$(RUN) python -m winenet gate $${BASE:+--base="$$BASE"}

summary: environment ## tell in Markdown what moved, and the gate's verdict, against BASE=main or the last commit
	@$(RUN) python -m winenet summary $${BASE:+--base="$$BASE"}

bench: environment ## measure how fast the network is against scikit-learn, after `make`; ten minutes
	@WINENET_NUMERICS=native $(RUN) python -m benchmarks

lint: environment-dev ## ruff check, ruff format --check, mypy
	@$(RUN) python -m ruff check .
	@$(RUN) python -m ruff format --check .
	@$(RUN) python -m mypy

notebook: environment-notebook ## open notebooks/walkthrough.ipynb, the course notebook on top of winenet, in JupyterLab
	@$(RUN) python -m jupyter lab notebooks/walkthrough.ipynb

scheduler: environment-cluster ## start a Dask scheduler; SCHEDULER=tcp://10.0.0.5:8786: where it listens, and who is there can run code here
	@$(RUN) python -m tools.cluster scheduler $${SCHEDULER:+"$$SCHEDULER"}

worker: environment-cluster ## start processes that train for the scheduler at SCHEDULER=tcp://10.0.0.5:8786; WINENET_WORKERS=2: so many
	@$(RUN) python -m tools.cluster worker $${SCHEDULER:+"$$SCHEDULER"}

lock: python ## renew requirements*.lock after a change of their .in files
	@$(ENVIRONMENT) lock

clean: ## remove .venv, node_modules, builds and the caches of Python, pytest, hypothesis, ruff, mypy; results and DVC's cache stay
	rm -rf .venv .venv.lock node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist winenet.egg-info
	find . -name __pycache__ -not -path './.git/*' -type d -prune -exec rm -rf {} +

help: ## show this list
	@echo "make PYTHON=python3.13 <target> chooses the Python (3.11 to 3.14)."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Says what a shell would say less clearly; a Python from 3.8 on is judged by tools/environment.py.
python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || { \
	echo 'PYTHON=$(PYTHON) does not run, or is older than 3.8, so .venv cannot be made: winenet needs' \
	'Python 3.11 to 3.14. Install one, or choose it, for example: make PYTHON=python3.13' >&2; exit 1; }

environment: python
	@$(ENVIRONMENT) make $(CHOSEN)

environment-dev: python
	@$(ENVIRONMENT) make --dev $(CHOSEN)

environment-notebook: python
	@$(ENVIRONMENT) make --notebook $(CHOSEN)

environment-cluster: python
	@$(ENVIRONMENT) make --cluster $(CHOSEN)
