# Two commands to know: `make demo` (sets up and runs the main job) and `make test`.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed

.DEFAULT_GOAL := help

help:            ## Shows these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 18

setup: $(SETUP)  ## Makes .venv, with .venv/bin/holdfast in it

$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup      ## Runs the main job: a flash sale, from start to audit
	$(BIN)/holdfast demo

# How many processes run tests; each has a store, databases and servers of its own. One more than
# there are cores, because tests wait for processes that start and end.
WORKERS ?= 3
IN_PARALLEL := -n $(WORKERS) --dist worksteal

test: setup      ## Runs the tests, but for those marked `long`; WORKERS=1: beside other work
	$(BIN)/python -m pytest $(IN_PARALLEL)

test-long: setup ## Runs the tests marked `long`, and tries the stories and kills at far more places
	HOLDFAST_EXAMPLES=300 $(BIN)/python -m pytest $(IN_PARALLEL) -m "long or more"

check: setup     ## Format, lint, types, imports, contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against proto/released.binpb

bench: setup     ## Measures one worker beside an echo, PostgreSQL and others, audits, writes the tables
	$(BIN)/python -m benchmarks.capacity
	$(BIN)/python -m tools.make_benchmark_tables

rehearse: setup  ## Rehearses a flash sale for a minute, audits, gates; TARGET=host:port: on your server
	$(BIN)/python -m benchmarks.rehearse --target "$(TARGET)"

format: setup    ## Formats the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: setup     ## Generates the stubs from proto/
	$(BIN)/python -m tools.make_stubs

constraints: setup ## Pins the newest versions that both pyproject.toml allow, with hashes
	$(BIN)/python -m tools.server_needs | \
	    $(BIN)/python -m piptools compile --quiet --generate-hashes --extra dev --extra bench --allow-unsafe \
	    --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
	    --output-file constraints.txt pyproject.toml -

docs: setup      ## Writes docs/reference.md, the state diagrams and the SDK's synchronous twin
	$(BIN)/python -m tools.make_reference
	$(BIN)/python -m tools.make_state_diagrams
	$(BIN)/python -m tools.make_sync_client

.PHONY: help setup demo test test-long check bench rehearse format proto docs constraints
