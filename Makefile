# `make` lists the targets. The two that matter: `make run` and `make test`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
CLUSTER_DIR ?= $(CURDIR)/.cluster
export CLUSTER_DIR

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust with rustup (https://rustup.rs)"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc libc6-dev"; exit 1; }

.PHONY: run
run: prerequisites ## serve deploy/quickstart: three backends and the gateway, until Ctrl-C
	$(CARGO) build --release --locked
	@deploy/quickstart/run.sh

.PHONY: check
check: prerequisites ## the inner loop: format, lints, fast tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features headgate-micro/times --locked -- -D warnings
	$(CARGO) test --workspace --lib --locked

.PHONY: deny
deny: prerequisites ## licences, sources and bans of what we link
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked --debug cargo-deny@0.20.2
	$(CARGO) deny --locked check licenses sources bans

.PHONY: test
test: prerequisites ## everything: format, lints, licences, all tests, a cluster, conformance
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features headgate-micro/times --locked -- -D warnings
	$(MAKE) deny
	$(CARGO) test --workspace --locked
	$(MAKE) counts
	$(MAKE) lifecycle
	$(MAKE) faults
	$(MAKE) lossless-short
	$(MAKE) conformance

.PHONY: static
static: prerequisites ## the release binary without any shared library, for an empty image
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked --target $$(rustc -vV | sed -n 's/^host: //p')

.PHONY: cluster
cluster: ## build the test cluster: a real API server, pods as processes
	tests/cluster/build.sh

.PHONY: lifecycle
lifecycle: cluster ## what the test cluster promises about the life of a pod
	cd tests/cluster && PATH=$(CLUSTER_DIR)/bin:$$PATH GOTOOLCHAIN=auto go test -count=1 ./internal/plane/ ./lifecycle/

.PHONY: conformance
conformance: prerequisites cluster ## the Gateway API suite against the release binary
	$(CARGO) build --release --locked
	tests/conformance/run.sh

.PHONY: faults
faults: prerequisites cluster ## a Kubernetes API that misbehaves, against the release binary
	$(CARGO) build --release --locked
	cd tests/cluster && PATH="$(CLUSTER_DIR)/bin:$$PATH" HEADGATE="$(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/release/headgate" \
		GOTOOLCHAIN=auto go test -count=1 ./faults/

.PHONY: valgrind
valgrind:
	@command -v valgrind >/dev/null || { [[ $$(id -u) == 0 ]] && apt-get update -qq && apt-get install -y -qq valgrind; } \
		|| { echo "valgrind is missing: apt-get install valgrind"; exit 1; }

# With headgate's own features, so that all that it links is built once.
micro = $(CARGO) bench --locked -p headgate -p headgate-micro --bench micro

.PHONY: counts
counts: prerequisites valgrind ## instructions of the hot path: fails 5 % above benches/baseline.tsv
	$(micro) -- count

.PHONY: baseline
baseline: prerequisites valgrind ## the same, written into benches/baseline.tsv
	$(micro) -- baseline

.PHONY: times
times: prerequisites ## times of the hot path's parts
	$(CARGO) bench --locked -p headgate-micro --features times

RELEASE = $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/release/headgate

.PHONY: lossless-short
lossless-short: prerequisites cluster ## what becomes of every request while things change, in seconds
	$(CARGO) build --release --locked
	cd tests/lossless && PATH="$(CLUSTER_DIR)/bin:$$PATH" HEADGATE="$(RELEASE)" GOTOOLCHAIN=auto go test -count=1 -p 1 ./...

.PHONY: lossless
lossless: prerequisites cluster ## the whole table of zeros, beside nginx and HAProxy: half an hour or more
	$(CARGO) build --release --locked
	HEADGATE="$(RELEASE)" tests/lossless/run.sh

SHIPS = $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/ships/headgate

.PHONY: release
release: $(SHIPS) ## the fastest binary: optimised by the profile of a load; ten minutes

$(SHIPS): $(shell git ls-files '*.rs' '*.toml' Cargo.lock deploy/release.sh 2>/dev/null) | prerequisites
	deploy/release.sh $@

BENCH_DIR ?= $(CURDIR)/.bench
W ?= all
ROUNDS ?= 5
SECONDS ?= 5
CONNECTIONS ?= 10000
TIMES ?= 100

.PHONY: bench
bench: prerequisites ## beside nginx, HAProxy and Envoy: W=W1,W4 ROUNDS=5 SECONDS=5 JSON=figures.json
	$(if $(HEADGATE),,$(MAKE) release)
	BENCH_DIR=$(BENCH_DIR) benches/tools.sh
	PATH=$$PATH:$(BENCH_DIR)/bin python3 benches/side_by_side --workloads $(W) --rounds $(ROUNDS) \
		--seconds $(SECONDS) --connections $(CONNECTIONS) --times $(TIMES) $(if $(JSON),--json $(JSON)) \
		--headgate $(or $(HEADGATE),$(SHIPS))
