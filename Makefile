# What people and CI both call. Each target is a small script in scripts/, to be read there.
.DEFAULT_GOAL := help
.PHONY: help run build test check clients corpus bench sim fuzz up down clean advisories

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a demo network of three hubs on this machine, in a throw-away folder; Ctrl-C stops it
	@scripts/demo

build: ## the programs: bin/interhubd and bin/interhub
	@scripts/build

test: ## every test that CI runs, and the check
	@scripts/test

check: ## format, lints, documentation, dependencies, spelling
	@scripts/check

bench: ## how fast and how small: one table, and target/bench.json
	@scripts/bench

sim: ## simulations of whole networks with fresh seeds, for MINUTES=3; SEED=n replays one
	@scripts/sim

clients: build ## other people's programs read what a node serves: calendar programs, a feed reader, an API driver
	@scripts/clients

corpus: ## calendars that the world wrote, in CORPUS=FOLDER, held against what other programs make of them
	@scripts/corpus

fuzz: ## what libFuzzer makes up, to every door, a minute each; TIME=s, TARGET=name, REPLAY=file
	@scripts/fuzz

up: ## the demo network in containers, on 127.0.0.1:8401 to 8403
	@scripts/up

down: ## stop the containers; VOLUMES=1 also forgets their data
	@scripts/down

advisories: ## known vulnerabilities of the dependencies; needs the internet
	@scripts/check --advisories

clean: ## forget what was built: bin/ and the cache folder
	@scripts/clean
