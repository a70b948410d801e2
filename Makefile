# What a person types. Each target does the set-up it needs; a second call is quick.
.DEFAULT_GOAL := help
.PHONY: help demo dev chaos test check audit format lock deploy destroy

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CHECKOV := .venv-checkov/bin/checkov

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(READY) ## One picture becomes a video: IMAGE= PROMPT= MODEL= DURATION= FAULTS=runway,runway-http
	@$(BIN)/python -m local demo $(if $(IMAGE),--image "$(IMAGE)") \
	  $(if $(PROMPT),--prompt "$$PROMPT") $(if $(MODEL),--model "$(MODEL)") \
	  $(if $(DURATION),--duration "$(DURATION)") $(if $(FAULTS),--faults "$(FAULTS)")

dev: $(READY) ## The local stack, until Ctrl-C
	@$(BIN)/python -m local up

chaos: $(READY) ## Everything that can fail fails, and what held: JOBS=300 SEED=1
	@$(BIN)/python -m local.chaos $(if $(JOBS),--jobs "$(JOBS)") $(if $(SEED),--seed "$(SEED)")

test: $(READY) ## All tests
	@$(BIN)/pytest

check: $(READY) $(CHECKOV) ## What CI runs: format, lint, types, known weaknesses, Terraform, tests with coverage
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m local.audit
	$(BIN)/check-jsonschema --builtin-schema vendor.cloudbuild cloudbuild.yaml
	$(CHECKOV) --config-file infra/.checkov.yaml --directory infra
	$(BIN)/pytest --cov --cov-report=term

audit: $(READY) ## Known vulnerabilities of what ships
	@$(BIN)/python -m local.audit

deploy: $(READY) ## From an empty project to a running service: PROJECT= REGION= ARGS=--no-public
	@$(if $(and $(PROJECT),$(REGION)),,echo "Name them: make deploy PROJECT=my-project REGION=us-central1"; exit 1)
	@$(BIN)/python -m local.deploy up --project "$(PROJECT)" --region "$(REGION)" $(ARGS)

destroy: $(READY) ## Take the service down; data stays: PROJECT=
	@$(if $(PROJECT),,echo "Name it: make destroy PROJECT=my-project"; exit 1)
	@$(BIN)/python -m local.deploy destroy --project "$(PROJECT)" $(ARGS)

format: $(READY) ## Format and sort
	@$(BIN)/ruff check --fix-only --quiet && $(BIN)/ruff format --quiet

lock: $(READY) ## Pin the newest versions, with hashes, for every Python from 3.11
	@for name in requirements requirements-dev local/requirements-java infra/requirements-checkov; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate \
	    $$name.in --output-file $$name.txt; done

export PROMPT

$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Reelay needs Python 3.11 or newer: install it, or name it with PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	@echo "Installing the packages, once; this takes about a minute …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# checkov pins what it needs to versions that ours would not go with.
$(CHECKOV): infra/requirements-checkov.txt
	@$(PYTHON) -m venv .venv-checkov
	@echo "Installing checkov, once …"
	@.venv-checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes -r infra/requirements-checkov.txt
	@touch $@
