# The commands that people and CI run; the logic is in tools/. Works with GNU make 3.81 (macOS)
# and, on Windows, with make under Git bash.

# `make PYTHON=python3.13` selects a Python. Otherwise: the first one on the PATH that the locks fit;
# a finished .venv keeps its Python.
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo "$$p"; exit; }; done; echo python3)
else
CHOSEN := yes
endif

BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALL := PYTHON="$(PYTHON)" CHOSEN="$(CHOSEN)" sh tools/environment.sh
# The stages are `python -m ...`, so .venv comes first on the PATH.
RUN := env -u PYTHONHOME -u PYTHONPATH -u PYTHONSAFEPATH PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python
PYTEST := $(RUN) -m pytest --numprocesses auto --dist worksteal

.DEFAULT_GOAL := all
.PHONY: all test test-all browser verify verify-quick kills gate summary bench notebook scheduler worker lint lock docs clean help environment environment-dev environment-notebook environment-cluster environment-docs

all: environment ## (or plain `make`) install, check params.yaml and the raw files, run the pipeline, print the results
	@$(RUN) -m winenet check
	@$(RUN) -m dvc repro
	@echo && $(RUN) -m winenet results
	@echo && echo "All metrics, a wide table: dvc metrics show --precision 4"

test: environment-dev ## run the fast tests: three minutes on two cores
	@test -z "$$PYTHONOPTIMIZE" || { echo 'PYTHONOPTIMIZE is set, so assertions are off and no test' \
	'could fail. Unset it, then run the same command again.' >&2; exit 1; }
	@$(PYTEST) -m "not slow and not browser"

test-all: test ## run all tests: those of `make test`, then the slow ones and those in a browser
	@$(PYTEST) -m "slow or browser"

browser: ## install axe-core by npm for the browser tests, which also need Chromium or Chrome
	@npm --version >/dev/null 2>&1 || { echo 'npm does not run, so axe-core cannot be installed, and' \
	'the tests that need it are skipped. Install Node.js with npm, then run `make browser` again.' >&2; exit 1; }
	@npm ci --ignore-scripts --no-audit --no-fund

verify: environment ## check the committed results byte for byte under varied conditions; ONLY=locale: one of them
	@$(RUN) -m tools.verify $${ONLY:+--only="$$ONLY"}

verify-quick: environment ## the same in one run of two minutes, without the other BLAS kernels
	@$(RUN) -m tools.verify --quick

kills: environment ## kill the pipeline 30 times at random and check that nothing is lost; takes an hour
	@$(RUN) -m tools.kills

# The shell fills in BASE, not make: what would be code here may stand in the name of a branch.
gate: environment ## compare the metrics with gates in params.yaml; BASE=main: with the branch main, too
	@$(RUN) -m winenet gate $${BASE:+--base="$$BASE"}

summary: environment ## print a Markdown summary of what changed against BASE=main or the last commit
	@$(RUN) -m winenet summary $${BASE:+--base="$$BASE"}

bench: environment ## measure the network's speed against scikit-learn's, after `make`; ten minutes
	@WINENET_NUMERICS=native $(RUN) -m benchmarks

lint: environment-dev ## ruff check, ruff format --check, mypy
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

notebook: environment-notebook ## open notebooks/walkthrough.ipynb, the course notebook on top of winenet, in JupyterLab
	@$(RUN) -m jupyter lab notebooks/walkthrough.ipynb

scheduler: environment-cluster ## start a Dask scheduler at SCHEDULER=tcp://10.0.0.5:8786; whoever reaches it can run code here
	@$(RUN) -m tools.cluster scheduler $${SCHEDULER:+"$$SCHEDULER"}

worker: environment-cluster ## start WINENET_WORKERS=2 processes that train for SCHEDULER=tcp://10.0.0.5:8786
	@$(RUN) -m tools.cluster worker $${SCHEDULER:+"$$SCHEDULER"}

lock: environment-dev ## renew requirements*.lock after a change of their .in files
	@$(RUN) -m tools.lock

docs: environment-docs ## build the documentation into site/; a broken link fails
	@$(RUN) -m mkdocs build --strict --quiet

clean: ## remove .venv, node_modules, builds and the caches of Python, pytest, hypothesis, ruff, mypy; results and DVC's cache stay
	rm -rf .venv .venv.making site node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist winenet.egg-info
	find . -name __pycache__ -not -path './.git/*' -type d -prune -exec rm -rf {} +

help: ## show this list
	@echo "make PYTHON=python3.13 <target> chooses the Python (3.11 to 3.14)."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

environment:
	@$(INSTALL) requirements.lock

environment-dev:
	@$(INSTALL) requirements-dev.lock

environment-notebook:
	@$(INSTALL) requirements-notebook.lock

environment-cluster:
	@$(INSTALL) requirements-cluster.lock

environment-docs:
	@$(INSTALL) requirements-docs.lock
