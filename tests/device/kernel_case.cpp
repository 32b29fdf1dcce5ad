#include "device/kernel_case.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/size.hpp"
#include "base/text.hpp"
#include "device/cpu/device.hpp"
#include "device/cpu/stream.hpp"
#include "device/fenced.hpp"
#include "device/problem.hpp"
#include "device/recorded.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/region.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test {
namespace {

ElementBounds bounds_of(DType dtype) {
  if (is_float(dtype)) return {-2, 2};
  if (dtype == DType::boolean) return {0, 1.99};
  if (dtype == DType::u8) return {0, 255.99};
  if (dtype == DType::i8) return {-128, 127};
  return is_signed(dtype) ? ElementBounds{-9, 9} : ElementBounds{0, 9};
}

Tensor random_tensor(DType dtype, const std::vector<int64_t>& shape, const ElementBounds& bounds,
                     unsigned seed) {
  Tensor tensor(dtype, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> values(bounds.low, bounds.high);
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double value = values(random);
    tensor.set_number(i, is_float(dtype) ? value : std::floor(value));
  }
  return tensor;
}

/// Bytes between guards, `shift` bytes off a 64-byte boundary.
class Guarded {
 public:
  Guarded(size_t bytes, size_t shift) : bytes_(bytes), storage_(bytes + 4 * kGuard, kMark) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data()) + kGuard;
    at_ = kGuard + (64 - address % 64) % 64 + shift;
  }
  std::byte* data() { return storage_.data() + at_; }
  std::span<std::byte> bytes() { return {data(), bytes_}; }
  bool untouched() const {
    for (size_t i = 0; i < storage_.size(); ++i)
      if ((i < at_ || i >= at_ + bytes_) && storage_[i] != kMark) return false;
    return true;
  }

 private:
  static constexpr size_t kGuard = 64;
  static constexpr std::byte kMark{0xA5};
  size_t bytes_, at_;
  std::vector<std::byte> storage_;
};

bool agrees(const Tensor& expected, const std::byte* found, double tolerance, std::string& why) {
  double largest = 0;
  for (int64_t i = 0; i < expected.count(); ++i)
    if (std::isfinite(expected.number(i)))
      largest = std::max(largest, std::fabs(expected.number(i)));
  const DType dtype = expected.dtype();
  double allowed = is_float(dtype) ? tolerance * largest : 0;
  if (dtype == DType::f16) allowed = std::max(allowed, 1.0 / 1024 * largest);
  if (dtype == DType::bf16) allowed = std::max(allowed, 1.0 / 128 * largest);
  for (int64_t i = 0; i < expected.count(); ++i) {
    const double a = expected.number(i), b = load_double(dtype, found, i);
    if (a == b || (a != a && b != b) || std::fabs(a - b) <= allowed) continue;
    why = cat("element ", i, " is ", std::to_string(b), ", wanted ", std::to_string(a));
    return false;
  }
  return true;
}

/// One kernel on one problem at several sizes.
class Trial {
 public:
  Trial(const KernelCase& given, const Kernel& kernel, std::shared_ptr<const Problem> problem)
      : given_(given),
        kernel_(kernel),
        problem_(std::move(problem)),
        team_(problem_->share.workers) {
    const Recipe recipe = kernel.recipe(problem_, kernel.tunings(*problem_).front());
    EXPECT_GT(recipe.seconds, 0);
    scratch_bytes_ = recipe.scratch_bytes;
    in_place_ = recipe.in_place;
    for (const size_t input : recipe.may_overwrite) in_place_.emplace_back(input, 0);
    std::vector<Tensor> packed;
    for (const Packing& packing : recipe.packings) {
      packed_.insert(packing.input);
      packed.push_back(
          packing.pack(*problem_, recipe.tuning, problem_->weights[packing.input]->tensor()));
    }
    prepared_ = kernel.prepare(recipe, std::move(packed), *device_);
  }

