# The few verbs that people use. `make help` lists them.

CARGO ?= cargo

.PHONY: help demo check bench image need-cargo need-docker

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: need-cargo ## balancer and five replicas in one process; Ctrl-C ends it
	@$(CARGO) build -q --profile quick -p evenkeel
	@$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/quick/evenkeel demo

check: need-cargo ## format, lints, layers, style and all tests
	@.ci/run

bench: need-cargo ## the proxies side by side (see bench/README.md)
	@$(CARGO) build -q --release -p evenkeel
	@$(CARGO) run -q --release -p evenkeel-bench -- all
	@$(CARGO) run -q --release -p evenkeel-bench -- idle

image: need-docker ## the container image evenkeel:latest
	@xtask/image.sh

need-cargo:
	@command -v $(CARGO) >/dev/null || { echo "missing: Rust (cargo); install it with rustup" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "missing: a C compiler (cc); install the package build-essential or gcc" >&2; exit 1; }

need-docker:
	@command -v docker >/dev/null || { echo "missing: docker" >&2; exit 1; }
