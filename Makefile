# The project's commands. Each target does the set-up it needs; a second call is quick.
.DEFAULT_GOAL := help
.PHONY: emulator help demo dev web chaos bench fuzz unit test check audit format lock providers release clean deploy plan destroy named

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CHECKOV := .venv-checkov/bin/checkov
# Hundreds of short-lived Python processes start here: without bytecode caches, each would
# compile all its imports.
unexport PYTHONDONTWRITEBYTECODE
# Under another locale than UTF-8, "…" could not be printed and prompts would be misread.
export PYTHONUTF8 := 1
# Where infra/ is applied: on Cloud Build, GitHub and people's machines.
PLATFORMS := linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64
# Tests that need no emulator, no server process and no waiting.
UNIT := $(addprefix tests/,domain usecases jobs guards worker functions)

help: ## List the commands
	@grep -hE '^[a-z]+:.*##|^##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/; s/^## /\t/' | expand -t 10

demo: emulator $(READY) ## Turn an image into a video: IMAGE= (none: text only) LAST_IMAGE= PROMPT= DURATION= FAULTS=
## MODEL=runway, gemini-veo-3.1 or gemini-omni-flash is asked first, the others take over; YES=1 pays without asking
## RESUME=JOB_ID continues a demo with real keys that was stopped; simulated jobs end with the demo
## RATIO=auto (the image's own), 16:9, 9:16, 1:1, 4:3, 3:4 or 21:9; without PROMPT= the demo's own prompt is used
## FAULTS=PROVIDER or PROVIDER:KIND, separated by commas, such as runway:SAFETY.INPUT.TEXT; local/fault_kinds.py lists the kinds
	@$(BIN)/python -m local demo

dev: emulator $(READY) ## Run the local stack with its web page until Ctrl-C; prints addresses and a token: PORT=8700, the first of eight; FAULTS=
	@$(BIN)/python -m local dev $(if $(PORT),--port "$(PORT)")

web: ## Build the web page, which needs Node.js
	@$(PYTHON) -m ops.npm

chaos: emulator $(READY) ## Inject every fault that can be staged, and check the promises: JOBS=300 SEED=1 TIME_SCALE=1
	@$(BIN)/python -m local.fault_injection $(if $(JOBS),--jobs "$(JOBS)") \
	  $(if $(SEED),--seed "$(SEED)") $(if $(TIME_SCALE),--time-scale "$(TIME_SCALE)")
	@$(BIN)/pytest --hypothesis-profile=thorough tests/domain tests/guards >&2

bench: emulator $(READY) ## Measure speed, each figure compared to a reference, a JSON object per line: SECONDS=5 (a round) ROUNDS=5 ONLY=
	@$(BIN)/python -m local.bench $(if $(SECONDS),--seconds "$(SECONDS)") \
	  $(if $(ROUNDS),--rounds "$(ROUNDS)") $(if $(ONLY),--only $(ONLY))

unit: $(READY) ## Run the tests of the domain, the use cases and the HTTP edge, in under a minute on an idle machine
	@$(BIN)/pytest $(UNIT)

test: emulator web $(READY) ## Run all tests
	@cd web && npm run --silent check && npm run --silent test && npm run --silent size
	@$(BIN)/python -m tests.side_by_side

check: emulator web $(READY) $(CHECKOV) ## Run what CI runs: format, lint, types, known vulnerabilities, Terraform and its weak settings, tests with coverage
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/python -m tests.side_by_side --check

fuzz: $(READY) ## Feed mutated images and videos to the decoders: FILES=20000 SEED=1
	@$(BIN)/python -m local.fuzz $(if $(FILES),--files "$(FILES)") $(if $(SEED),--seed "$(SEED)")

audit: $(READY) ## Look up known vulnerabilities of the packages that ship
	@$(BIN)/python -m ops.audit