  void run(const Bindings& symbols, const std::vector<Tensor>& inputs,
           const std::vector<Tensor>& expected) {
    const auto scratch_bytes = scratch_bytes_.evaluate(symbols);
    ASSERT_TRUE(scratch_bytes.has_value());
    Guarded scratch(static_cast<size_t>(*scratch_bytes), 0);
    // Not zeros: what a kernel did not write is nothing to compute with.
    std::ranges::fill(scratch.bytes(), std::byte{0xff});
    Addresses first(*this, symbols, inputs, expected, true);
    Addresses second(*this, symbols, inputs, expected, false);
    cpu::Stream stream(team_);
    const auto bound = prepared_->bind(first.operands, scratch.bytes(), stream);
    const auto enqueue = [&] { team_.run([&] { bound->enqueue(stream); }); };
    enqueue();
    compare(first, symbols, expected);
    std::vector<std::vector<std::byte>> before;
    for (Guarded& output : first.outputs)
      before.emplace_back(output.bytes().begin(), output.bytes().end());
    enqueue();
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_TRUE(std::ranges::equal(before[i], first.outputs[i].bytes())) << "two runs differ";
    if (prepared_->records()) run_recorded(*bound, first, second, stream, before);
    bound->rebind(first.operands);
    bound->rebind(second.operands);
    enqueue();
    compare(second, symbols, expected);
    for (const auto& [input, result] : in_place_) {
      Addresses over(*this, symbols, inputs, expected, false);
      if (inputs[input].bytes().size() != expected[result].bytes().size()) continue;
      SCOPED_TRACE(cat("result ", result, " over input ", input));
      std::ranges::copy(inputs[input].bytes(), over.outputs[result].data());
      over.operands.inputs[input].data = over.outputs[result].data();
      bound->rebind(over.operands);
      enqueue();
      compare(over, symbols, expected);
    }
    EXPECT_TRUE(scratch.untouched()) << "wrote outside of its scratch";
  }

 private:
  struct Addresses {
    std::vector<Fenced> inputs;
    std::vector<Guarded> outputs;
    Operands operands;
    Addresses(const Trial& trial, const Bindings& symbols, const std::vector<Tensor>& tensors,
              const std::vector<Tensor>& results, bool at_end) {
      operands.symbols = symbols;
      const auto width = [](DType dtype) {
        return static_cast<size_t>(std::max(8, bits(dtype)) / 8);
      };
      for (size_t i = 0; i < tensors.size(); ++i) {
        const Tensor& tensor = tensors[i];
        inputs.emplace_back(tensor.bytes().size(), at_end);
        std::ranges::copy(tensor.bytes(), inputs.back().data());
        std::byte* data = trial.packed_.contains(i) ? nullptr : inputs.back().data();
        operands.inputs.push_back({data, tensor.dtype(), tensor.shape()});
      }
      for (const Tensor& tensor : results) {
        outputs.emplace_back(tensor.bytes().size(), width(tensor.dtype()));
        operands.outputs.push_back({outputs.back().data(), tensor.dtype(), tensor.shape()});
      }
    }
  };

  /// Recorded it gives the same bits, here and at other addresses; and no tile touches more than
  /// its launch tells.
  void run_recorded(Bound& bound, Addresses& first, Addresses& second, cpu::Stream& stream,
                    const std::vector<std::vector<std::byte>>& wanted) {
    if (!stream.begin_recording()) return;  // few workers go step by step
    std::unique_ptr<Recording> recording;
    try {
      bound.enqueue(stream);
      recording = stream.end_recording();
    } catch (const Error& error) {  // as where sizes want another way
      EXPECT_EQ(name(error.code()), name(Code::device));
      stream.note_in(nullptr);
      return;
    }
    const auto replay = [&](Addresses& at) {
      for (Guarded& output : at.outputs) std::ranges::fill(output.bytes(), std::byte{0xee});
      team_.run([&] { recording->replay(stream); });
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_TRUE(std::ranges::equal(wanted[i], at.outputs[i].bytes()))
            << kernel_.name << " on " << given_.node << " gives other bits when it is recorded";
    };
    replay(first);
    replay(first);
    bound.rebind(second.operands);
    recording->change(0, stream, [&] { bound.enqueue(stream); });
    replay(second);
    cpu::LaunchList list;
    stream.note_in(&list);
    bound.enqueue(stream);
    stream.note_in(nullptr);
    std::vector<std::span<std::byte>> inputs, outputs;
    for (size_t i = 0; i < second.inputs.size(); ++i)
      if (second.operands.inputs[i].data != nullptr) inputs.push_back(second.inputs[i].bytes());
    for (Guarded& output : second.outputs) outputs.push_back(output.bytes());
    SCOPED_TRACE(cat(kernel_.name, " on ", given_.node));
    expect_touched(list, inputs, outputs);
  }

