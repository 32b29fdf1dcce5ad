# The commands of the project; `make help` lists them. The build itself is CMake's.
PRESET ?= release
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 30
VENV := .venv/bin/python

# Models, test cases and instances that are not in this repository: docs/test-data.md.
DATA ?= $(or $(HONE_TEST_DATA),../shared)
export HONE_TEST_DATA := $(abspath $(DATA))
# A bar whose data is absent says so and ends with 77, which ctest takes for skipped; make is content.
may_skip = || [ $$? -eq 77 ]

# Switches the tests on in a build folder that `make` or `make demo` configured without them.
define with_tests
tools/setup test && { grep -q '^HONE_TESTS:BOOL=ON' $(BUILD)/CMakeCache.txt || \
  cmake --preset $(PRESET) -DHONE_TESTS=ON; }
endef

.DEFAULT_GOAL := build
.PHONY: build demo test all check format unit hostile accuracy models formats keras bench-graphs halves halves-times load quantized \
        road tflite-kernels tflite-rounding \
        fusion import-cost retrieval memory exported pytorch \
        conformance coverage line-coverage differential random-graphs fuzz damage deep stats clean \
        round-trip pass-check ablation specialization peers kernels language stream overhead help

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

build: $(BUILD)/build.ninja ## build the command line tool and the libraries
	@cmake --build $(BUILD) -j $(JOBS) --target hone hone_static hone_shared

demo: $(BUILD)/build.ninja ## import, build and run a small network on handwritten digits
	@test -e $(BUILD)/bin/hone_demo || echo "Compiling Hone, 4 to 8 minutes on 2 cores the first" \
	  "time. The demo itself takes less than a second."
	@cmake --build $(BUILD) -j $(JOBS) --target hone hone_demo
	@$(BUILD)/bin/hone_demo examples/digits $(BUILD)/digits.hone

# What CI runs. The cheap and the strict first, ctest last: its closing lines are the result.
test: ## everything that CI runs: check, build, fuzz, ctest
	@tools/setup test check
	@tools/check
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory unit

all: $(BUILD)/build.ninja ## build everything, tests included
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS)

unit: all $(VENV) ## build and run the tests
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure

check: ## floors, sizes, words, format
	@tools/setup check
	@tools/check

format: ## write every C++ file as clang-format 14 does
	@tools/setup check
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' '*.h' '*.c' | xargs clang-format-14 -i

hostile: build ## give broken and hostile models to hone; each must end with its documented code
	@$(PYTHON) tests/hostile/run.py $(BUILD)/bin/hone

SUITE ?= $(DATA)/onnx_backend_tests
SUITE_FOLDERS := $(addprefix $(SUITE)/,node simple pytorch-converted pytorch-operator light real)

conformance: $(BUILD)/build.ninja ## the ONNX standard's backend suite; SUITE=folder sets its place
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_conformance
	@$(BUILD)/bin/hone_conformance $(SUITE_FOLDERS) --missing $(may_skip)

coverage: $(BUILD)/build.ninja ## docs/onnx-coverage.md anew from the suite's results
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_conformance
	@$(BUILD)/bin/hone_conformance $(SUITE_FOLDERS) --coverage docs/onnx-coverage.md $(may_skip)

# TensorFlow's own answers are looked at where a Python has it: .venv-keras, if it is there.
FORMATS_PYTHON ?= $(firstword $(wildcard .venv-keras/bin/python) $(VENV))

formats: build $(VENV) ## trained networks of other formats than ONNX: outputs, labels, TensorFlow's own answers
	@$(FORMATS_PYTHON) tests/bars/formats.py $(BUILD)/bin/hone $(if $(WRITE),--write $(WRITE)) $(may_skip)

accuracy: build $(VENV) ## trained networks of other formats on whole labelled sets
	@$(VENV) tests/bars/accuracy.py $(BUILD)/bin/hone $(BUILD)/src/libhone.so $(may_skip)

models: build $(VENV) ## trained networks against ONNX Runtime's outputs
	@$(VENV) tests/bars/models.py $(BUILD)/bin/hone $(may_skip)

bench-graphs: build $(VENV) ## 21 topologies with random weights against ONNX Runtime
	@$(VENV) tests/bars/bench_graphs.py $(BUILD)/bin/hone $(may_skip)

halves: build $(VENV) ## 21 topologies in f16 and bf16 against ONNX Runtime
	@$(VENV) tests/bars/halves.py $(BUILD)/bin/hone $(may_skip)

halves-times: build $(VENV) ## how long networks in f16 and bf16 take beside f32 (docs/performance.md)
	@$(VENV) tests/bars/halves.py $(BUILD)/bin/hone --times --write docs/performance.md $(may_skip)

load: build $(VENV) ## how soon an engine answers (docs/engine-file.md)
	@$(VENV) tests/bars/load.py $(BUILD)/bin/hone --write docs/engine-file.md $(may_skip)

