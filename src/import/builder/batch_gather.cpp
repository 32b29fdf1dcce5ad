#include "import/builder/batch_gather.hpp"

#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::builder {
namespace {

/// The order of axes in which `count` axes from `from` on stand at `to`.
std::vector<int64_t> with_moved(int64_t rank, int64_t from, int64_t to, int64_t count = 1) {
  std::vector<int64_t> order;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (axis < from || axis >= from + count) order.push_back(axis);
  for (int64_t i = 0; i < count; ++i) order.insert(order.begin() + to + i, from + i);
  return order;
}

int64_t rank_of(const NodeBuilder& node, const Value* value) {
  if (!value->type.is_tensor() || !value->type.tensor().has_rank())
    node.unsupported("a number of axes that is not known");
  return value->type.tensor().rank();
}

}  // namespace

Value* gather_in_batches(NodeBuilder& node, Value* data, Value* indices, int64_t axis,
                         int64_t batches) {
  const int64_t rank = rank_of(node, data), places = rank_of(node, indices) - batches;
  node.check(batches >= 0 && batches <= axis && axis < rank && places >= 0, batches,
             " axes of batches for axis ", axis);
  if (axis != batches)
    data =
        node.intermediate(Transpose{.perm = with_moved(rank, axis, batches)}, {data}, "axis_first");
  indices = node.intermediate(Unsqueeze{.axes = Dims{Dim(-1)}}, {indices}, "coordinates");
  Value* found = node.intermediate(GatherND{.batch_dims = batches}, {data, indices}, "found");
  // [batches, places, what is left in its order].
  if (axis == batches || places == 0) return found;
  return node.intermediate(Transpose{.perm = with_moved(rank - 1 + places, batches, axis, places)},
                           {found}, "gathered");
}

}  // namespace hone::builder