  void compare(Addresses& at, const Bindings& symbols, const std::vector<Tensor>& expected) {
    std::vector<std::string> sizes;
    for (const auto& [name, value] : symbols) sizes.push_back(cat(name, "=", value));
    SCOPED_TRACE(join(sizes, " "));
    for (size_t i = 0; i < expected.size(); ++i) {
      std::string why;
      EXPECT_TRUE(agrees(expected[i], at.outputs[i].data(), given_.tolerance, why))
          << kernel_.name << " on " << given_.node << ", result " << i << " "
          << cat(shape_text(expected[i].shape())) << ", workers " << problem_->share.workers << ": "
          << why;
      EXPECT_TRUE(at.outputs[i].untouched()) << kernel_.name << " wrote outside of result " << i;
    }
  }

  const KernelCase& given_;
  const Kernel& kernel_;
  const std::shared_ptr<Device> device_ = cpu::open();
  std::shared_ptr<const Problem> problem_;
  Team team_;
  Dim scratch_bytes_;
  std::vector<std::pair<size_t, size_t>> in_place_;  // inputs and results
  std::set<size_t> packed_;
  std::shared_ptr<const Prepared> prepared_;
};

std::shared_ptr<const Problem> problem_of(const KernelCase& given, const Graph& graph,
                                          int workers) {
  return hone::problem_of(graph, graph.nodes().front(),
                          {cpu::open()->target(), {workers}, given.expected});
}

struct Run {
  Bindings symbols;
  std::vector<Tensor> operands, expected;  // the region's inputs; the wanted results
};

std::vector<int64_t> sizes_of(const Value& value, const Bindings& symbols) {
  std::vector<int64_t> sizes;
  for (const Dim& dim : value.type.tensor().shape()) sizes.push_back(*dim.evaluate(symbols));
  return sizes;
}

/// Random contents of the node's operands.
std::map<const Value*, Tensor> contents_of(const KernelCase& given, const Node& node,
                                           const Bindings& symbols) {
  std::map<const Value*, Tensor> contents;
  unsigned seed = 1;
  for (const Value* input : node.inputs) {
    if (input == nullptr || contents.contains(input)) continue;
    const DType dtype = input->type.tensor().dtype;
    const auto found = given.bounds.find(input->name);
    const ElementBounds bounds = found == given.bounds.end() ? bounds_of(dtype) : found->second;
    contents[input] = input->is_constant()
                          ? input->weight->tensor()
                          : random_tensor(dtype, sizes_of(*input, symbols), bounds, ++seed);
  }
  return contents;
}

/// What the kernels get and what the reference makes of it; `evaluates` false: results of the
/// types' sizes, without contents.
Run run_of(const KernelCase& given, const Graph& graph, const Bindings& symbols,
           bool evaluates = true) {
  const Node& node = graph.nodes().front();
  const std::map<const Value*, Tensor> contents = contents_of(given, node, symbols);
  Run run{symbols, {}, {}};
  for (const Value* operand : region_operands(node)) run.operands.push_back(contents.at(operand));
  std::vector<const Tensor*> inputs;
  for (const Value* input : node.inputs)
    inputs.push_back(input == nullptr ? nullptr : &contents.at(input));
  std::vector<Tensor> results(node.outputs.size());
  if (evaluates) results = evaluate(node, inputs, symbols);
  results.resize(node.outputs.size());  // without what is computed and not named
  for (size_t i = 0; i < results.size(); ++i) {
    const Value* output = node.outputs[i];
    if (output == nullptr) continue;
    run.expected.push_back(
        evaluates ? results[i] : Tensor(output->type.tensor().dtype, sizes_of(*output, symbols)));
  }
  return run;
}

}  // namespace