quantized: build $(VENV) ## speed of quantized networks beside the same in f32; ONLY=regex of their forms
	@$(VENV) bench/quantized.py $(BUILD)/src/libhone.so --forms '$(or $(ONLY),.)' \
	  $(if $(WRITE),--write $(WRITE)) $(may_skip)

road: build $(VENV) ## what is reported of trained networks and 21 topologies is what runs
	@$(VENV) tests/bars/road.py $(BUILD)/bin/hone $(may_skip)

fusion: build $(VENV) ## regions of 21 topologies and what they move: docs/fusion.md
	@$(VENV) tests/bars/fusion.py $(BUILD)/bin/hone --write docs/fusion.md $(may_skip)

round-trip: build $(VENV) ## models and the suite written as ONNX: checked, run by ONNX Runtime, read back
	@$(VENV) tools/onnx_operators --check
	@$(VENV) tests/bars/convert.py $(BUILD)/bin/hone $(may_skip)

memory: $(BUILD)/build.ninja ## the tables of docs/memory.md: hard instances, the 21 topologies
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_memory_instances hone_memory_graphs
	@tests/memory/tables $(BUILD)/bin docs/memory.md $(may_skip)

specialization: $(BUILD)/build.ninja ## times of passes, plans and new sizes: docs/optimizer.md
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone hone_optimizer_times hone_optimizer_scale
	@tests/timing/table $(BUILD)/bin docs/optimizer.md $(may_skip)

retrieval: build $(VENV) ## MiniLM finds texts by their descriptions
	@$(VENV) tests/bars/retrieval.py $(BUILD)/bin/hone $(may_skip)

# About 4 GB of Python packages, so in a place of its own; with EXPORT_PYTHON=python3 an interpreter
# that has them already. Not a part of `make deep`.
EXPORT_PYTHON ?= .venv-export/bin/python

.venv-export/bin/python: tests/exported_requirements.txt
	@tools/setup test
	@$(PYTHON) -m venv .venv-export
	@$@ -m pip install --quiet --disable-pip-version-check -r tests/exported_requirements.txt
	@touch $@

exported: build $(filter .venv-export/%,$(EXPORT_PYTHON)) ## networks exported from torchvision, timm, transformers
	@$(EXPORT_PYTHON) tests/bars/exported.py $(BUILD)/bin/hone --jobs $(JOBS) $(may_skip)

# About 1 GB, so in a place of its own; KERAS_PYTHON=python3 has it already.
KERAS_PYTHON ?= .venv-keras/bin/python

.venv-keras/bin/python: tests/tensorflow_requirements.txt
	@tools/setup test
	@$(PYTHON) -m venv .venv-keras
	@$@ -m pip install --quiet --disable-pip-version-check -r tests/tensorflow_requirements.txt
	@touch $@

keras: build $(filter .venv-keras/%,$(KERAS_PYTHON)) ## networks of Keras in each of their forms
	@$(KERAS_PYTHON) tests/bars/keras_networks.py $(BUILD)/bin/hone $(may_skip)

tflite-kernels: build $(filter .venv-keras/%,$(KERAS_PYTHON)) ## quantized TFLite files beside TensorFlow's three sets of kernels
	@$(KERAS_PYTHON) tests/bars/tflite_kernels.py $(BUILD)/bin/hone $(may_skip)

tflite-rounding: build $(filter .venv-keras/%,$(KERAS_PYTHON)) ## random operators on bytes beside TensorFlow's reference kernels
	@$(KERAS_PYTHON) tests/bars/tflite_rounding.py $(BUILD)/bin/hone $(may_skip)

pytorch: build $(filter .venv-export/%,$(EXPORT_PYTHON)) ## PyTorch's own files of networks of the same libraries
	@$(EXPORT_PYTHON) tests/bars/pytorch.py $(BUILD)/bin/hone $(may_skip)

# PyTorch comes with what converts models for ncnn, so in a place of its own.
.venv-bench/bin/python: bench/requirements.txt
	@tools/setup test
	@$(PYTHON) -m venv .venv-bench
	@$@ -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

PEERS = bench/peers.py $(BUILD)/src/libhone.so

peers: build .venv-bench/bin/python ## speed beside ONNX Runtime, OpenVINO and ncnn; ONLY=regex of models
	@.venv-bench/bin/python $(PEERS) --only '$(ONLY)' $(if $(WRITE),--write $(WRITE)) $(may_skip)

KERNELS = .venv-bench/bin/python bench/kernels.py $(BUILD)/bin/hone $(BUILD)/src/libhone.so --only '$(ONLY)' $(if $(WRITE),--write)
kernels: build .venv-bench/bin/python ## single regions and operators, each alone, beside ONNX Runtime; ONLY=regex of names
	@$(KERNELS)
	@$(KERNELS) --ops --threads 2 --rounds 3 --seconds 0.02