# Checked before anything is installed.
named:
	@$(if $(PROJECT),,echo "Name it: make $(MAKECMDGOALS) PROJECT=my-project"; exit 1)

deploy: named $(READY) ## Deploy, from an empty project to a running service: PROJECT= REGION= ARGS=--no-public
	@$(BIN)/python -m ops.deploy up --project "$(PROJECT)" --region "$(REGION)" $(ARGS)

plan: named $(READY) ## Show what make deploy would ask, create and change; changes nothing: PROJECT= REGION=
	@$(BIN)/python -m ops.deploy plan --project "$(PROJECT)" --region "$(REGION)" $(ARGS)

destroy: named $(READY) ## Take the service down; data stays: PROJECT=
	@$(BIN)/python -m ops.deploy destroy --project "$(PROJECT)" $(ARGS)

format: $(READY) ## Format and sort
	@$(BIN)/ruff check --fix-only --quiet && $(BIN)/ruff format --quiet

lock: $(READY) ## Pin the newest versions, with hashes, for every Python from 3.11
	@$(BIN)/python -m local.lock --upgrade

providers: ## Pin Terraform's providers by checksum, for every platform; commit the file
	@terraform -chdir=infra providers lock $(PLATFORMS:%=-platform=%)

release: $(READY) ## Move unreleased changes under a version, commit and tag: VERSION=1.2.3
	@$(if $(VERSION),,echo "Name it: make release VERSION=1.2.3"; exit 1)
	@$(BIN)/python -m ops.release "$(VERSION)"

clean: ## Remove the environments and caches; videos in out/ stay
	@rm -rf .venv .venv-checkov .local .mypy_cache .ruff_cache .pytest_cache .hypothesis

# An option that nothing reads would be ignored, and the default might be paid for.
DEMO_OPTIONS := IMAGE LAST_IMAGE PROMPT MODEL DURATION RATIO FAULTS RESUME YES
OPTIONS.demo := $(DEMO_OPTIONS)
OPTIONS.dev := PORT FAULTS
OPTIONS.chaos := JOBS SEED TIME_SCALE
OPTIONS.bench := SECONDS ROUNDS ONLY
OPTIONS.fuzz := FILES SEED
OPTIONS.deploy := PROJECT REGION ARGS
OPTIONS.plan := $(OPTIONS.deploy)
OPTIONS.destroy := PROJECT ARGS
OPTIONS.release := VERSION
GOALS := $(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))
UNKNOWN := $(filter-out $(foreach goal,$(GOALS),$(OPTIONS.$(goal))) PYTHON SHELL,\
  $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name))))
$(if $(UNKNOWN),$(error make $(GOALS) has no option $(UNKNOWN): see make help))

# An empty IMAGE on the command line means no image, not the raccoon.
ifeq ($(origin IMAGE)=$(value IMAGE),command line=)
override IMAGE := none
endif

# An empty prompt was meant to say something: the demo's own would be paid for instead.
ifeq ($(origin PROMPT)=$(value PROMPT),command line=)
$(error PROMPT is empty)
endif

# The demo's options are passed in the environment exactly as typed: neither make nor the
# shell expands a $$ in them.
$(foreach name,$(DEMO_OPTIONS),$(eval override $(name) := $$(value $(name))))
export $(DEMO_OPTIONS)

# Checks that the Firestore emulator can run here, before anything is downloaded.
emulator:
	@$(PYTHON) -m local.preflight emulator

$(READY): requirements-uv.txt requirements-dev.txt
	@$(PYTHON) -m local.preflight
	@$(PYTHON) -m local.install

# checkov pins versions that conflict with ours, so it has an environment of its own.
$(CHECKOV): infra/requirements-checkov.txt | $(READY)
	@echo "Installing checkov, once …"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-checkov
	@VIRTUAL_ENV=.venv-checkov $(BIN)/uv pip sync --quiet --require-hashes infra/requirements-checkov.txt
	@touch $@
