# `make run` and `make test` are all that's needed: what is missing is installed into .venv first.
PYTHON ?= python3
EXTRAS ?= embedded
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin

PEERS := bench/peers/node

# Tests start hundreds of programs: each file is compiled once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test coverage test-web test-code test-programs test-faults test-chromium test-hostile-peers test-firefox bench bench-peers profile page soak figures dist packages docs sbom check format install pin hashes clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.installed-embedded ## serve at http://localhost:8000, on a Postgres of its own unless .env names one
	@$(BIN)/whisper serve

test: $(VENV)/.installed-embedded,test node_modules/.installed $(PEERS)/node_modules/.installed ## run the tests: make test ARGS="-k offer"
ifdef ARGS
	$(BIN)/node --test "tests/web/**/*.test.js"
	$(PYTHON_TESTS) $(ARGS)
else
	$(MAKE) --jobs=6 --output-sync=target test-firefox test-chromium test-hostile-peers test-faults test-programs test-code test-web
endif

coverage: $(VENV)/.installed-embedded,test ## run the tests, and show what they cover
	@$(BIN)/coverage erase
	$(MAKE) test RUN="$(BIN)/coverage run --parallel-mode"
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

RUN := $(BIN)/python
PYTHON_TESTS = $(RUN) -m pytest
# Six at once, of about the same length: they wait as long as they work. The web app's modules are short, and come last.
FAULTS := tests/faults tests/scale
BROWSER := tests/browser
HOSTILE_PEERS := $(BROWSER)/chromium/hostile
PACKAGES := tests/packages
PROGRAMS := tests/bench tests/command tests/deploy tests/e2e tests/hostile $(wildcard tests/test_*.py)
# Faults are tests of how soon something is over: they go first, and the others share what is left.
PRIORITY := nice
test-faults: PRIORITY :=
# Each in a folder of its own: in one for all, a job that starts closes it to the embedded Postgres of another.
PYTEST = folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PRIORITY) $(PYTHON_TESTS) -p no:cacheprovider --basetemp="$$folder/pytest"
test-web:
	$(BIN)/node --test "tests/web/**/*.test.js"
test-code:
	$(PYTEST) $(addprefix --ignore=,$(FAULTS) $(BROWSER) $(PACKAGES) $(PROGRAMS))
test-programs:
	$(PYTEST) $(PROGRAMS)
test-faults:
	$(PYTEST) $(FAULTS)
test-chromium:
	$(PYTEST) --ignore=$(HOSTILE_PEERS) $(BROWSER)/chromium
test-hostile-peers:
	$(PYTEST) $(HOSTILE_PEERS)
test-firefox:
	$(PYTEST) $(BROWSER)/firefox

bench: $(VENV)/.installed-embedded,test ## what a call costs, in three minutes: make bench ARGS="--quick"
	@$(BIN)/python -m bench $(ARGS)

bench-peers: $(VENV)/.installed-embedded,test $(PEERS)/node_modules/.installed ## the same work by other servers, in a minute and a half: make bench-peers ARGS="--quick"
	@$(BIN)/python -m bench.peers $(ARGS)

profile: $(VENV)/.installed-embedded,test ## where a loaded server spends its time: make profile ARGS="--seconds 20"
	@$(BIN)/python -m bench.profile $(ARGS)

page: $(VENV)/.installed-embedded,test ## how soon the web app opens in a Chromium, on a slow network and without a server
	@$(BIN)/python -m bench.page_load

soak: $(VENV)/.installed-embedded,test ## ten minutes at half of capacity, without an error: make soak SECONDS=60
	$(BIN)/python -m bench.soak $(SECONDS)

figures: $(VENV)/.installed-embedded,test node_modules/.installed ## sizes, circles, suppressions and dependencies of the code, against their bounds
	@$(BIN)/python -m bench.figures

CLIENT := build/client
ESBUILD := PATH="$$PWD/$(BIN):$$PATH" node_modules/.bin/esbuild --bundle --minify --target=es2022 --log-level=warning
# The one place where it stands is pyproject.toml.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

