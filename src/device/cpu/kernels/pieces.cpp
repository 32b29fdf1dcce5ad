// Several ops that move elements, and a tensor that is added to what they make: every element is
// moved once, in pieces that all of the ops leave whole.

#include "device/cpu/pieces.hpp"

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"

namespace hone::cpu {
namespace pieces_kernel {
namespace {

constexpr int64_t kLeastBytes = 64;        // of a piece: shorter ones are moved one op at a time
constexpr int64_t kTileBytes = 64 * 1024;  // that one worker takes at a time

/// What is moved, and what is added to it.
struct Moved {
  const Value* value = nullptr;
  const Value* added = nullptr;  // null: nothing
};
std::optional<Moved> moved_by(const Graph& body) {
  if (body.outputs().size() != 1) return std::nullopt;
  const Value* result = body.outputs()[0].value;
  if (result->producer == nullptr) return std::nullopt;
  const Node& last = *result->producer;
  if (last.op.as<Add>() == nullptr) return Moved{result};
  for (const size_t i : {0, 1}) {
    const Value *value = last.inputs[i], *other = last.inputs[1 - i];
    const bool fits = value->producer != nullptr && other->is_input() &&
                      value->type == result->type && other->type == result->type;
    if (fits) return Moved{value, other};
  }
  return std::nullopt;
}

/// A plan may have what makes such an operand write it there.
bool joins_operands(const Value& moved) {
  const Node& last = *moved.producer;
  return last.op.as<Concat>() != nullptr &&
         std::ranges::any_of(last.inputs, [](const Value* each) { return each->is_input(); });
}

Verdict supports(const Problem& problem) {
  const Graph& body = *problem.region.body;
  if (body.nodes().size() < 2) return Verdict::no("several ops that move elements only");
  const auto moved = moved_by(body);
  const auto sources = moved ? sources_of(*moved->value) : std::nullopt;
  if (!sources || sources->nodes + (moved->added != nullptr ? 1 : 0) != body.nodes().size())
    return Verdict::no("more than ops that move elements, and a sum");
  const DType dtype = moved->value->type.tensor().dtype;
  if (moved->added != nullptr && dtype != DType::f32) return Verdict::no("sums of f32 only");
  if (std::ranges::any_of(sources->values, [](const Value* each) { return !each->is_input(); }))
    return Verdict::no("a literal is moved");
  if (moved->added == nullptr && joins_operands(*moved->value))
    return Verdict::no("what it joins may be made in its place");
  const auto size = piece_size_of(*moved->value, problem.sizes);
  if (size && static_cast<double>(*size) >= typical_count(problem, moved->value->type))
    return Verdict::no("nothing is moved");
  if (!size || *size * bits(dtype) / 8 < kLeastBytes)
    return Verdict::no("what they leave whole is shorter than 64 bytes");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Moved moved = *moved_by(*problem->region.body);
  const double bytes =
      typical_count(*problem, moved.value->type) * bits(moved.value->type.tensor().dtype) / 8;
  made.seconds = bytes * (moved.added == nullptr ? 2 : 3) / problem->target->bytes_per_second;
  made.problem = std::move(problem);
  return made;
}

struct PiecesShared final : Shared<PiecesShared> {
  static constexpr bool kLaunches = true;
  Region region;
  const Value *value = nullptr, *added = nullptr;
  std::vector<int> inputs;  // of the region, by source
  int added_input = -1;
  int64_t width = 1;

  struct Geometry {
    std::optional<Pieces> pieces;         // nullopt: they would be too short at these sizes
    std::optional<StepwiseMoves> by_ops;  // then
    std::unique_ptr<float[]> moved;       // by these, where something is added to it
    bool is_empty = false;
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g;
    g.is_empty = element_count(operands.outputs[0].shape) == 0;
    if (g.is_empty) return g;
    const Bindings symbols = symbols_of(*region.body, operands);
    g.pieces = pieces_of(*value, symbols);
    if (g.pieces && g.pieces->size * width >= kLeastBytes) return g;
    g.pieces.reset();
    g.by_ops.emplace(*value, symbols, width);
    if (added != nullptr)
      g.moved.reset(new float[static_cast<size_t>(element_count(operands.outputs[0].shape))]);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.is_empty) return;
    if (!g.pieces) return run_by_ops(g, operands, stream);
    launch_ranges(
        stream, std::ssize(g.pieces->places),
        std::max<int64_t>(1, kTileBytes / (g.pieces->size * width)),
        [=, this, &g, &operands](int64_t first, int64_t last) {
          run_tile(*g.pieces, operands, first, last);
        },
        [&](int64_t first, int64_t last) {
          const int64_t size = g.pieces->size * width;
          Touched all;
          for (const Operand& each : operands.inputs)
            all.reads.push_back(
                Box::of(each.data, 0,
                        static_cast<int64_t>(bytes_for(each.dtype, element_count(each.shape)))));
          all.writes.push_back(Box::of(operands.outputs[0].data, first * size, last * size));
          return all;
        });
  }

  void run_by_ops(const Geometry& g, const Operands& operands, Stream& stream) const {
    const auto source = [&](size_t i) -> const std::byte* {
      return operands.inputs[static_cast<size_t>(inputs[i])].data;
    };
    if (added == nullptr) return g.by_ops->run(source, operands.outputs[0].data, stream);
    const float* moved = g.moved.get();
    g.by_ops->run(source, reinterpret_cast<std::byte*>(g.moved.get()), stream);
    launch_ranges(stream, element_count(operands.outputs[0].shape), kTileBytes / width,
                  [=, this, &operands](int64_t first, int64_t last) {
                    add(moved + first,
                        operands.inputs[static_cast<size_t>(added_input)].as<float>() + first,
                        last - first, operands.outputs[0].as<float>() + first);
                  });
  }

  void run_tile(const Pieces& pieces, const Operands& operands, int64_t first, int64_t last) const {
    const int64_t size = pieces.size;
    const auto place = [&](int64_t i) { return pieces.places[static_cast<size_t>(i)]; };
    for (int64_t i = first; i < last;) {
      const Pieces::Place start = place(i);
      int64_t end = i + 1;  // of those that lie behind one another
      while (end < last && place(end).source == start.source &&
             place(end).at == start.at + (end - i) * size)
        ++end;
      const std::byte* from =
          operands.inputs[static_cast<size_t>(inputs[start.source])].data + start.at * width;
      std::byte* to = operands.outputs[0].data + i * size * width;
      const int64_t count = (end - i) * size;
      if (added == nullptr) {
        std::memcpy(to, from, static_cast<size_t>(count * width));
      } else {
        const float* also =
            operands.inputs[static_cast<size_t>(added_input)].as<float>() + i * size;
        add(reinterpret_cast<const float*>(from), also, count, reinterpret_cast<float*>(to));
      }
      i = end;
    }
  }
  static void add(const float* a, const float* b, int64_t count, float* to) {
    for (int64_t i = 0; i < count; ++i) to[i] = a[i] + b[i];
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<PiecesShared>();
  const Problem& problem = *recipe.problem;
  const Moved moved = *moved_by(*problem.region.body);
  shared->region = problem.region;
  shared->value = moved.value;
  shared->added = moved.added;
  const Sources sources = *sources_of(*moved.value);
  for (const Value* source : sources.values)
    shared->inputs.push_back(Source(problem, source).input());
  if (moved.added != nullptr) shared->added_input = Source(problem, moved.added).input();
  shared->width = bits(moved.value->type.tensor().dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace pieces_kernel

void register_pieces(KernelRegistry& registry) {
  using namespace pieces_kernel;
  registry.add({"cpu.pieces", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
