# The commands of this project. Local and CI run the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test serve check fmt build

# rustup puts cargo here and only later shells have it on their PATH.
export PATH := $(PATH):$(HOME)/.cargo/bin

TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := $(TARGET)/venv
# Options for `make serve`, for example ARGS="--listen 127.0.0.1:9000".
ARGS ?=

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: build ## Scrape a sample shop with a service of its own, compare and clean up
	@$(TARGET)/debug/leafcutter-demo

serve: build ## Run the service until Ctrl-C; options in ARGS="--listen 127.0.0.1:9000 …"
	@exec $(TARGET)/debug/leafcutter serve $(ARGS)

# The development profile: it builds in two thirds of the release profile's time, and the demo and a
# first look wait for pages, not for the processor.
build:
	@scripts/setup rust build chromium
	@cargo build -p leafcutter -p leafcutter-demo

# The binaries first: the whole-system tests start them as programs. With every target, so that dependencies get the
# features that tests need at once and are not built a second time.
test: $(VENV)/ready ## Run every test
	@scripts/setup rust build chromium postgresql nats-server
	cargo build --workspace --all-targets
	LEAFCUTTER_TEST_PYTHON=$(abspath $(VENV))/bin/python cargo test --workspace

check: ## Formatting, clippy with warnings denied, house rules, dependencies and licences
	@scripts/setup rust build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run --quiet -p xtask -- check

fmt: ## Format the code
	@scripts/setup rust
	cargo fmt --all

# The official client SDKs that the tests drive, in an environment of their own.
$(VENV)/ready: tests/python/requirements.txt
	@scripts/setup python
	@echo 'installing the Python clients that the tests drive'
	@python3 -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $< || { \
		echo 'The Python packages of $< could not be installed. Check the network, then run this again.' >&2; exit 1; }
	@touch $@
