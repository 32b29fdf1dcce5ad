#include "device/cpu/movers.hpp"

#include <algorithm>
#include <map>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::cpu {
namespace {

using Sizes = std::vector<int64_t>;
using Moves = std::vector<Move>;

/// All elements in their order.
Moves keep(const Moving& m) {
  Move move;
  move.dims = {{element_count(m.in()), 1, 1}};
  return {move};
}

/// `dims` with the strides of the dense result filled in.
Move to_result(std::vector<MoveDim> dims) {
  int64_t stride = 1;
  for (size_t d = dims.size(); d-- > 0;) {
    dims[d].to = stride;
    stride *= dims[d].size;
  }
  Move move;
  move.dims = std::move(dims);
  return move;
}

Moves transpose(const Moving& m) {
  const std::vector<MoveDim> dims = dense_dims(m.in());
  Sizes perm = m.op<Transpose>().perm;
  if (perm.empty())
    for (size_t d = dims.size(); d-- > 0;) perm.push_back(static_cast<int64_t>(d));
  std::vector<MoveDim> permuted;
  for (const int64_t axis : perm) permuted.push_back(dims[axis_index(axis, dims.size())]);
  return {to_result(std::move(permuted))};
}

Moves concat(const Moving& m) {
  const size_t axis = axis_index(m.op<Concat>().axis, m.out().size());
  const Sizes strides = dense_strides(m.out());
  Moves moves;
  int64_t at = 0;
  for (size_t i = 0; i < m.ins.size(); ++i) {
    Move move;
    move.operand = i;
    move.to = at * strides[axis];
    move.dims = dense_dims(m.in(i));
    for (size_t d = 0; d < strides.size(); ++d) move.dims[d].to = strides[d];
    at += m.in(i)[axis];
    moves.push_back(std::move(move));
  }
  return moves;
}

Moves split(const Moving& m) {
  const Split& op = m.op<Split>();
  const size_t axis = axis_index(op.axis, m.in().size());
  const Sizes strides = dense_strides(m.in());
  const auto pieces = static_cast<int64_t>(m.node.outputs.size());
  Sizes sizes = m.numbers(op.split);
  if (sizes.empty()) sizes.assign(m.node.outputs.size(), ceil_div(m.in()[axis], pieces));
  Moves moves;
  int64_t at = 0;
  for (size_t i = 0; i < m.node.outputs.size(); ++i) {
    if (m.outs[i]) {
      std::vector<MoveDim> dims = dense_dims(m.out(i));
      for (size_t d = 0; d < dims.size(); ++d) dims[d].from = strides[d];
      Move move = to_result(std::move(dims));
      move.result = i;
      move.from = at * strides[axis];
      moves.push_back(std::move(move));
    }
    at += sizes[i];
  }
  return moves;
}

Moves slice(const Moving& m) {
  const Slice& op = m.op<Slice>();
  const Sizes strides = dense_strides(m.in());
  const Sizes starts = m.numbers(op.starts), steps = m.numbers(op.steps);
  Sizes axes = m.numbers(op.axes);
  if (!op.axes)
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  std::vector<MoveDim> dims = dense_dims(m.out());
  for (size_t d = 0; d < dims.size(); ++d) dims[d].from = strides[d];
  int64_t from = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = axis_index(axes[i], dims.size());
    const int64_t size = m.in()[axis], step = steps.empty() ? 1 : steps[i];
    const int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
    from += std::clamp<int64_t>(start, 0, step < 0 ? std::max<int64_t>(size - 1, 0) : size) *
            strides[axis];
    if (dims[axis].size > 1) dims[axis].from = step * strides[axis];
  }
  Move move = to_result(std::move(dims));
  move.from = from;
  return {move};
}

Moves expand(const Moving& m) {
  const Sizes strides = dense_strides(m.in());
  std::vector<MoveDim> dims = dense_dims(m.out());
  const size_t missing = dims.size() - strides.size();
  for (size_t d = 0; d < dims.size(); ++d)
    dims[d].from = d < missing || m.in()[d - missing] == 1 ? 0 : strides[d - missing];
  return {to_result(std::move(dims))};
}

Moves tile(const Moving& m) {
  std::vector<MoveDim> dims;
  const std::vector<MoveDim> once = dense_dims(m.in());
  for (size_t d = 0; d < once.size(); ++d) {
    dims.push_back({once[d].size == 0 ? 0 : m.out()[d] / once[d].size, 0, 0});
    dims.push_back(once[d]);
  }
  return {to_result(std::move(dims))};
}

/// The box of the operand that the result shows; what is around it is filled before.
Moves pad(const Moving& m) {
  const Pad& op = m.op<Pad>();
  const Sizes pads = m.numbers(op.pads);
  Sizes axes = m.numbers(op.axes);
  if (!op.axes)
    for (size_t d = 0; d < m.in().size(); ++d) axes.push_back(static_cast<int64_t>(d));
  const Sizes from = dense_strides(m.in()), to = dense_strides(m.out());
  Move move;
  for (size_t d = 0; d < from.size(); ++d) move.dims.push_back({m.in()[d], from[d], to[d]});
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t d = axis_index(axes[i], from.size());
    const int64_t before = pads[i], after = pads[i + axes.size()];
    move.from += std::max<int64_t>(0, -before) * from[d];
    move.to += std::max<int64_t>(0, before) * to[d];
    move.dims[d].size = std::max<int64_t>(
        0, m.in()[d] + std::min<int64_t>(0, before) + std::min<int64_t>(0, after));
  }
  return {move};
}

