# The commands of the house. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := bash

# Handed on only when not empty; `value` keeps a dollar sign in a password as it is.
ifneq ($(strip $(value DATABASE_URL)),)
override DATABASE_URL := $(value DATABASE_URL)
export DATABASE_URL
else
unexport DATABASE_URL
endif
ifneq ($(strip $(value PORT)),)
export PORT
else
unexport PORT
endif

.PHONY: help run test bench tidy fmt clippy

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Start the demo on SQLite; DATABASE_URL=postgres://... for PostgreSQL, PORT=... for another port
	@scripts/setup --run
	@echo "building cardgrove (some minutes the first time)"
	@cargo build --locked --bin cardgrove
	@cargo run --quiet --locked --bin cardgrove -- demo

test: ## Run everything that must pass before a change lands
	@scripts/test

bench: ## Measure, and write benches/reports (takes long; ARGS=--quick for a short look)
	@scripts/setup --bench
	@cargo build --quiet --release --locked --bin cardgrove
	@cargo run --quiet --release --locked --package benches --bin report -- $(ARGS)

tidy: ## Check the house rules (floors, sizes, words that have one home)
	@cargo xtask tidy

fmt: ## Format all Rust code
	@cargo fmt --all

clippy: ## Lint all Rust code, warnings are errors
	@cargo clippy --workspace --all-targets --locked -- -D warnings
