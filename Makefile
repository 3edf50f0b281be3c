# make demo and make test are all one needs; each can be interrupted and run again.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test test-kubernetes fleet images lint bench fuzz injuries simulate mutants soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## packages, programs, image, then a cluster that loses its primary (ROUNDS=10: ten times)
	@echo '[1/5] packages'
	@scripts/packages build image demo
	@echo '[2/5] build: the programs, then the database image'
	@scripts/build release pgo-operator pgo pgo-local
	@charts/images/build-rootfs build/image/rootfs
	@ROUNDS=$(ROUNDS) scripts/demo

test: ## packages, all programs with their tests, then the tests
	@scripts/packages build
	@scripts/build dev
	@ctest --test-dir build/dev --output-on-failure -j2

test-kubernetes: ## end to end on the cluster of KUBECONFIG (its image: PGO_TEST_IMAGE)
	@scripts/packages build
	@scripts/build dev pgo pgo-operator
	@replay-tests/kubernetes/suite.py

fleet: ## what 200 clusters cost, on the control plane without nodes of KUBECONFIG (CLUSTERS=, AUDIT=its log)
	@scripts/packages build
	@scripts/build release pgo pgo-operator
	@replay-tests/kubernetes/fleet.py $(if $(CLUSTERS),--clusters $(CLUSTERS)) $(if $(AUDIT),--audit $(AUDIT))

images: ## archives of the operator's and the database's image (docs/operating/install.md)
	@scripts/packages build image
	@scripts/build release pgo-operator pgo
	@charts/images/build-rootfs build/image/rootfs
	@charts/images/pack-oci build/image/rootfs localhost/pgo/postgres:17 build/image/postgres.tar
	@charts/images/build-operator build/release/bin build/image/operator
	@charts/images/pack-oci --user 65532 --entrypoint /usr/bin/pgo-operator \
	  build/image/operator localhost/pgo/operator:0.1.0 build/image/operator.tar

lint: ## format of all sources, clang-tidy on the changed ones
	@scripts/packages build lint
	@scripts/lint

bench: ## ratios of the hot paths to what this machine can do (three minutes; docs/performance.md)
	@scripts/packages build bench
	@scripts/build release pgo-bench
	@mkdir -p build/bench
	@build/release/bin/pgo-bench --directory build/bench/data --output build/bench/summary.json

injuries: ## kills, power losses, injuries to journals, and full disks (SEED=, ONLY=; half an hour)
	@scripts/packages build
	@scripts/build dev pgo-injuries pgo pgo-operator pgo-local
	@build/dev/bin/pgo-injuries $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))
	@[[ -e build/image/rootfs.stamp ]] || charts/images/build-rootfs build/image/rootfs
	@$(if $(ONLY),:,replay-tests/local/full_disk.py --cycles 200 --output build/injuries/full-disk.json) || (($$? == 77))

fuzz: ## what reads bytes from elsewhere, with libFuzzer and sanitizers (SECONDS=, TARGET=)
	@SECONDS_EACH=$(or $(SECONDS),60) TARGET=$(TARGET) scripts/fuzz

simulate: ## seeds of the simulation, each twice (SEEDS=, HOURS=, SEED= one alone; docs/simulation.md)
	@scripts/packages build
	@scripts/build release pgo-simulate
	@build/release/bin/pgo-simulate $(if $(SEED),--seed $(SEED) --trace,--seeds $(or $(SEEDS),200)) \
	  $(if $(HOURS),--hours $(HOURS))

mutants: ## defects planted in the engine, one at a time: does the simulation find them?
	@scripts/packages build
	@scripts/build release pgo-simulate
	@replay-tests/simulation/mutants.py

soak: ## what outgrows CI: tests under ThreadSanitizer, random tests at ten times their length
	@scripts/packages build
	@scripts/tsan
	@scripts/build dev journal/all
	@PGO_TEST_SCALE=10 ctest --test-dir build/dev/journal --output-on-failure
	@scripts/build release pgo-bench
	@mkdir -p build/bench
	@build/release/bin/pgo-bench --directory build/bench/big -o build/bench/big.json big --events 100M

clean: ## removes what was built
	@rm -rf build/dev build/release build/asan build/tsan build/fuzz build/bench build/injuries build/simulation build/mutants build/*.log