std::unique_ptr<Graph> KernelCase::graph() const {
  std::string names, text = results;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(", ", at), text.size());
    const std::string name = text.substr(at, end - at);
    if (name != "_") names += (names.empty() ? "" : ", ") + name;
    at = end + 2;
  }
  for (const std::string& name : also) names += ", " + name;
  text = "graph case(" + inputs + ") -> (" + names + ")\n";
  for (const std::string& line : before) text += "  " + line + "\n";
  text += "  " + results + " = " + node + "\n";
  if (!weights.empty()) text += "weights\n  " + weights + "\n";
  // Constants lie at odd addresses, as in a mapped file.
  const WeightResolver resolve = [this](std::string_view name, DType dtype,
                                        const std::vector<int64_t>& shape, const Hash&) {
    const auto found = bounds.find(std::string(name));
    const Tensor values =
        random_tensor(dtype, shape, found == bounds.end() ? bounds_of(dtype) : found->second, 77);
    auto storage = std::make_shared<std::vector<std::byte>>(values.bytes().size() + 1);
    std::ranges::copy(values.bytes(), storage->begin() + 1);
    const std::span<const std::byte> bytes(storage->data() + 1, values.bytes().size());
    return Weight::of(Tensor::borrow(dtype, shape, bytes, storage));
  };
  std::unique_ptr<Graph> graph = parse(text, all_ops(), resolve);
  if (before.empty()) return graph;
  std::vector<Node*> nodes;
  for (Node& each : graph->nodes()) nodes.push_back(&each);
  fuse_nodes(*graph, nodes);
  return graph;
}

namespace {

/// Runs the case on every kernel that takes it, once for each of `workers`; their names.
std::set<std::string> run_all(const KernelCase& given, std::initializer_list<int> all_workers) {
  const std::unique_ptr<Graph> graph = given.graph();
  std::vector<Run> runs;
  for (const Bindings& symbols : given.sizes) runs.push_back(run_of(given, *graph, symbols));
  std::set<std::string> names;
  for (const int workers : all_workers) {
    const auto problem = problem_of(given, *graph, workers);
    for (const Kernel* kernel : cpu::kernels().all()) {
      if (!kernel->accepts(*problem).yes) continue;
      names.insert(std::string(kernel->name));
      Trial trial(given, *kernel, problem);
      for (const Run& run : runs) trial.run(run.symbols, run.operands, run.expected);
    }
  }
  return names;
}

/// What a line of `before` makes: "%a, %b" of "%a, %b = Split(%x)".
std::vector<std::string> results_of(std::string_view line) {
  std::vector<std::string> names;
  for (const std::string_view name : split(line.substr(0, line.find(" = ")), ','))
    names.emplace_back(name.substr(name.find_first_not_of(' ')));
  std::erase(names, "_");
  return names;
}

/// The case once more for each value inside the region, which is wanted outside, too: a kernel that
/// takes it writes it.
void run_with_others_wanted(const KernelCase& given) {
  for (const std::string& line : given.before)
    for (const std::string& name : results_of(line)) {
      if (std::ranges::find(given.also, name) != given.also.end()) continue;
      KernelCase other = given;
      other.also.push_back(name);
      other.sizes = {given.sizes.front()};
      SCOPED_TRACE(cat("wanted, too: ", name));
      run_all(other, {3});
    }
}

}  // namespace

std::set<std::string> kernels_run(const KernelCase& given) {
  std::set<std::string> names = run_all(given, {1, 3, 12});
  run_with_others_wanted(given);
  return names;
}

void expect_kernel(const std::string& kernel, const KernelCase& given) {
  EXPECT_TRUE(kernels_run(given).contains(kernel)) << given.node << ": " << refusal(kernel, given);
}

std::string kernel_error(const std::string& kernel, const KernelCase& given) {
  const std::unique_ptr<Graph> graph = given.graph();
  const auto problem = problem_of(given, *graph, 1);
  const Kernel* found = cpu::kernels().find(kernel);
  EXPECT_TRUE(found != nullptr && found->accepts(*problem).yes) << kernel;
  const Run run = run_of(given, *graph, given.sizes.front(), false);
  try {
    Trial(given, *found, problem).run(run.symbols, run.operands, run.expected);
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

std::string refusal(const std::string& kernel, const KernelCase& given) {
  const std::unique_ptr<Graph> graph = given.graph();
  const Kernel* found = cpu::kernels().find(kernel);
  if (found == nullptr) return "there is no such kernel";
  return found->accepts(*problem_of(given, *graph, 1)).why;
}

}  // namespace hone::test
