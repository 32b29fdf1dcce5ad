#include "import/builder/channels_last.hpp"

#include "ops/layout.hpp"

namespace hone::builder {

Value* channels_first(NodeBuilder& node, Value* value, int rank) {
  Transpose op;
  for (int axis = 0; axis < rank; ++axis)
    op.perm.push_back(axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1);
  return node.intermediate(std::move(op), {value}, "channels_first");
}

namespace {

Transpose to_channels_last(int rank) {
  Transpose op;
  for (int axis = 0; axis < rank; ++axis)
    op.perm.push_back(axis == 0 ? 0 : axis == rank - 1 ? 1 : axis + 1);
  return op;
}

}  // namespace

Value* channels_last(NodeBuilder& node, Value* value, int rank) {
  return node.intermediate(to_channels_last(rank), {value}, "channels_last");
}

Value* emit_channels_last(NodeBuilder& node, Value* value, int rank) {
  return node.emit(to_channels_last(rank), {value});
}

int image_rank(NodeBuilder& node, int like) {
  std::optional<int> rank = node.rank(0);
  if (!rank && like >= 0) rank = node.rank(like);
  if (!rank) node.unsupported("channels after spatial axes in an input of unknown rank");
  node.check(*rank >= 3, "an input of rank ", *rank, ", wanted batch, spatial axes and channels");
  return *rank;
}

}  // namespace hone::builder
