# Two commands matter: `make run` and `make test`. Both set up what they need.

CARGO ?= cargo
# The profile of `make run`. The default shares what `make test` builds; `make run PROFILE=release` is faster
# once it is built.
PROFILE ?= dev

.DEFAULT_GOAL := help
.PHONY: help run test soak format lint bench openapi

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: ## Serve the demonstration directory on http://127.0.0.1:8080 (SQLite, a new file)
	$(CARGO) run --locked --profile $(PROFILE) -- demo

# With as many open files as a common default allows, so that a leak of connections shows on every machine.
test: lint ## Check format and lints, then run every test on SQLite and on a throwaway PostgreSQL
	ulimit -S -n 1024; scripts/with-postgres $(CARGO) test --locked

soak: ## Long repetitions: kills, fights for slots, random acts, a district of 100,000 referrals
	ulimit -S -n 1024; CAUSEWAY_SOAK=1 scripts/with-postgres $(CARGO) test --locked --test it -- --nocapture after_a_kill those_who_fight whatever_is_done worklists_plans

lint: ## Check format and lints only
	$(CARGO) fmt -- --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

format: ## Format the code
	$(CARGO) fmt

bench: ## Run the benchmarks
	$(CARGO) bench --locked

openapi: ## Write the contract, openapi/openapi.json, anew from the code
	$(CARGO) run --locked --quiet -- openapi
