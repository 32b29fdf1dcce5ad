#pragma once
// Blocks of space as batches, and back: how dilated convolutions were written once.

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// Of each spatial axis its block; before and after each what is padded, or cut off.
struct BatchBlocks {
  std::vector<int64_t> sizes, around;
};

/// [batch, spatial..., rest...], padded with `zero` (null: 0), to
/// [blocks * batch, spatial / block..., rest...]: the last op and its operand, for the caller to
/// emit.
struct LastStep {
  Op op;
  Value* operand;
};
LastStep space_to_batch(NodeBuilder& node, Value* x, const BatchBlocks& blocks, Value* zero);
/// The other way round; what is around is cut off.
LastStep batch_to_space(NodeBuilder& node, Value* x, const BatchBlocks& blocks);

}  // namespace hone::builder
