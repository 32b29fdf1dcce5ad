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

/// What operands of integers are.
class IntegerReading {
 public:
  IntegerReading(const Problem& problem, HalfProduct& made) : problem_(problem), made_(made) {}

  /// Operands are integers of 8 bits, each less a zero point that the depth knows nothing of.
  bool run() {
    constexpr int64_t kMostDepth = 1 << 15;  // whose sums fit 32 bits
    Contraction& of = made_.contraction;
    if (!is_integer(of.sum->dtype()) || bits(of.sum->dtype()) < 32 ||
        of.depth_count().constant().value_or(kMostDepth + 1) > kMostDepth)
      return false;
    std::optional<Expr> a = *of.a, b = *of.b;
    if (!find_element(a, made_.a.zero) || !find_element(b, made_.b.zero)) return false;
    of.a = a, of.b = b;
    made_.element_bytes = 1;
    return true;
  }

 private:
  bool find_element(std::optional<Expr>& operand, std::optional<Expr>& zero) const {
    const auto is_wide = [](const Expr& expr) {
      return expr.kind() == Expr::Kind::cast && is_integer(expr.dtype());
    };
    const auto has_8_bits = [](const Expr& expr) {
      return expr.dtype() == DType::i8 || expr.dtype() == DType::u8;
    };
    Expr element = *operand;
    if (element.kind() == Expr::Kind::call && element.function() == Function::sub) {
      const Expr point = element.operands()[1];
      if (!is_wide(point) || !has_8_bits(point.operands()[0]) || knows_depth(point)) return false;
      if (!is_zero(point.operands()[0])) zero = Expr::cast(DType::i32, point.operands()[0]);
      element = Expr(element.operands()[0]);
    }
    if (!is_wide(element) || !has_8_bits(element.operands()[0])) return false;
    operand = Expr(element.operands()[0]);
    return true;
  }

  bool knows_depth(const Expr& expr) const {
    bool knows = false;
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() == Expr::Kind::index) knows |= has_any(inner.dim(), made_.contraction.depth);
    });
    return knows;
  }

  /// Nothing but zeros, as far as contents are here.
  bool is_zero(const Expr& point) const {
    if (point.kind() == Expr::Kind::number) return point.integer() == 0;
    if (point.kind() != Expr::Kind::load) return false;
    const Value* value = std::get<const Value*>(point.source());
    std::shared_ptr<const Weight> weight = value->weight;
    const auto& inputs = problem_.region.body->inputs();
    const auto at =
        static_cast<size_t>(std::find(inputs.begin(), inputs.end(), value) - inputs.begin());
    if (at < problem_.weights.size()) weight = problem_.weights[at];
    if (weight == nullptr) return false;
    const auto bytes = weight->tensor().bytes();
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  const Problem& problem_;
  HalfProduct& made_;
};

class Analysis {
 public:
  Analysis(const Problem& problem, HalfProduct& made) : problem_(problem), made_(made) {}

