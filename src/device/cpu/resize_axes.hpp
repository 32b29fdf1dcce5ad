#pragma once
// What the kernels of Resize share.

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/resize.hpp"

namespace hone::cpu {

/// Whether sizes and scales are ones that resize_taps_of() can be asked about at any binding.
inline Verdict resize_supported(const Problem& problem, const Resize& op) {
  if (op.coordinate_transformation_mode == Resize::Coordinates::tf_crop_and_resize)
    return Verdict::no("crops a region of interest");
  for (const size_t parameter : {2, 3})
    if (operand_type(problem, parameter) != nullptr &&
        constant_operand(problem, parameter) == nullptr)
      return Verdict::no("scales or sizes are computed");
  return {};
}

/// An axis before the last two keeps its size, and its scale is 1.
inline bool keeps_axis(const Problem& problem, const Resize& op, size_t axis) {
  const Weight* scales = constant_operand(problem, 2);
  if (scales != nullptr && scales->count() > 0) {
    if (op.axes.empty()) return scales->tensor().number(static_cast<int64_t>(axis)) == 1;
    for (size_t i = 0; i < op.axes.size(); ++i)
      if (axis_index(op.axes[i], operand_type(problem, 0)->shape().size()) == axis)
        return scales->tensor().number(static_cast<int64_t>(i)) == 1;
    return true;
  }
  const TensorType& y = problem.region.single()->outputs[0]->type.tensor();
  return op.keep_aspect_ratio_policy == Resize::Aspect::stretch && y.has_rank() &&
         y.shape()[axis] == operand_type(problem, 0)->shape()[axis];
}

/// Whether it resizes the last two axes alone.
inline Verdict resizes_planes(const Problem& problem, const Resize& op) {
  for (size_t axis = 0; axis + 2 < operand_type(problem, 0)->shape().size(); ++axis)
    if (!keeps_axis(problem, op, axis)) return Verdict::no("resizes other axes than the last two");
  return {};
}

/// The taps of each axis for the operands' sizes.
inline std::vector<ResizeTaps> resize_taps_of(const Region& region,
                                              const std::vector<Source>& operands_of,
                                              const Operands& operands) {
  const Node& node = *region.single();
  std::vector<Tensor> held;
  for (size_t i = 0; i < operands_of.size(); ++i) {
    held.emplace_back();
    if (!operands_of[i].present()) continue;
    const std::vector<int64_t>& shape = operands_of[i].shape(operands);
    const DType dtype = node.inputs[i]->type.tensor().dtype;
    const size_t bytes = bytes_for(dtype, element_count(shape));
    held.back() = Tensor::borrow(dtype, shape, {operands_of[i].data(operands), bytes}, nullptr);
  }
  std::vector<const Tensor*> inputs;
  for (size_t i = 0; i < held.size(); ++i)
    inputs.push_back(operands_of[i].present() ? &held[i] : nullptr);
  return resize_taps(Evaluation(node, std::move(inputs), operands.symbols), *node.op.as<Resize>());
}

/// Taps of every place of an axis, those of place i from first[i] on.
template <class Weight>
struct ResizeAxis {
  struct Tap {
    int64_t place;
    Weight weight;
  };
  int64_t from = 0, to = 0;  // sizes of the operand and of the result
  std::vector<Tap> taps;
  std::vector<size_t> first;

  ResizeAxis() = default;
  /// `given` is empty where the axis keeps its size.
  ResizeAxis(const ResizeTaps& given, int64_t from_size, int64_t to_size)
      : from(from_size), to(to_size), first{0} {
    for (int64_t i = 0; i < to; ++i) {
      if (given.empty()) taps.push_back({i, 1});
      else
        for (const ResizeTap& tap : given[static_cast<size_t>(i)])
          taps.push_back({tap.place, static_cast<Weight>(tap.weight)});
      first.push_back(taps.size());
    }
  }
};

/// Of planes along the last two axes.
template <class Weight>
struct ResizedPlanes {
  int64_t planes = 0;  // 0: nothing to do
  ResizeAxis<Weight> y, x;

  ResizedPlanes() = default;
  ResizedPlanes(const Region& region, const std::vector<Source>& operands_of,
                const Operands& operands) {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    if (element_count(out) == 0) return;
    const size_t rank = in.size();
    const std::vector<ResizeTaps> taps = resize_taps_of(region, operands_of, operands);
    planes = element_count(std::span(in).first(rank - 2));
    y = {taps[rank - 2], in[rank - 2], out[rank - 2]};
    x = {taps[rank - 1], in[rank - 1], out[rank - 1]};
  }
};

}  // namespace hone::cpu
