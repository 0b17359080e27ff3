# `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo test build bench format lint tsan clean

help: ## Lists the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## Runs gateway, Salesforce simulator and a throwaway database; Ctrl-C ends them
	@Scripts/demo

test: ## Sets up and checks everything: format, build, Swift, browser and client tests
	@Scripts/test

build: ## Builds the formation command (.build/debug/formation)
	swift build --product formation

bench: ## Measures the gateway beside nginx, nginx with Lua, HAProxy and Envoy; BENCH=--quick for a quick look
	@Scripts/bench $(BENCH)

format: ## Formats the Swift sources in place
	swift format --in-place --parallel --recursive Sources Tests Benchmarks/Seed Package.swift

lint: ## Says what `make format` would change, and what the formatter forbids
	swift format lint --strict --parallel --recursive Sources Tests Benchmarks/Seed Package.swift

tsan: ## Runs the Swift tests under the thread sanitizer, in a build directory of its own
	swift test --sanitize=thread --scratch-path .build/tsan

clean: ## Removes everything that was built, and the tests' virtual environment
	rm -rf .build .venv Tests/Browser/artifacts