  void run() {
    Contraction& contraction = made_.contraction;
    contraction = contraction_of(*problem_.region.body, strides_of(problem_));
    contraction.loose = loose_values(problem_);
    made_.declined = contraction.declined;
    if (!made_.declined.empty()) return;
    if (!multiplies_halves(contraction) && !find_integers(problem_, made_)) {
      made_.declined = "its operands are no halves, and no integers of 8 bits";
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
    if (made_.integers()) check_zeros(), check_constants();
  }

 private:
  /// Products are less than 2^16: an element and its zero point have 8 bits each.
  void check_constants() {
    const Contraction& of = made_.contraction;
    const int64_t depth = of.depth_count().constant().value_or(INT64_MAX >> 17);
    int64_t most = 0;
    bool known = true;
    visit(of.stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::load || expr.dtype() != DType::i32) return;
      const std::shared_ptr<const Weight> weight = weight_of(std::get<const Value*>(expr.source()));
      known &= weight != nullptr;
      for (int64_t i = 0; known && i < weight->tensor().count(); ++i)
        most = std::max(most, std::abs(weight->tensor().integer(i)));
    });
    made_.sums_are_narrow = known && (depth << 16) + most < INT32_MAX;
  }

  std::shared_ptr<const Weight> weight_of(const Value* value) const {
    const auto& inputs = problem_.region.body->inputs();
    const auto at = static_cast<size_t>(std::ranges::find(inputs, value) - inputs.begin());
    return at < problem_.weights.size() && problem_.weights[at] != nullptr ? problem_.weights[at]
                                                                           : value->weight;
  }

  /// A zero point counts once for each element of the other operand: sums of constants are packed.
  void check_zeros() {
    HalfSide &a = made_.a, &b = made_.b;
    made_.adds_up =
        (a.zero && b.zero) || (a.zero && b.way != Way::packed) || (b.zero && a.way != Way::packed);
    if (made_.adds_up && (knows_loops(a.zero) || knows_loops(b.zero)))
      made_.declined = "its zero points are of rows or columns, and none is a constant's alone";
    const auto& depth = made_.contraction.depth;
    constexpr size_t kOfPictures = 3;
    if (a.zero && a.way == Way::copied && !a.inside.empty() && depth.size() == kOfPictures)
      made_.taps = (depth[0].extent * depth[1].extent).constant().value_or(0);
  }

  static bool knows_loops(const std::optional<Expr>& zero) {
    bool knows = false;
    if (zero)
      visit(*zero, [&](const Expr& inner) {
        std::set<std::string, std::less<>> names;
        if (inner.kind() == Expr::Kind::index) inner.dim().collect_variables(names);
        knows |= !names.empty();
      });
    return knows;
  }

  /// Its place in memory, where it is a plain load of an operand.
  std::optional<Dim> place(const HalfSide& side) const {
    if (side.operand->kind() != Expr::Kind::load ||
        (side.operand->outside().value_or(0) != 0 && !made_.integers()))
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
        if (!side.load || !(*side.load == expr)) ++loads;
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

  /// Runs of 16 bytes begin at multiples of 16 and are inside, or outside, as a whole.
  void find_copies(HalfSide& side) {
    const auto offset = place(side);
    const auto& depth = made_.contraction.depth;
    if (!offset || depth.empty()) return;
    const Axis& last = depth.back();
    const Value* value = std::get<const Value*>(side.operand->source());
    if (made_.contraction.loose.contains(value) || !step(*offset, last).is(1) ||
        !exact_div(last.extent, made_.run()))
      return;
    if (!exact_div(side.offset.across, made_.run()) ||
        !exact_div(at_zero(side.offset.depth, {last}), made_.run()))
      return;
    for (const auto& [index, size] : side.inside)
      if (has_any(index.depth, {last})) return;
    side.way = Way::copied;
  }

  const Problem& problem_;
  HalfProduct& made_;
};

}  // namespace

bool find_integers(const Problem& problem, HalfProduct& product) {
  return IntegerReading(problem, product).run();
}

std::shared_ptr<const HalfProduct> half_product_of(const Problem& problem) {
  auto made = std::make_shared<HalfProduct>();
  Analysis(problem, *made).run();
  return made;
}

std::string packing_name(const HalfProduct& product, const HalfSide& side, const PackedForm& form) {
  std::vector<std::string> axes;
  std::vector<Axis> all = *side.axes;
  all.insert(all.end(), product.contraction.depth.begin(), product.contraction.depth.end());
  for (size_t i = 0; i < all.size(); ++i) axes.push_back(cat(all[i].extent, "x", side.steps[i]));
  return cat("cuda.tensor.blocks/", side.axes->size(), ":", join(axes, ","),
             product.integers() ? cat("/integers/", product.taps) : "",
             form.padded != form.channels ? cat("/padded/", form.padded) : "",
             form.row_bytes != HalfProduct::kRowBytes ? cat("/rows/", form.row_bytes) : "",
             form.in_fours ? "/fours" : "");
}

int64_t rows_of(const HalfSide& side) {
  return packed_rows(*Contraction::count(*side.axes).constant());
}

