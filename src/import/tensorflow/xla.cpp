#include "import/tensorflow/xla.hpp"

#include <algorithm>
#include <numeric>

#include "import/protobuf.hpp"
#include "import/tensorflow/graph_import.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/slice.hpp"

namespace hone::tensorflow {

AxisNumbers::AxisNumbers(const NodeReader& node, std::string_view attribute) {
  constexpr size_t kMost = 1000;
  const std::string_view bytes = node.word(attribute, "");
  for (Message m(bytes, "dimension_numbers"); m.next();) {
    const uint32_t field = m.field();
    m.integers(fields_[field], kMost, "axes");
  }
}

const std::vector<int64_t>& AxisNumbers::list(uint32_t field) const {
  static const std::vector<int64_t> none;
  const auto found = fields_.find(field);
  return found == fields_.end() ? none : found->second;
}

int64_t AxisNumbers::one(uint32_t field) const {
  const auto& found = list(field);
  return found.empty() ? 0 : found.back();
}

namespace {

void collect(const NodeReader& node, std::string_view function, int depth,
             std::vector<std::string_view>& found) {
  constexpr int kDeepest = 20;
  const GraphDef* graph = node.import().context().function(function);
  node.check(graph != nullptr, "there is no function ", function);
  node.check(depth < kDeepest, "functions are nested too deep");
  for (const NodeDef& def : graph->nodes) {
    if (def.op == "PartitionedCall" || def.op == "StatefulPartitionedCall") {
      const auto message = def.attribute("f");
      const auto called = message ? decode_attribute(*message, Limits()).function : std::nullopt;
      if (called) collect(node, *called, depth + 1, found);
    } else if (def.op != "Identity" && def.op != "IdentityN" && def.op != "NoOp" &&
               def.op != "Const" && def.op != "StopGradient" && def.op != "PreventGradient") {
      found.push_back(def.op);
    }
  }
}

}  // namespace

std::vector<std::string_view> operators_of(const NodeReader& node, std::string_view function) {
  std::vector<std::string_view> found;
  collect(node, function, 0, found);
  return found;
}

void check_axes(const NodeReader& node, const std::vector<int64_t>& axes, int64_t rank) {
  for (size_t i = 0; i < axes.size(); ++i) {
    node.check(axes[i] >= 0 && axes[i] < rank, "axis ", axes[i], " of a tensor of ", rank, " axes");
    node.check(std::find(axes.begin(), axes.begin() + static_cast<int64_t>(i), axes[i]) ==
                   axes.begin() + static_cast<int64_t>(i),
               "axis ", axes[i], " twice");
  }
}

std::vector<int64_t> other_axes(const std::vector<int64_t>& axes, int64_t rank) {
  std::vector<int64_t> others;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) others.push_back(axis);
  return others;
}

Value* transposed(NodeReader& node, Value* x, std::vector<int64_t> perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return x;
  return node.intermediate(Transpose{.perm = std::move(perm)}, {x}, "turned");
}

std::vector<int64_t> inverse(const std::vector<int64_t>& perm) {
  std::vector<int64_t> places(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    places[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return places;
}

namespace {

Value* pad_by(NodeReader& node, Value* x, Value* fill, const std::vector<int64_t>& low,
              const std::vector<int64_t>& high) {
  const auto is_zero = [](int64_t n) { return n == 0; };
  if (std::all_of(low.begin(), low.end(), is_zero) &&
      std::all_of(high.begin(), high.end(), is_zero))
    return x;
  Dims pads(low.begin(), low.end());
  pads.insert(pads.end(), high.begin(), high.end());
  return node.intermediate(Pad{.pads = std::move(pads)}, {x, nullptr, fill}, "padded");
}

/// The axis as a pair of them: each element with `between` behind it, the last ones cut off.
Value* spread_axis(NodeReader& node, Value* x, Value* fill, size_t axis, int64_t between) {
  Dims sizes = sizes_of(node, x);
  const Dim before = sizes[axis];
  sizes.insert(sizes.begin() + static_cast<int64_t>(axis) + 1, Dim(1));
  x = node.reshaped(x, sizes, "apart");
  std::vector<int64_t> low(sizes.size(), 0), high(sizes.size(), 0);
  high[axis + 1] = between;
  x = pad_by(node, x, fill, low, high);
  sizes.erase(sizes.begin() + static_cast<int64_t>(axis) + 1);
  sizes[axis] = before * Dim(between + 1);
  x = node.reshaped(x, sizes, "spread");
  low.assign(sizes.size(), 0), high.assign(sizes.size(), 0);
  high[axis] = -between;
  return pad_by(node, x, fill, low, high);
}

}  // namespace

Value* padded(NodeReader& node, Value* x, Value* fill, const std::vector<int64_t>& low,
              const std::vector<int64_t>& high, const std::vector<int64_t>& interior) {
  const size_t rank = sizes_of(node, x).size();
  node.check(low.size() == rank && high.size() == rank && interior.size() == rank, "padding of ",
             uint64_t{low.size()}, " axes for a tensor of ", uint64_t{rank});
  for (size_t axis = 0; axis < rank; ++axis) {
    node.check(interior[axis] >= 0, "interior padding of ", interior[axis]);
    if (interior[axis] > 0) x = spread_axis(node, x, fill, axis, interior[axis]);
  }
  return pad_by(node, x, fill, low, high);
}

}  // namespace hone::tensorflow
