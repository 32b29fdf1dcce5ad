#include "device/cuda/emit/half_product.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/writing.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

/// The dim with these axes' variables at 0.
Dim at_zero(const Dim& dim, const std::vector<Axis>& axes) {
  Indices zeros;
  for (const Axis& axis : axes) zeros[name_of(axis)] = 0;
  return at_places(dim, zeros);
}

bool has_any(const Dim& dim, const std::vector<Axis>& axes) { return !(at_zero(dim, axes) == dim); }

/// What a step along the axis adds.
Dim step(const Dim& dim, const Axis& axis) {
  return at_places(dim, {{name_of(axis), axis.variable + 1}}) - dim;
}

class Analysis {
 public:
  Analysis(const Problem& problem, HalfProduct& made) : problem_(problem), made_(made) {}

  void run() {
    Contraction& contraction = made_.contraction;
    contraction = contraction_of(*problem_.region.body, strides_of(problem_));
    contraction.loose = loose_values(problem_);
    made_.declined = contraction.declined;
    if (!made_.declined.empty()) return;
    if (!multiplies_halves(contraction)) {
      made_.declined = "its operands are no halves";
      return;
    }
    made_.a.operand = &*contraction.a;
    made_.a.axes = &contraction.rows;
    made_.b.operand = &*contraction.b;
    made_.b.axes = &contraction.columns;
    for (HalfSide* side : {&made_.a, &made_.b}) find_packing(*side);
    for (const HalfSide* side : {&made_.a, &made_.b})
      if (side->way != Way::packed && put_last(*side)) break;
    for (HalfSide* side : {&made_.a, &made_.b}) {
      if (side->way == Way::packed) find_steps(*side);
      else if (find_picks(*side)) find_copies(*side);
    }
  }

 private:
  /// Its place in memory, where it is a plain load of an operand.
  std::optional<Dim> place(const HalfSide& side) const {
    if (side.operand->kind() != Expr::Kind::load || side.operand->outside().value_or(0) != 0)
      return std::nullopt;
    return place(*side.operand);
  }
  std::optional<Dim> place(const Expr& load) const {
    const Value* value = std::get<const Value*>(load.source());
    if (value->is_constant()) return std::nullopt;
    const Dims strides = strides_of(value, value->type.tensor().shape(), made_.contraction.strides);
    Dim offset;
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      if (load.operands()[axis].kind() != Expr::Kind::index) return std::nullopt;
      offset = offset + load.operands()[axis].dim() * strides[axis];
    }
    return offset;
  }

  /// Within the buffer at all places of the loops.
  bool is_inside(const Dim& index, const Dim& size) const {
    Ranges variables;
    const Contraction& of = made_.contraction;
    for (const auto* axes : {&of.batches, &of.rows, &of.columns, &of.depth})
      for (const Axis& axis : *axes) {
        if (index == axis.variable && axis.extent == size) return true;
        if (const auto extent = axis.extent.constant())
          variables[name_of(axis)] = {0, std::max<int64_t>(0, *extent - 1)};
      }
    const Interval bounds = index.bounds(problem_.ranges, variables);
    return size.constant() && bounds.low >= 0 && bounds.high < *size.constant();
  }

  /// The axis of the depth along which a side's elements lie side by side comes last.
  bool put_last(const HalfSide& side) {
    const auto offset = place(side);
    if (!offset) return false;
    auto& depth = made_.contraction.depth;
    for (size_t i = 0; i < depth.size(); ++i) {
      if (!step(*offset, depth[i]).is(1) || depth[i].extent.is(1)) continue;
      std::rotate(depth.begin() + static_cast<long>(i), depth.begin() + static_cast<long>(i) + 1,
                  depth.end());
      return true;
    }
    return false;
  }

  /// A constant whose places are sums of multiples of its own axes, all of known size.
  void find_packing(HalfSide& side) {
    const auto offset = place(side);
    if (!offset) return;
    const Expr& load = *side.operand;
    const Value* value = std::get<const Value*>(load.source());
    const auto& inputs = problem_.region.body->inputs();
    const auto found = std::find(inputs.begin(), inputs.end(), value);
    if (found == inputs.end()) return;
    const auto input = static_cast<size_t>(found - inputs.begin());
    if (problem_.weights[input] == nullptr) return;
    // Nothing else reads it: in its own form it is another buffer.
    if (reads(made_.contraction.sum->operands()[0], value) != 1 ||
        reads(made_.contraction.stage->expr, value) != 0)
      return;
    Dim rest = *offset;
    for (const Axis& axis : all_axes(side)) {
      const Dim by = step(*offset, axis);
      if (!by.constant() || !axis.extent.constant()) return;
      rest = rest - by * axis.variable;
    }
    if (!rest.is(0)) return;
    for (size_t axis = 0; axis < load.operands().size(); ++axis)
      if (load.outside() &&
          !is_inside(load.operands()[axis].dim(), value->type.tensor().shape()[axis]))
        return;
    side.way = Way::packed;
    side.input = static_cast<int>(input);
  }

  /// How often an expression reads a value, but for what the sum does.
  int reads(const Expr& expr, const Value* value) const {
    if (expr == *made_.contraction.sum) return 0;
    int count =
        expr.kind() == Expr::Kind::load && std::get<const Value*>(expr.source()) == value ? 1 : 0;
    for (const Expr& operand : expr.operands()) count += reads(operand, value);
    return count;
  }

  std::vector<Axis> all_axes(const HalfSide& side) const {
    std::vector<Axis> all = *side.axes;
    all.insert(all.end(), made_.contraction.depth.begin(), made_.contraction.depth.end());
    return all;
  }

  void find_steps(HalfSide& side) {
    const auto offset = place(side);
    for (const Axis& axis : all_axes(side))
      side.steps.push_back(step(*offset, axis).constant().value_or(0));
  }

  std::optional<Parted> parted(const Dim& dim) const {
    const Contraction& of = made_.contraction;
    Parted parts{at_zero(dim, of.depth), 0};
    parts.depth = dim - parts.across;
    for (const auto* axes : {&of.batches, &of.rows, &of.columns})
      if (has_any(parts.depth, *axes)) return std::nullopt;
    return parts;
  }

  /// One load, of places that have two parts, and what is computed of it.
  bool find_picks(HalfSide& side) {
    int loads = 0;
    bool indices = false;
    const std::function<void(const Expr&)> look = [&](const Expr& expr) {
      indices |= expr.kind() == Expr::Kind::index;
      if (expr.kind() == Expr::Kind::load) {
        ++loads;
        side.load = expr;
        return;
      }
      for (const Expr& operand : expr.operands()) look(operand);
    };
    look(*side.operand);
    if (loads != 1 || indices) return false;
    const Expr& load = *side.load;
    const auto offset = place(load);
    const auto parts = offset ? parted(*offset) : std::nullopt;
    if (!parts) return false;
    const Dims& shape = std::get<const Value*>(load.source())->type.tensor().shape();
    for (size_t axis = 0; load.outside() && axis < shape.size(); ++axis) {
      const Dim& index = load.operands()[axis].dim();
      if (is_inside(index, shape[axis])) continue;
      const auto index_parts = parted(index);
      if (!index_parts) return false;
      side.inside.emplace_back(*index_parts, shape[axis]);
    }
    side.offset = *parts;
    side.way = Way::picked;
    return true;
  }

  /// Runs of 8 elements begin at multiples of 8 and are inside, or outside, as a whole.
  void find_copies(HalfSide& side) {
    const auto offset = place(side);
    const auto& depth = made_.contraction.depth;
    if (!offset || depth.empty()) return;
    const Axis& last = depth.back();
    const Value* value = std::get<const Value*>(side.operand->source());
    if (made_.contraction.loose.contains(value) || !step(*offset, last).is(1) ||
        !exact_div(last.extent, 8))
      return;
    if (!exact_div(side.offset.across, 8) || !exact_div(at_zero(side.offset.depth, {last}), 8))
      return;
    for (const auto& [index, size] : side.inside)
      if (has_any(index.depth, {last})) return;
    side.way = Way::copied;
  }

  const Problem& problem_;
  HalfProduct& made_;
};

}  // namespace