dist: $(VENV)/.installed-embedded,test,check node_modules/.installed ## build the packages: the wheels of the server and the Python peer, the client's tarball
	@rm -rf dist build && mkdir dist build && cp -R client $(CLIENT) && cp LICENSE $(CLIENT)
	@$(ESBUILD) client/whisper.js --format=esm --outfile=$(CLIENT)/dist/whisper.js
	@$(ESBUILD) client/worker.js --format=esm --outfile=$(CLIENT)/dist/worker.js
	@$(ESBUILD) client/worker.js --format=iife --global-name=whisper --outfile=$(CLIENT)/dist/worker.classic.js
	@$(BIN)/node node_modules/.bin/tsc -p tsconfig.types.json --outDir $(CLIENT)/types
	@$(BIN)/node node_modules/.bin/tsc -p tsconfig.worker-types.json --outDir $(CLIENT)/types
	@npm="$$PWD/$(BIN)/npm" && cd $(CLIENT) && "$$npm" pkg set version=$(VERSION) && "$$npm" pack --silent --pack-destination=../../dist >/dev/null
	@said=$$($(BIN)/python -m build --no-isolation 2>&1) || { echo "$$said"; exit 1; }
	@said=$$($(BIN)/python -m build --no-isolation --outdir dist peer 2>&1) || { echo "$$said"; exit 1; }
	$(BIN)/twine check --strict dist/whisper_*
	$(BIN)/check-wheel-contents dist/*.whl

packages: dist $(PACKAGES)/node/node_modules/.installed ## build the packages, and try each in an environment of its own
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		$(BIN)/python -m pytest -p no:cacheprovider --basetemp="$$folder/pytest" $(PACKAGES)

MKDOCS := mkdocs==1.6.1 --with mkdocs-material==9.8.1 --with mkdocstrings==1.0.8 --with mkdocstrings-python==2.0.11
docs: $(VENV)/.installed-embedded,test,check $(PACKAGES)/node/node_modules/.installed ## make a site of the documents and both clients' references: build/site
	@rm -rf build/docs && mkdir -p build && cp -R docs build/docs
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PACKAGES)/node/node_modules/.bin/typedoc --treatWarningsAsErrors --logLevel Warn
	@NO_MKDOCS_2_WARNING=1 $(BIN)/uv tool run --quiet --from $(MKDOCS) mkdocs build --strict --quiet

# Their tools come by uvx, since they need thirty packages that nothing else does.
sbom: dist ## list what the server and its extras are made of, with licences: dist/sbom.cdx.json, dist/licenses.md
	@uv=$(BIN)/uv && $$uv venv --quiet --clear build/sbom --python $(BIN)/python && \
		$$uv pip install --quiet --python build/sbom -c constraints.txt "$$(ls dist/whisper_server-*.whl)[embedded,redis,tracing]" && \
		$$uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment build/sbom/bin/python \
			--pyproject pyproject.toml --output-reproducible --output-file dist/sbom.cdx.json && \
		$$uv tool run --quiet pip-licenses==5.5.5 --python build/sbom/bin/python --format=markdown --output-file dist/licenses.md

check: $(VENV)/.installed-embedded,test,check node_modules/.installed dist ## lint, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m bench.figures
	$(BIN)/node node_modules/.bin/tsc -p tsconfig.json
	$(BIN)/node node_modules/.bin/tsc -p tsconfig.worker.json

format: $(VENV)/.installed-embedded,test,check ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed-$(EXTRAS) ## install into .venv: make install EXTRAS=embedded

# Docker's registry gives the digest; none is written here that nobody has pulled.
pin: ## print the base images by digest, for .env; needs Docker
	@sed -n 's/^#\([A-Z]*_IMAGE\)=/\1 /p' .env.example deploy/env.example | sort -u | while read -r name image; do \
		docker pull --quiet "$$image" >/dev/null && \
		echo "$$name=$$(docker image inspect --format '{{index .RepoDigests 0}}' "$$image")" || exit 1; \
	done

# For each file of a version, so that one list serves all processors. `uv` comes from PyPI: pip install uv
hashes: ## write hashes.txt, which the image installs from, anew from constraints.txt; needs uv
	echo 'setuptools>=77' | uv pip compile pyproject.toml - --extra redis --extra tracing --constraint constraints.txt \
		--python-version 3.11 --python-platform linux --generate-hashes --no-annotate --no-header \
		--quiet --output-file hashes.txt

clean: ## remove what make made; .env and the data in .whisper stay
	rm -rf $(VENV) build dist node_modules $(PEERS)/node_modules $(PACKAGES)/node/node_modules *.egg-info peer/*.egg-info .coverage* .*_cache .hypothesis

# A stamp for each set of extras: nothing is installed twice until what it was installed from has changed.
# The image is built without peer/, which only the tests need.
$(VENV)/.installed%: pyproject.toml setup.py $(wildcard peer/pyproject.toml) constraints.txt | $(BIN)/pip
	@echo "Installing into $(VENV); the first time takes about a minute."
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.$(addprefix [,$(addsuffix ],$(*:-%=%)))' $(if $(findstring test,$*),-e ./peer)
	@touch $@

# Without a lock file, which would name a registry: package.json has exact versions, and so has what they need.
NPM_INSTALL := $(BIN)/npm install --no-package-lock --no-audit --no-fund --loglevel=error
node_modules/.installed: package.json | $(VENV)/.installed-embedded,test
	$(NPM_INSTALL)
	@touch $@

$(PACKAGES)/node/node_modules/.installed: $(PACKAGES)/node/package.json | $(VENV)/.installed-embedded,test
	$(NPM_INSTALL) --prefix $(PACKAGES)/node
	@touch $@

$(PEERS)/node_modules/.installed: $(PEERS)/package.json | $(VENV)/.installed-embedded,test
	$(NPM_INSTALL) --prefix $(PEERS)
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Whisper needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
