// Ops that work element by element, with broadcasting: see device/cpu/elementwise.hpp.

#include "device/cpu/elementwise.hpp"

#include "base/size.hpp"
#include "device/cpu/broadcast_rows.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace elementwise_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kPiece = 512;       // elements widened at a time

struct Found {
  RowFunction function = nullptr;
  bool narrow = false;  // elements of 16 bits, computed in f32
  double operations = 1;
};

/// The function for the problem's op and types.
Found find(const Problem& problem) {
  const Node& node = *problem.region.single();
  const auto entry = elementwise_ops().find(&node.op.op_class());
  if (entry == elementwise_ops().end()) return {};
  std::vector<DType> types;
  bool narrow = is_half(node.outputs[0]->type.tensor().dtype);
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    types.push_back(input->type.tensor().dtype);
    narrow &= types.back() == node.outputs[0]->type.tensor().dtype;
  }
  const Elementwise& known = entry->second;
  const DType result = node.outputs[0]->type.tensor().dtype;
  if (RowFunction exact = known.of(node.op.data(), types, result))
    return {exact, false, known.operations};
  if (!narrow) return {};
  types.assign(types.size(), DType::f32);
  return {known.of(node.op.data(), types, DType::f32), true, known.operations + 4};
}

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (node == nullptr || !elementwise_ops().contains(&node->op.op_class()))
    return Verdict::no("not an elementwise op it knows");
  if (node->inputs.size() > BroadcastRows::kMostOperands)
    return Verdict::no("more than three operands");
  for (const auto* values : {&node->inputs, &node->outputs})
    for (const Value* value : *values)
      if (value != nullptr && (!value->type.is_tensor() || !value->type.tensor().has_rank()))
        return Verdict::no("an operand is of unknown rank");
  if (find(problem).function == nullptr)
    return Verdict::no(cat(node->op.name(), " of other element types or fields"));
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, find(*problem).operations);
  // Each element is read before the result's at its place is written. With the same bytes and the
  // same type an operand is not broadcast.
  const std::vector<Value*>& inputs = problem->region.body->inputs();
  const Type& result = problem->region.single()->outputs[0]->type;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]->type.tensor().dtype == result.tensor().dtype) made.may_overwrite.push_back(i);
  made.problem = std::move(problem);
  return made;
}

struct ElementwiseShared final : Shared<ElementwiseShared> {
  static constexpr bool kLaunches = true;
  Op op;
  std::vector<Source> operands_of;
  Found found;
  DType result = DType::f32;
  std::vector<int64_t> widths;  // bytes an element of each operand

  BroadcastRows geometry(const Operands& operands) const {
    std::vector<const std::vector<int64_t>*> shapes;
    for (const Source& source : operands_of)
      shapes.push_back(source.present() ? &source.shape(operands) : nullptr);
    return {operands.outputs[0].shape, shapes};
  }

  void run(const BroadcastRows& rows, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const RowFunctions& functions = row_functions();
    const int64_t width = bits(result) / 8;
    launch_ranges(
        stream, rows.count(), kTile,
        [=, this, &rows, &operands, &functions](int64_t first, int64_t last) {
          rows.range(first, last, [&](int64_t at, int64_t count, const int64_t* offsets) {
            Row row;
            row.count = count;
            for (size_t k = 0; k < operands_of.size(); ++k) {
              const std::byte* data = operands_of[k].data(operands);
              row.at[k] = data == nullptr ? nullptr : data + offsets[k] * widths[k];
              row.step[k] = rows.step(k);
            }
            row.to = operands.outputs[0].data + at * width;
            if (found.narrow) run_narrow(functions, row);
            else found.function(op.data(), functions, row);
          });
        },
        [&](int64_t first, int64_t last) {
          const auto box = [&](const std::byte* data, int64_t bytes) {
            return Box::of(data, first * bytes, last * bytes);
          };
          Touched all{{}, {box(operands.outputs[0].data, width)}};
          for (size_t k = 0; k < operands_of.size(); ++k) {
            if (!operands_of[k].present()) continue;
            const int64_t count = element_count(operands_of[k].shape(operands));
            const std::byte* data = operands_of[k].data(operands);
            all.reads.push_back(count == rows.count() ? box(data, widths[k])
                                                      : Box::of(data, 0, count * widths[k]));
          }
          return all;
        });
  }

  void run_narrow(const RowFunctions& functions, const Row& row) const {
    float wide[BroadcastRows::kMostOperands][kPiece], values[kPiece];
    for (int64_t done = 0; done < row.count; done += kPiece) {
      Row piece = row;
      piece.count = std::min(kPiece, row.count - done);
      for (size_t k = 0; k < operands_of.size(); ++k) {
        if (row.at[k] == nullptr) continue;
        widen_halves(result, row.at[k] + done * row.step[k] * widths[k],
                     row.step[k] == 0 ? 1 : piece.count, wide[k]);
        piece.at[k] = reinterpret_cast<const std::byte*>(wide[k]);
      }
      piece.to = reinterpret_cast<std::byte*>(values);
      found.function(op.data(), functions, piece);
      narrow_to_halves(values, piece.count, result, row.to + done * (bits(result) / 8));
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<ElementwiseShared>();
  const Problem& problem = *recipe.problem;
  const Node& node = *problem.region.single();
  shared->op = node.op;
  shared->operands_of = sources(problem);
  shared->found = find(problem);
  shared->result = node.outputs[0]->type.tensor().dtype;
  for (const Value* input : node.inputs)
    shared->widths.push_back(input == nullptr ? 0 : bits(input->type.tensor().dtype) / 8);
  return shared;
}

}  // namespace
}  // namespace elementwise_kernel

void register_elementwise(KernelRegistry& registry) {
  using namespace elementwise_kernel;
  registry.add({"cpu.elementwise", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
