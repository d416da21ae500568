# What do you want to do?
#
#   make          build the C library, the examples and the C tests
#   make tools    install what building and testing takes, where it has the rights; so do demo and test, and nothing
#                 else (IRONWAL_INSTALL_TOOLS=0: nothing does)
#   make demo     build, then journal a trading session and survive being killed
#   make test     run everything: C tests, examples, package, Rust tests
#   make test-model    run the engine under thousands of interleavings (part of make test)
#   make test-go  run the tests of the Go package and of the stores of hashicorp/raft
#   make test-python   build, install and test the Python package
#   make test-zig  run the tests of the Zig package
#   make test-csharp   run the tests of the C# package, on Mono and .NET Core
#   make test-swift    run the tests of the Swift package
#   make asan     run the C tests with AddressSanitizer in the library and in them
#   make asan-rust, make tsan    run Rust tests with AddressSanitizer, with ThreadSanitizer
#   make docs     the documentation as one static site, in build/site
#   make demo-raft     run a replicated store, kill its nodes, check that nothing is lost
#   make header   write include/ironwal.h anew from src/ffi
#   make install PREFIX=/usr/local
#   make packages      an archive and Debian packages, in build/packages
#   make source-archive    sources with the crates they need, in build
#   make clean
#
# Those who use CMake directly: cmake --preset release.

PREFIX ?= /usr/local
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BUILD := build/release
# build/tools is where install-tools.sh puts what it may not install for all.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(CURDIR)/build/tools/bin

.PHONY: tools build demo demo-raft test test-c test-rust test-model test-go test-python test-zig test-csharp test-swift asan asan-rust tsan docs header packages source-archive install clean

.DEFAULT_GOAL := build

# The two commands of the README work on a fresh machine. A package is built with the other goals, or with CMake.
demo test: export IRONWAL_INSTALL_TOOLS ?= 1

tools:
	@IRONWAL_INSTALL_TOOLS=1 sh scripts/install-tools.sh test
	@IRONWAL_INSTALL_TOOLS=1 sh scripts/install-tools.sh go

build:
	@sh scripts/install-tools.sh build
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS)

demo: build
	@echo; cd $(BUILD) && examples-c/itch_journal
	@echo; cd $(BUILD) && examples-c/crash_demo
	@echo; cd $(BUILD) && examples-c/transfer
	@echo; cd $(BUILD) && examples-c/sharded_ledger
	@echo; cd $(BUILD) && examples-c/event_store
	@echo; cd $(BUILD) && examples-c/outbox_follower
	@echo; cd $(BUILD) && examples-c/one_thread

# Nodes of openraft on ironwal, as processes: engines/openraft/README.md. Rust 1.88 or later.
SECONDS ?= 60
demo-raft:
	cd engines/openraft && cargo run --locked --release --features demo --bin kv -- demo --seconds $(SECONDS)

# The tools come first: CMake looks for them when it configures.
test:
	@sh scripts/install-tools.sh test
	@$(MAKE) test-c
	@$(MAKE) test-rust
	@$(MAKE) test-model

test-c: build
	ctest --preset release --parallel $(JOBS)

test-rust:
	cargo test --locked --all-features

# The library on a model checker's locks, threads and clock, in target/model: see
# tests/engine_model/main.rs. MODEL=name runs one of them.
test-model:
	RUSTFLAGS="$(RUSTFLAGS) --cfg ironwal_model" \
	    cargo test --locked --all-features --profile model --test engine_model $(MODEL) -- --nocapture

# Not part of make test, as it takes Go. GO_TEST=bench runs the benchmark: see scripts/test-go.sh.
test-go: build
	@sh scripts/install-tools.sh go
	@sh scripts/test-go.sh $(GO_TEST)

# Not part of make test, as it takes Python and packages from its index. PYTEST="-k name" runs some of the tests.
test-python: build
	@sh scripts/test-python.sh $(PYTEST)

# Not part of make test, as it takes Zig, of the system or of Python's index. ZIGTEST="a killed process" runs some of the tests.
test-zig: build
	@sh scripts/test-zig.sh $(if $(ZIGTEST),"$(ZIGTEST)")

# Not part of make test, as it takes Mono, and a runtime from Python's index. CSHARPTEST=Killed runs some of the tests.
test-csharp: build
	@sh scripts/test-csharp.sh $(if $(CSHARPTEST),"$(CSHARPTEST)")

# Not part of make test, as it takes Swift. SWIFTTEST=Killed runs some of the tests; scripts/test-swift.sh --root DIRECTORY runs
# them in a root of Debian 13.
test-swift: build
	@sh scripts/test-swift.sh $(if $(SWIFTTEST),"$(SWIFTTEST)")

# Not part of make test: it builds the library a second time. CC=clang and CC=gcc both do.
asan:
	@sh scripts/install-tools.sh build
	cmake --preset asan
	cmake --build --preset asan --parallel $(JOBS)
	ctest --preset asan --parallel $(JOBS)

asan-rust:
	@sh scripts/sanitize.sh address

tsan:
	@sh scripts/sanitize.sh thread

# build/site/index.html. The links of all pages are checked.
docs:
	@sh scripts/docs-site.sh build/site

header:
	IRONWAL_WRITE_HEADER=1 cargo test --locked --test surface header

# Files in the packages are as old as the commit, so that two builds compare equal.
packages: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
packages:
	cmake --preset packages
	cmake --build --preset packages
	cd build/packages && cpack

source-archive:
	@sh scripts/source-archive.sh build

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf build
	cargo clean
