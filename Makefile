# Two independent environments: .venv serves (no torch), .venv-dev trains, tests and checks.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SERVE := .venv/bin
DEV := .venv-dev/bin
PIP := -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help serve pages setup-train test clients ray check fix types screenshots train evaluate bench soak fuzz lock clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

serve: .venv/ready ## install and serve the shipped models on http://localhost:8000
	$(SERVE)/python web/build.py build --if-possible
	$(SERVE)/python -m app

pages: ## build the web pages with the installed Node, or the one from PyPI
	$(PYTHON) web/build.py build

setup-train: .venv/ready ## add the trainer (torch) to the environment of make serve, which can then retrain
	$(SERVE)/python $(PIP) -e '.[train]'

test: .venv-dev/ready ## install and run all tests; page tests need Node and Chromium
	$(DEV)/python web/build.py build --if-possible
	$(DEV)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

clients: .venv-clients/ready ## install the inference clients of Triton, KServe and MLServer (830 MB), which make test then runs

ray: .venv-dev/ready ## install Ray (400 MB), which make test then runs trainers on
	$(DEV)/python $(PIP) -e '.[ray]'

check: .venv-dev/ready ## run ruff, mypy --strict and import-linter, and tsc and prettier on the pages; changes nothing
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/mypy
	$(DEV)/lint-imports --no-cache
	$(DEV)/python web/build.py check --if-possible

fix: .venv-dev/ready ## format, apply ruff's fixes, and rewrite the generated tables in docs/
	$(DEV)/ruff check --fix .
	$(DEV)/ruff format .
	$(DEV)/python -m tests.documentation
	$(DEV)/python web/build.py fix --if-possible

types: .venv-dev/ready ## regenerate the pages' API types from the OpenAPI document
	$(DEV)/python -m tests.web.openapi build/openapi.json
	$(DEV)/python web/build.py types

screenshots: .venv-dev/ready pages ## retake the screenshots in the documentation with Chromium
	$(DEV)/python -m tests.web.screenshots $(ARGS)

train: .venv-dev/ready ## train a GAN: make train ARGS="--preset quick --out runs/first"
	$(DEV)/python -m training train $(ARGS)

evaluate: .venv-dev/ready ## measure the shipped digits; prints each figure with its floor
	$(DEV)/python -m training evaluate digits --repository models

bench: .venv/ready .venv-dev/ready ## compare serving with other servers: 10 minutes, two cores, wrk
	$(DEV)/python -m benchmarks.serving $(ARGS)

soak: .venv-dev/ready ## run an hour of mixed traffic, promotions and kills: make soak ARGS="--minutes 5"
	$(DEV)/python -m benchmarks.soak $(ARGS)

fuzz: .venv-dev/ready ## fuzz every parser with a hundred times as many examples as make test
	SEEDLING_FUZZ_EXAMPLES=100 $(DEV)/python -m pytest tests/fuzz $(ARGS)

COMPILE := .venv-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links \
	--no-annotate --no-header --constraint constraints.txt --extra postgres --extra tracing --extra bucket

lock: ## pin the packages of the images to constraints.txt, with hashes
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	$(COMPILE) --output-file deploy/requirements/serve.txt pyproject.toml
	$(COMPILE) --unsafe-package torch --extra train --extra kubernetes --output-file deploy/requirements/train.txt pyproject.toml
	sed -i '/^# \(WARNING\|pinned\|satisfied\|torch\)/d' deploy/requirements/train.txt

clean: ## remove environments, builds and caches; keeps runs and var
	rm -rf .venv .venv-dev .venv-bench .venv-lock .venv-node .venv-clients web/node_modules app/static build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(SERVE)/python $(PIP) pip
	$(SERVE)/python $(PIP) -e .
	@touch $@

.venv-dev/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-dev
	$(DEV)/python $(PIP) pip
	$(DEV)/python $(PIP) -e '.[train]' --group dev
	@touch $@

CLIENTS := tests/app/api/inference/clients
.venv-clients/ready: $(CLIENTS)/kserve.txt $(CLIENTS)/mlserver.txt
	for name in kserve mlserver; do \
		$(PYTHON) -m venv .venv-clients/$$name && \
		.venv-clients/$$name/bin/python -m pip install --quiet --disable-pip-version-check -r $(CLIENTS)/$$name.txt || exit 1; \
	done
	@touch $@
