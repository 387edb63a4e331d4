# Todoku's commands. They need make and Python 3.11 or newer with venv and pip, nothing else:
# Node.js comes with the Python packages.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Test processes side by side.
JOBS ?= 2

VENV := .venv
PEERS := tests/benchmarks/peers
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Node.js and uv bring their own lists of certificate authorities; what the machine trusts counts too.
export NODE_USE_SYSTEM_CA := 1
export UV_SYSTEM_CERTS := 1

# Twice quiet: warnings about how packages are built say nothing to whoever runs this.
PIP_INSTALL = python -m pip install --quiet --quiet --require-hashes
UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

OPERATIONS = $(shell find static/src/operations -name '*.graphql' 2>/dev/null)
CLIENT_SOURCES = $(shell find static/src static/styles static/icons -type f -not -path '*/generated/*' 2>/dev/null)
CATALOGUES = $(patsubst %.po,%.mo,$(wildcard chat/locale/*/LC_MESSAGES/*.po))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test test-python test-drill test-mistakes test-client drill drill-without bench peers check schema bundle catalogues migrations lock clean preflight

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

run: export STATIC_ROOT := $(CURDIR)/staticfiles
run: preflight bundle catalogues staticfiles/staticfiles.json ## set up what is missing and start the server (HOST=, PORT=)
	@python manage.py migrate --no-input --verbosity 0
	@python manage.py demo --if-empty
	@HOST=$(HOST) PORT=$(PORT) exec python -m config.server

test: test-client test-python test-drill ## run the tests, with real databases, servers and browsers

test-python: $(VENV)/.dev node_modules/.dev bundle catalogues ## run the tests in Python (ARGS= goes to pytest)
	@python -m pytest -n $(JOBS) -m "not drill" $(ARGS)

# They measure times: two side by side would be late by each other.
test-drill: $(VENV)/.dev node_modules/.dev bundle catalogues ## run short drills, one after the other (ARGS= goes to pytest)
	@python -m pytest -m "drill and not mistake" $(ARGS)

test-mistakes: $(VENV)/.dev node_modules/.dev bundle catalogues ## see that drills find mistakes that are put in (ARGS= goes to pytest)
	@python -m pytest -m mistake $(ARGS)

# The small installation, then the large one.
drill: $(VENV)/.dev node_modules/.dev bundle catalogues ## break everything for some minutes, check the guarantee (ARGS= goes to both drills)
	@python manage.py drill --minutes 3 --processes 2 --clients 20 --pages 6 $(ARGS)
	@python manage.py drill --minutes 3 --processes 3 --clients 20 --pages 6 --database postgres --layer redis $(ARGS)

# Each by itself, on the small installation; `make test` does without all of them at once.
FAST_PATHS := direct-writes shared-executions kept-payloads gathered-sends prepared-queries plain-fields one-hop

drill-without: $(VENV)/.dev node_modules/.dev bundle catalogues ## a minute of drill without each of the fast paths (ARGS= goes to all)
	@for path in $(FAST_PATHS); do \
		echo "Without $$path"; \
		python manage.py drill --minutes 1 --clients 12 --pages 4 --without $$path $(ARGS) || exit 1; \
	done

test-client: $(VENV)/.dev node_modules/.dev static/src/generated/operations.ts ## run the client's tests in Node.js
	@node tests/client/run.mjs

bench: $(VENV)/.dev $(PEERS)/node_modules/.run bundle catalogues ## measure Todoku and its peers, write docs/performance.md (ARGS=)
	@python -m tests.benchmarks --write $(ARGS)

peers: $(PEERS)/node_modules/.run ## install what Todoku is measured against

check: $(VENV)/.dev node_modules/.dev ## lint, check types, layers, migrations, translations and the printed schema
	ruff check .
	ruff format --check .
	lint-imports
	mypy
	python manage.py makemigrations --check --dry-run
	python manage.py translations --check
	@$(MAKE) --no-print-directory --silent .schema.graphql
	@cmp -s .schema.graphql schema.graphql || { diff -u schema.graphql .schema.graphql; rm .schema.graphql; \
		echo "schema.graphql is not what the code says: run 'make schema' and commit it."; exit 1; }
	@rm .schema.graphql
	@$(MAKE) --no-print-directory static/src/generated/operations.ts
	tsc --noEmit

schema: $(VENV)/.run node_modules/.run ## print the GraphQL schema and generate the client's types from it
	@$(MAKE) --no-print-directory --silent .schema.graphql
	@mv .schema.graphql schema.graphql
	@$(MAKE) --no-print-directory static/src/generated/operations.ts

.PHONY: .schema.graphql
.schema.graphql:
	@{ echo "# Generated from the code by 'make schema'. Never edited."; python manage.py graphql_schema --out=-.graphql; } > $@ \
		|| { rm -f $@; exit 1; }

bundle: static/dist/room.js ## build the client into static/dist

static/dist/room.js: static/build.mjs static/fragments.mjs static/src/generated/operations.ts $(CLIENT_SOURCES)
	@node static/build.mjs

static/src/generated/operations.ts: codegen.ts schema.graphql $(OPERATIONS) node_modules/.run
	@mkdir -p $(@D)
	@graphql-codegen --errors-only > $(@D)/codegen.log 2>&1 || { cat $(@D)/codegen.log; exit 1; }
	@touch $@

# As an installation that is no trial serves them: with hashes in their names, compressed, cached for a year.
staticfiles/staticfiles.json: static/dist/room.js config/settings.py requirements.txt
	@echo "Compressing static files …"
	@STATIC_ROOT=$(@D) python manage.py collectstatic --no-input --verbosity 0
	@touch $@

catalogues: $(CATALOGUES) ## compile the translations

%.mo: %.po | $(VENV)/.run
	@pybabel --quiet compile --input-file=$< --output-file=$@

lock: $(VENV)/.dev ## pin the newest versions that fit requirements*.in and package.json
	$(UV_COMPILE) --upgrade requirements.in --output-file requirements.txt
	$(UV_COMPILE) --upgrade requirements-dev.in --output-file requirements-dev.txt
	npm update --package-lock-only
	cd $(PEERS) && npm update --package-lock-only

clean: ## remove what was built and installed; var/ with its data stays
	rm -rf $(VENV) node_modules $(PEERS)/node_modules static/dist static/src/generated staticfiles $(CATALOGUES)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results

preflight:
	@HOST=$(HOST) PORT=$(PORT) $(PYTHON) config/preflight.py

$(VENV)/bin/python:
	@$(PYTHON) config/preflight.py
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@echo "Installing Python packages into $(VENV) …"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing Python packages for tests and linters into $(VENV) …"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $(VENV)/.run $@

# `npm ci` begins by emptying node_modules, so what installs more stands in for what installs less.
node_modules/.run: package.json package-lock.json .npmrc | $(VENV)/.run
	@echo "Installing Node.js packages into node_modules …"
	@npm ci --omit=dev --loglevel=error > /dev/null
	@touch $@

node_modules/.dev: package.json package-lock.json .npmrc | $(VENV)/.run
	@echo "Installing Node.js packages into node_modules …"
	@npm ci --loglevel=error > /dev/null
	@touch node_modules/.run $@

$(PEERS)/node_modules/.run: $(addprefix $(PEERS)/,package.json package-lock.json .npmrc) | $(VENV)/.run
	@echo "Installing Node.js packages into $(@D) …"
	@cd $(PEERS) && npm ci --loglevel=error > /dev/null
	@touch $@