std::shared_ptr<const HalfProduct> half_product_of(const Problem& problem) {
  auto made = std::make_shared<HalfProduct>();
  Analysis(problem, *made).run();
  return made;
}

std::string packing_name(const HalfProduct& product, const HalfSide& side) {
  std::vector<std::string> axes;
  std::vector<Axis> all = *side.axes;
  all.insert(all.end(), product.contraction.depth.begin(), product.contraction.depth.end());
  for (size_t i = 0; i < all.size(); ++i) axes.push_back(cat(all[i].extent, "x", side.steps[i]));
  return cat("cuda.tensor.blocks/", side.axes->size(), ":", join(axes, ","));
}

int64_t packed_bytes(const HalfProduct& product, const HalfSide& side) {
  const int64_t depth = *product.contraction.depth_count().constant();
  return packed_rows(*Contraction::count(*side.axes).constant()) *
         ((depth + kBlockDepth - 1) / kBlockDepth * kBlockDepth) * 2;
}

size_t packed_place(size_t k, size_t row, size_t rows) {
  const size_t in_row = k % kBlockDepth;
  return ((k / kBlockDepth) * rows + row) * kBlockDepth + ((in_row / 8) ^ (row % 8)) * 8 +
         in_row % 8;
}

std::vector<int64_t> places_of(const std::vector<Axis>& axes, const int64_t* steps) {
  std::vector<int64_t> places{0};
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int64_t> further;
    for (const int64_t place : places)
      for (int64_t at = 0; at < *axes[i].extent.constant(); ++at)
        further.push_back(place + at * steps[i]);
    places = std::move(further);
  }
  return places;
}

Tensor pack_halves(const HalfProduct& product, const HalfSide& side, const Tensor& weight) {
  const std::vector<int64_t> across = places_of(*side.axes, side.steps.data());
  const std::vector<int64_t> down =
      places_of(product.contraction.depth, side.steps.data() + side.axes->size());
  const auto rows = static_cast<size_t>(packed_rows(std::ssize(across)));
  const size_t blocks = (down.size() + kBlockDepth - 1) / kBlockDepth;
  Tensor packed(DType::u16,
                {static_cast<int64_t>(blocks), static_cast<int64_t>(rows), kBlockDepth});
  std::byte* to = packed.mutable_bytes().data();
  const std::byte* from = weight.bytes().data();
  for (size_t row = 0; row < across.size(); ++row)
    for (size_t k = 0; k < down.size(); ++k)  // may lie anywhere
      std::memcpy(to + 2 * packed_place(k, row, rows), from + 2 * (across[row] + down[k]), 2);
  return packed;
}

}  // namespace hone::cuda::emitter