language: build $(VENV) ## language models beside ONNX Runtime; ONLY=regex of models, WRITE=1
	@$(VENV) bench/language.py $(BUILD)/src/libhone.so --only '$(ONLY)' $(if $(WRITE),--write) $(may_skip)

stream: build $(VENV) ## regions that stream, beside a copy: docs/performance.md with WRITE=1
	@$(VENV) bench/regions.py $(BUILD)/bin/hone $(if $(WRITE),--write)

overhead: build $(VENV) ## what an inference costs beside its kernels: docs/performance.md with WRITE=small
	@$(VENV) bench/overhead.py $(BUILD)/bin/hone $(if $(WRITE),--write $(WRITE))

# PyTorch and TensorFlow write their own files, where they are there (make exported, make keras).
import-cost: $(BUILD)/build.ninja $(VENV) ## time and memory of importing: large files of each format, models of 10,000 nodes
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_tests_import hone_shared
	@$(BUILD)/tests/hone_tests_import --gtest_filter='ImportCost.*:ImportScale.*' | sed -n '/^import of/p'
	@for python in $(wildcard $(EXPORT_PYTHON) $(KERAS_PYTHON)) $(VENV); do \
	  $$python tests/bars/import_cost.py $(BUILD)/src/libhone.so --folder $(BUILD)/import_cost --make; done
	@$(VENV) tests/bars/import_cost.py $(BUILD)/src/libhone.so --folder $(BUILD)/import_cost $(if $(WRITE),--write)

CASES ?= 200
SEED ?= 1

GRAPHS ?= 20000

random-graphs: $(BUILD)/build.ninja $(VENV) ## random graphs: text, reference, engines, ONNX Runtime
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_random_graphs
	@$(BUILD)/bin/hone_random_graphs --count $(GRAPHS) --seed $(SEED)
	@$(VENV) tests/graphs/against_onnxruntime.py $(BUILD)/bin/hone_random_graphs --count $(GRAPHS) \
	  --seed $(SEED)

pass-check: $(BUILD)/build.ninja ## after every pass: bench graphs made small, trained models
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_pass_check_models
	@$(BUILD)/bin/hone_pass_check_models $(DATA) $(may_skip)

ABLATED ?= 1000

ablation: $(BUILD)/build.ninja ## the suite, random graphs and models with each pass alone off
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_conformance hone_random_graphs hone_pass_check_models
	@$(BUILD)/bin/hone_conformance $(filter-out %/light %/real,$(SUITE_FOLDERS)) --ablate $(may_skip)
	@$(BUILD)/bin/hone_conformance $(filter %/light %/real,$(SUITE_FOLDERS)) --disable all $(may_skip)
	@$(BUILD)/bin/hone_random_graphs --count $(ABLATED) --seed $(SEED) --ablate 1
	@$(BUILD)/bin/hone_pass_check_models $(DATA) --ablate $(may_skip)

line-coverage: ## share of the lines of each room that the tests run (a build of its own)
	@tools/setup test
	@tests/line_coverage build/coverage $(JOBS)

differential: $(BUILD)/build.ninja $(VENV) ## random cases of every operator against ONNX Runtime
	@cmake --build $(BUILD) -j $(JOBS) --target hone_shared
	@$(VENV) tests/differential/run.py $(BUILD)/src/libhone.so --cases $(CASES) --seed $(SEED) $(may_skip)

damage: $(BUILD)/build.ninja ## engine files cut, flipped and forged, all of the cases
	@$(with_tests)
	@cmake --build $(BUILD) -j $(JOBS) --target hone_tests_runtime
	@HONE_DEEP=1 $(BUILD)/tests/hone_tests_runtime --gtest_filter='EngineDamage.*:EngineForgery.*'

deep: test damage accuracy bench-graphs halves fusion retrieval round-trip differential random-graphs pass-check \
      ablation specialization ## too long for CI

fuzz: ## damage engine files and run each fuzz target for FUZZ_SECONDS, with sanitizers
	@tools/setup build check
	@cmake -E env PRESET=fuzz $(MAKE) --no-print-directory build/fuzz/build.ninja
	@cmake --build build/fuzz -j $(JOBS) --target hone_fuzzers
	@tests/fuzz/run build/fuzz $(FUZZ_SECONDS)

stats: ## clean and no-op build time, size of hone, time of --help
	@tools/setup build
	@tools/stats $(JOBS)

clean: ## remove what was built
	@rm -rf build

# Configuring needs only what building needs; `make all` switches the tests on.
build/%/build.ninja: CMakePresets.json
	@tools/setup build
	@cmake --preset $* -DHONE_TESTS=$(if $(filter all,$(MAKECMDGOALS)),ON,OFF)
	@touch $@

# Python is for tests only, and only inside .venv: Debian's pip refuses to install elsewhere.
$(VENV): tests/requirements.txt
	@tools/setup test
	@$(PYTHON) -m venv .venv
	@$(VENV) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@