namespace {

bool is_second(const HalfProduct& product, const HalfSide& side) { return &side == &product.b; }

/// Sums of rows, and of their taps.
void pack_sums(const HalfProduct& product, const HalfSide& side, const Tensor& weight, size_t taps,
               std::byte* to) {
  const std::vector<int64_t> across = places_of(*side.axes, side.steps.data());
  const std::vector<int64_t> down =
      places_of(product.contraction.depth, side.steps.data() + side.axes->size());
  const auto rows = static_cast<size_t>(rows_of(side));
  const size_t of_tap = taps == 0 ? down.size() : down.size() / taps;
  std::vector<int32_t> sums((1 + taps) * rows);
  const std::byte* from = weight.bytes().data();
  const bool is_signed_type = is_signed(weight.dtype());
  for (size_t row = 0; row < across.size(); ++row)
    for (size_t k = 0; k < down.size(); ++k) {
      const auto raw = static_cast<uint8_t>(from[static_cast<size_t>(across[row] + down[k])]);
      const int32_t number = is_signed_type ? static_cast<int8_t>(raw) : raw;
      sums[row] += number;
      if (taps > 0) sums[(1 + k / of_tap) * rows + row] += number;
    }
  std::memcpy(to, sums.data(), sums.size() * sizeof(int32_t));
}

}  // namespace

void pack_sums_of_rows(const HalfProduct& product, const Tensor& weight, std::byte* to) {
  pack_sums(product, product.b, weight, 0, to);
}

int64_t sums_begin(const HalfProduct& product, const HalfSide& side, const PackedForm& form) {
  int64_t depth = *product.contraction.depth_count().constant();
  if (form.channels > 0) depth = depth / form.channels * form.padded;
  const int64_t each = form.row_bytes / product.element_bytes;
  const int64_t rows = form.rows(*Contraction::count(*side.axes).constant());
  return rows * ((depth + each - 1) / each) * form.row_bytes;
}

int64_t packed_bytes(const HalfProduct& product, const HalfSide& side, const PackedForm& form) {
  const int64_t elements = sums_begin(product, side, form);
  if (!product.integers()) return elements;
  return elements + rows_of(side) * (1 + (is_second(product, side) ? product.taps : 0)) * 4;
}

size_t packed_place(const HalfProduct& product, const PackedForm& form, size_t k, size_t row,
                    size_t rows) {
  const auto bytes = static_cast<size_t>(product.element_bytes),
             row_bytes = static_cast<size_t>(form.row_bytes), block = row_bytes / bytes,
             run = static_cast<size_t>(product.run());
  const size_t in_row = k % block, at = form.place_of(row);
  const size_t turn = form.row_bytes == HalfProduct::kRowBytes ? at % 8 : at / 2 % 4;
  return ((k / block) * rows + at) * row_bytes + ((in_row / run) ^ turn) * 16 +
         in_row % run * bytes;
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

Tensor pack_halves(const HalfProduct& product, const HalfSide& side, const Tensor& weight,
                   const PackedForm& form) {
  const std::vector<int64_t> across = places_of(*side.axes, side.steps.data());
  const std::vector<int64_t> down =
      places_of(product.contraction.depth, side.steps.data() + side.axes->size());
  const auto rows = static_cast<size_t>(form.rows(std::ssize(across))),
             bytes = static_cast<size_t>(product.element_bytes);
  const auto channels = static_cast<size_t>(form.channels),
             padded = static_cast<size_t>(form.padded);
  const auto in_form = [&](size_t k) {
    return channels == 0 ? k : k / channels * padded + k % channels;
  };
  Tensor packed(DType::u8, {packed_bytes(product, side, form)});
  std::byte* to = packed.mutable_bytes().data();
  const std::byte* from = weight.bytes().data();
  for (size_t row = 0; row < across.size(); ++row)
    for (size_t k = 0; k < down.size(); ++k)  // may lie anywhere
      std::memcpy(to + packed_place(product, form, in_form(k), row, rows),
                  from + bytes * static_cast<size_t>(across[row] + down[k]), bytes);
  if (product.integers())
    pack_sums(product, side, weight,
              is_second(product, side) ? static_cast<size_t>(product.taps) : 0,
              to + sums_begin(product, side, form));
  return packed;
}

}  // namespace hone::cuda::emitter
