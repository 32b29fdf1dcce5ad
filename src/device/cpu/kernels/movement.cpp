// Ops that move whole elements of any type (device/cpu/movers.hpp), one by one.

#include "base/size.hpp"
#include "device/cpu/movers.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace movement_kernel {
namespace {

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (node == nullptr) return Verdict::no("moves elements only");
  const std::string_view why = refuses_to_move(*node);
  return why.empty() ? Verdict{} : Verdict::no(std::string(why));
}

struct MovementShared final : Shared<MovementShared> {
  static constexpr bool kLaunches = true;
  static constexpr size_t kPadding = 2;  // the operand whose element is put around a box
  Region region;
  std::vector<Source> operands_of;
  std::vector<int> outputs_of;
  int64_t width = 1;
  bool pads = false;

  std::vector<Move> geometry(const Operands& operands) const {
    Moving moving{*region.single(), {}, {}, operands.symbols};
    for (const Source& source : operands_of)
      moving.ins.push_back(source.present() ? source.shape(operands) : std::vector<int64_t>());
    for (const int output : outputs_of) {
      moving.outs.emplace_back();
      if (output >= 0) moving.outs.back() = operands.outputs[static_cast<size_t>(output)].shape;
    }
    std::vector<Move> moves = moves_of(moving);
    if (pads) moves = with_padding(moves, operands.outputs[0].shape);
    else
      for (Move& move : moves) move.join_lines(width);
    return moves;
  }

  /// The value of padding goes where the box does not, or everywhere before it.
  std::vector<Move> with_padding(const std::vector<Move>& boxes,
                                 const std::vector<int64_t>& result) const {
    const int64_t count = element_count(result);
    if (count == 0) return {};
    Move box;  // of no elements
    box.dims = {{0, 1, 1}};
    if (!boxes.empty()) box = boxes[0];
    std::vector<Move> moves;
    if (box.count() < count) moves = around(box, count, width, kPadding);
    box.join_lines(width);
    if (box.count() > 0) moves.push_back(box);
    return moves;
  }

  void run(const std::vector<Move>& moves, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (!pads && part_together(moves)) return run_together(moves, operands, stream);
    for (const Move& move : moves)
      run_move(move, width, source(move, operands), target(move, operands), stream);
  }

  const std::byte* source(const Move& move, const Operands& operands) const {
    static constexpr std::byte kZeros[16] = {};
    if (!pads || move.operand != kPadding) return operands_of[move.operand].data(operands);
    const bool given = operands_of.size() > kPadding && operands_of[kPadding].present() &&
                       element_count(operands_of[kPadding].shape(operands)) > 0;
    return given ? operands_of[kPadding].data(operands) : kZeros;
  }
  std::byte* target(const Move& move, const Operands& operands) const {
    return operands.outputs[static_cast<size_t>(outputs_of[move.result])].data;
  }

  /// What several moves copy for each of their outermost lines, one of these after the other.
  void run_together(const std::vector<Move>& moves, const Operands& operands,
                    Stream& stream) const {
    constexpr int64_t kTileBytes = 64 * 1024;  // that one worker takes at a time
    int64_t bytes = 0;                         // of a line
    for (const Move& move : moves) bytes += move.count() / move.dims[0].size * width * move.joined;
    launch_ranges(
        stream, moves[0].dims[0].size, kTileBytes / bytes,
        [=, this, &moves, &operands](int64_t first, int64_t last) {
          for (const Move& move : moves)
            copy_part(move, width, first, last, source(move, operands), target(move, operands));
        },
        [&](int64_t first, int64_t last) {
          Touched all;
          for (const Move& move : moves) {
            const Touched one = touched_by_part(move, width, first, last, source(move, operands),
                                                target(move, operands));
            all.reads.insert(all.reads.end(), one.reads.begin(), one.reads.end());
            all.writes.insert(all.writes.end(), one.writes.begin(), one.writes.end());
          }
          return all;
        });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<MovementShared>();
  const Problem& problem = *recipe.problem;
  const Node& node = *problem.region.single();
  shared->region = problem.region;
  shared->operands_of = sources(problem);
  int wanted = 0;  // as wanted_output() says of each
  for (const Value* output : node.outputs)
    shared->outputs_of.push_back(output == nullptr ? -1 : wanted++);
  shared->width = bits(operand_type(problem, 0)->dtype) / 8;
  shared->pads = fills_around(node);
  return shared;
}

}  // namespace
}  // namespace movement_kernel

void register_movement(KernelRegistry& registry) {
  using namespace movement_kernel;
  registry.add({"cpu.movement", 1, supports, no_tunings, streaming_recipe<>, prepare});
}

}  // namespace hone::cpu
