# `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo test fuzz soak build format lint tsan clean

# Links in Fuzz/Sources lead to what is listed already.
swift_sources := Sources Tests Package.swift Fuzz/Package.swift Fuzz/Sources/WireFuzz/WireFuzz.swift

help: ## Lists the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## Runs gateway, Salesforce simulator and a throwaway database; Ctrl-C ends them
	@Scripts/demo

test: ## Sets up and checks everything: format, build, Swift, browser, client and API tests
	@Scripts/test

fuzz: ## Breeds hostile HTTP messages for a minute (Scripts/fuzz SECONDS for longer)
	@Scripts/fuzz

soak: ## Runs for half an hour and more what every test run has little time for
	@Scripts/soak

build: ## Builds the formation command (.build/debug/formation)
	swift build --product formation

bench: ## Measures the gateway beside nginx, nginx with Lua, HAProxy and Envoy; BENCH=--quick for a quick look
	@Scripts/bench $(BENCH)

format: ## Formats the Swift sources in place
	swift format --in-place --parallel --recursive $(swift_sources)

lint: ## Says what `make format` would change, and what the formatter forbids
	swift format lint --strict --parallel --recursive $(swift_sources)

tsan: ## Runs the Swift tests under the thread sanitizer, in a build directory of its own
	swift test --sanitize=thread --scratch-path .build/tsan

clean: ## Removes everything that was built, and the tests' virtual environment
	rm -rf .build .venv Tests/Browser/artifacts