Moves center_crop_pad(const Moving& m) {
  const Sizes from = dense_strides(m.in()), to = dense_strides(m.out());
  Move move;
  for (size_t d = 0; d < from.size(); ++d) {
    const int64_t size = m.in()[d], wanted = m.out()[d], both = std::min(size, wanted);
    move.from += (size - both) / 2 * from[d];
    move.to += (wanted - both) / 2 * to[d];
    move.dims.push_back({both, from[d], to[d]});
  }
  return {move};
}

Moves depth_to_space(const Moving& m) {
  const DepthToSpace& op = m.op<DepthToSpace>();
  const int64_t b = op.blocksize, c = m.in()[1] / (b * b), h = m.in()[2], w = m.in()[3];
  const bool dcr = op.mode == DepthToSpace::Mode::DCR;
  const std::vector<MoveDim> d =
      dense_dims(dcr ? Sizes{m.in()[0], b, b, c, h, w} : Sizes{m.in()[0], c, b, b, h, w});
  if (dcr) return {to_result({d[0], d[3], d[4], d[1], d[5], d[2]})};
  return {to_result({d[0], d[1], d[4], d[2], d[5], d[3]})};
}

Moves space_to_depth(const Moving& m) {
  const SpaceToDepth& op = m.op<SpaceToDepth>();
  const int64_t b = op.blocksize;
  const std::vector<MoveDim> d =
      dense_dims({m.in()[0], m.in()[1], m.in()[2] / b, b, m.in()[3] / b, b});
  if (op.mode == DepthToSpace::Mode::DCR) return {to_result({d[0], d[3], d[5], d[1], d[2], d[4]})};
  return {to_result({d[0], d[1], d[3], d[5], d[2], d[4]})};
}

/// The parameters that boxes are made from must be fields.
struct Mover {
  Moves (*moves)(const Moving&);
  std::vector<size_t> parameters;  // operands that must be absent
};
const std::map<const OpClass*, Mover>& movers() {
  static const std::map<const OpClass*, Mover> kMovers = {
      {&op_class<Identity>(), {keep, {}}},
      {&op_class<Reshape>(), {keep, {}}},
      {&op_class<Flatten>(), {keep, {}}},
      {&op_class<Squeeze>(), {keep, {}}},
      {&op_class<Unsqueeze>(), {keep, {}}},
      {&op_class<Transpose>(), {transpose, {}}},
      {&op_class<Concat>(), {concat, {}}},
      {&op_class<Split>(), {split, {1}}},
      {&op_class<Slice>(), {slice, {1, 2, 3, 4}}},
      {&op_class<Expand>(), {expand, {}}},
      {&op_class<Tile>(), {tile, {}}},
      {&op_class<Pad>(), {pad, {1, 3}}},
      {&op_class<CenterCropPad>(), {center_crop_pad, {1}}},
      {&op_class<DepthToSpace>(), {depth_to_space, {}}},
      {&op_class<SpaceToDepth>(), {space_to_depth, {}}},
  };
  return kMovers;
}

}  // namespace

Moving::Sizes Moving::numbers(const std::optional<Dims>& field) const {
  return field ? evaluated(*field, symbols) : Sizes();
}

std::string_view refuses_to_move(const Node& node) {
  const auto mover = movers().find(&node.op.op_class());
  if (mover == movers().end()) return "moves elements only";
  for (const auto* values : {&node.inputs, &node.outputs})
    for (const Value* value : *values) {
      if (value == nullptr) continue;
      if (!value->type.is_tensor() || !value->type.tensor().has_rank())
        return "an operand is of unknown rank";
      if (bits(value->type.tensor().dtype) < 8) return "elements of less than a byte, or strings";
    }
  for (const size_t parameter : mover->second.parameters)
    if (node.input(parameter) != nullptr) return "a parameter is computed";
  if (const Pad* pad = node.op.as<Pad>(); pad != nullptr && pad->mode != Pad::Mode::constant)
    return "pads with a constant only";
  return {};
}

bool fills_around(const Node& node) {
  return node.op.as<Pad>() != nullptr || node.op.as<CenterCropPad>() != nullptr;
}

std::optional<std::vector<Move>> fitting_moves_of(const Moving& moving) {
  std::vector<Move> moves = movers().at(&moving.node.op.op_class()).moves(moving);
  std::erase_if(moves, [](const Move& move) { return move.count() == 0; });
  for (Move& move : moves) {
    if (!move.within(element_count(moving.in(move.operand)),
                     element_count(moving.out(move.result))))
      return std::nullopt;
    move.simplify();
  }
  return moves;
}

std::vector<Move> moves_of(const Moving& moving) {
  auto moves = fitting_moves_of(moving);
  check(moves.has_value(), Code::usage, "the sizes of ", describe(moving.node),
        " do not fit each other");
  return *std::move(moves);
}

}  // namespace hone::cpu
