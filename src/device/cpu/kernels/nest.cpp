// Regions of ops that describe themselves as stages: code is made for each.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "device/cpu/emit/region_code.hpp"
#include "device/cpu/jit/code_memory.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace nest_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;    // elements that one worker takes at a time
constexpr double kLoopSeconds = 15e-9;  // to enter a loop, as measured
constexpr size_t kMostParameters = 64;

using emitter::code_of;
using emitter::CodedRegion;

Isa isa_of(const Problem& problem) {
  for (const Isa isa : {Isa::avx2, Isa::avx512})
    if (problem.target->isa == name(isa)) return isa;
  return Isa::generic;
}

using Part = std::vector<const Node*>;

/// The nodes that lead to `last`, it among them, in the body's order; empty: of more than `most`.
Part needs_of(const Node* last, const std::unordered_map<const Node*, size_t>& places,
              size_t most) {
  Part part{last};
  std::unordered_set<const Node*> needed{last};
  for (size_t i = 0; i < part.size(); ++i)
    for (const Value* input : part[i]->inputs)
      if (input != nullptr && input->producer != nullptr && needed.insert(input->producer).second) {
        if (part.size() == most) return {};
        part.push_back(input->producer);
      }
  std::sort(part.begin(), part.end(),
            [&](const Node* a, const Node* b) { return places.at(a) < places.at(b); });
  return part;
}

/// A large part of a region that has code, of those that lead to one of its values: the largest,
/// where code that is made of one is made of the smaller ones, too.
const Value* longest_part(const Graph& body, Isa isa) {
  std::unordered_map<const Node*, size_t> places;
  for (const Node& node : body.nodes()) places.emplace(&node, places.size());
  std::vector<Part> parts;
  for (const Node& node : body.nodes()) {
    Part part = needs_of(&node, places, emitter::kMostCoded);
    if (part.size() > 1 && part.size() < body.nodes().size()) parts.push_back(std::move(part));
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.size() < b.size(); });
  const Value* longest = nullptr;
  for (size_t first = 0, last = parts.size(); first < last;) {
    const size_t middle = first + (last - first) / 2;
    if (code_of(region_of(body, parts[middle]), isa).declined.empty()) {
      longest = parts[middle].back()->outputs[0];
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return longest;
}

double bytes_of(const Problem& problem, const Value* value) {
  return typical_count(problem, value->type) * bits(value->type.tensor().dtype) / 8;
}

double seconds_of(const Problem& problem, const CodedRegion& coded) {
  double bytes = 0;
  for (const Value* value : coded.operands) bytes += bytes_of(problem, value);
  const emitter::Work work = emitter::work_of(*coded.code, problem.sizes);
  return bytes / problem.target->bytes_per_second +
         work.operations / problem.target->flops_per_second + kLoopSeconds * work.loops;
}

Verdict supports(const Problem& problem) {
  const Isa isa = isa_of(problem);
  if (isa == Isa::generic) return Verdict::no("code is made for AVX2 and AVX-512 only");
  if (!may_execute()) return Verdict::no("this system lets no memory become executable");
  const CodedRegion coded = code_of(problem.region, isa);
  if (coded.declined.empty() && coded.operands.size() > kMostParameters)
    return Verdict::no(cat("more than ", kMostParameters, " operands"));
  if (coded.declined.empty()) return {};
  if (problem.region.single() == nullptr)
    if (const Value* value = longest_part(*problem.region.body, isa))
      return Verdict::yes_up_to(value->name, coded.declined);
  return Verdict::no(coded.declined);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Graph& body = *problem->region.body;
  const CodedRegion coded = code_of(problem->region, isa_of(*problem));
  made.seconds = seconds_of(*problem, coded);
  made.scratch_bytes = coded.code->emitted.scratch_bytes * problem->share.workers;
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    const auto found = std::ranges::find(coded.overwritable, body.inputs()[i]);
    if (found != coded.overwritable.end()) made.may_overwrite.push_back(i);
  }
  made.problem = std::move(problem);
  return made;
}

struct NestShared final : Shared<NestShared> {
  static constexpr bool kLaunches = true;
  Region region;
  std::shared_ptr<const emitter::RegionCode> code;
  std::shared_ptr<const std::byte> page;  // null: the system gave none after all
  emitter::Entry entry = nullptr;
  struct Parameter {
    int input = -1, output = -1;
    Tensor literal{};
  };
  std::vector<Parameter> parameters;

  struct Geometry {
    std::vector<int64_t> numbers;
    int64_t tiles = 0, grain = 1, scratch = 0;
    bool by_ops = false;  // not by code
    Bindings symbols;
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    g.symbols = symbols_of(*region.body, operands);
    for (const Dim& number : code->emitted.numbers)
      g.numbers.push_back(number.evaluate(g.symbols).value_or(0));
    const auto tiles = code->emitted.tiles.evaluate(g.symbols);
    g.scratch = code->emitted.scratch_bytes.evaluate(g.symbols).value_or(0);
    g.tiles = tiles.value_or(1);
    int64_t most = 1;
    for (const auto* all : {&operands.inputs, &operands.outputs})
      for (const Operand& operand : *all) most = std::max(most, element_count(operand.shape));
    g.grain = std::max<int64_t>(1, g.tiles * kTile / most);
    g.by_ops =
        entry == nullptr || !tiles ||
        std::any_of(code->emitted.limits.begin(), code->emitted.limits.end(),
                    [&](const Dim& limit) { return limit.evaluate(g.symbols).value_or(1) > 0; });
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.tiles == 0) return;
    // Memory could not be made executable, or sizes are not as the code takes them (one that
    // broadcasts is 1).
    if (g.by_ops) return run_by_ops(*region.body, operands, g.symbols, stream);
    stream.launch((g.tiles + g.grain - 1) / g.grain, [=, this, &g, &operands](int64_t i) {
      void* addresses[kMostParameters];
      for (size_t k = 0; k < parameters.size(); ++k)
        addresses[k] = address(parameters[k], operands);
      const emitter::Call call{addresses, g.numbers.data(), i * g.grain,
                               std::min(g.tiles, (i + 1) * g.grain),
                               scratch.data() + Team::worker() * g.scratch};
      entry(&call);
    });
  }

  static void* address(const Parameter& parameter, const Operands& operands) {
    if (parameter.input >= 0) return operands.inputs[static_cast<size_t>(parameter.input)].data;
    if (parameter.output >= 0) return operands.outputs[static_cast<size_t>(parameter.output)].data;
    return const_cast<std::byte*>(parameter.literal.bytes().data());
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<NestShared>();
  const Problem& problem = *recipe.problem;
  const Graph& body = *problem.region.body;
  const CodedRegion coded = code_of(problem.region, isa_of(problem));
  shared->region = problem.region;
  shared->code = coded.code;
  shared->page = emitter::page_of(*coded.code);
  if (shared->page != nullptr) shared->entry = function_at<emitter::Entry>(shared->page.get());
  for (const Value* value : coded.operands) {
    NestShared::Parameter parameter;
    const auto input = std::find(body.inputs().begin(), body.inputs().end(), value);
    if (input != body.inputs().end()) {
      parameter.input = static_cast<int>(input - body.inputs().begin());
    } else if (value->is_constant()) {
      parameter.literal = value->weight->tensor().clone();
    } else {
      parameter.output = value->first_output;
    }
    shared->parameters.push_back(std::move(parameter));
  }
  return shared;
}

}  // namespace
}  // namespace nest_kernel

void register_nest(KernelRegistry& registry) {
  using namespace nest_kernel;
  registry.add({"cpu.nest", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
