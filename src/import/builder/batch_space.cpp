#include "import/builder/batch_space.hpp"

#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::builder {
namespace {

const Dims& sizes_of(const Value* value) { return value->type.tensor().shape(); }

void check_blocks(const NodeBuilder& node, const Value* x, const BatchBlocks& blocks) {
  const size_t axes = blocks.sizes.size();
  if (!x->type.is_tensor() || !x->type.tensor().has_rank())
    node.unsupported("a number of axes that is not known");
  node.check(axes > 0 && blocks.around.size() == 2 * axes && sizes_of(x).size() > axes, axes,
             " block sizes and ", blocks.around.size(), " pads for rank ", sizes_of(x).size());
  for (const int64_t size : blocks.sizes) node.check(size > 0, "a block of ", size);
  for (const int64_t pad : blocks.around) node.check(pad >= 0, "a pad of ", pad);
}

}  // namespace

LastStep space_to_batch(NodeBuilder& node, Value* x, const BatchBlocks& blocks, Value* zero) {
  check_blocks(node, x, blocks);
  const size_t axes = blocks.sizes.size();
  Pad pad{.pads = Dims(), .axes = Dims()};
  for (size_t end = 0; end < 2; ++end)
    for (size_t i = 0; i < axes; ++i) pad.pads->push_back(blocks.around[2 * i + end]);
  for (size_t i = 0; i < axes; ++i) pad.axes->push_back(static_cast<int64_t>(i) + 1);
  // Operands of Pad: data, pads, value; axes are a field.
  std::vector<Value*> padded{x};
  if (zero != nullptr) padded.insert(padded.end(), {nullptr, zero});
  x = node.intermediate(std::move(pad), std::move(padded), "padded");
  const Dims dims = sizes_of(x);
  Dims split{dims[0]}, joined{dims[0]};
  std::vector<int64_t> perm, outer;
  for (size_t i = 0; i < axes; ++i) {
    const int64_t block = blocks.sizes[i];
    const Dim count = floor_div(dims[i + 1], block);
    if (dims[i + 1].constant())
      node.check(*dims[i + 1].constant() % block == 0, dims[i + 1], " elements in blocks of ",
                 block);
    split.push_back(count);
    split.push_back(block);
    joined[0] = joined[0] * block;
    joined.push_back(count);
    perm.push_back(static_cast<int64_t>(2 * i + 2));
    outer.push_back(static_cast<int64_t>(2 * i + 1));
  }
  perm.push_back(0);
  perm.insert(perm.end(), outer.begin(), outer.end());
  for (size_t i = axes + 1; i < dims.size(); ++i) {
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(dims[i]);
    joined.push_back(dims[i]);
  }
  Value* parts = node.intermediate(Reshape{.shape = std::move(split)}, {x}, "blocks");
  Value* moved = node.intermediate(Transpose{.perm = std::move(perm)}, {parts}, "moved");
  return {Reshape{.shape = std::move(joined)}, moved};
}

LastStep batch_to_space(NodeBuilder& node, Value* x, const BatchBlocks& blocks) {
  check_blocks(node, x, blocks);
  const size_t axes = blocks.sizes.size();
  const Dims dims = sizes_of(x);
  int64_t product = 1;
  for (const int64_t block : blocks.sizes) {
    product *= block;
    node.check(product > 0 && product < (1 << 30), "blocks of ", product);
  }
  const Dim batch = floor_div(dims[0], product);
  Dims split(blocks.sizes.begin(), blocks.sizes.end()), joined{batch};
  split.push_back(batch);
  std::vector<int64_t> perm{static_cast<int64_t>(axes)};
  Slice cut{.starts = Dims(), .ends = Dims(), .axes = Dims()};
  for (size_t i = 0; i < axes; ++i) {
    const auto at = static_cast<int64_t>(i);
    split.push_back(dims[i + 1]);
    perm.push_back(static_cast<int64_t>(axes) + 1 + at);
    perm.push_back(at);
    joined.push_back(dims[i + 1] * blocks.sizes[i]);
    cut.starts->push_back(blocks.around[2 * i]);
    cut.ends->push_back(joined.back() - blocks.around[2 * i + 1]);
    cut.axes->push_back(at + 1);
  }
  for (size_t i = axes + 1; i < dims.size(); ++i) {
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(dims[i]);
    joined.push_back(dims[i]);
  }
  Value* parts = node.intermediate(Reshape{.shape = std::move(split)}, {x}, "blocks");
  Value* moved = node.intermediate(Transpose{.perm = std::move(perm)}, {parts}, "moved");
  return {std::move(cut), node.intermediate(Reshape{.shape = std::move(joined)}, {moved}, "whole")};
}

}  // namespace hone::builder
