// Blocks of space as batches, and back: how dilated convolutions were written once.

#include "import/tflite/op_reader.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tflite {
namespace {

struct Blocks {
  std::vector<int64_t> sizes, around;  // of each spatial axis; begin and end of each
  size_t axes;
};

Blocks read_blocks(OpReader& op) {
  Blocks blocks{op.ints(1), op.ints(2), 0};
  blocks.axes = blocks.sizes.size();
  op.check(blocks.axes > 0 && blocks.around.size() == 2 * blocks.axes &&
               static_cast<size_t>(op.rank_of(0)) > blocks.axes,
           blocks.axes, " block sizes and ", blocks.around.size(), " pads for rank ",
           op.rank_of(0));
  for (const int64_t size : blocks.sizes) op.check(size > 0, "a block of ", size);
  for (const int64_t pad : blocks.around) op.check(pad >= 0, "a pad of ", pad);
  return blocks;
}

const Dims& sizes_of(const Value* value) { return value->type.tensor().shape(); }

/// [batch, spatial..., rest...] to [blocks * batch, spatial / block..., rest...].
void import_space_to_batch(OpReader& op) {
  const Blocks blocks = read_blocks(op);
  Pad pad{.pads = Dims(), .axes = Dims()};
  for (size_t end = 0; end < 2; ++end)
    for (size_t i = 0; i < blocks.axes; ++i) pad.pads->push_back(blocks.around[2 * i + end]);
  for (size_t i = 0; i < blocks.axes; ++i) pad.axes->push_back(static_cast<int64_t>(i) + 1);
  std::vector<Value*> padded{op.moved(0)};
  const auto& zeros = op.in(0).quantization.zeros;
  if (op.moves(0) && !zeros.empty())
    padded.insert(
        padded.end(),
        {nullptr,
         op.constant(Tensor::scalar(*op.in(0).dtype, static_cast<double>(zeros.front())), "zero")});
  // Operands of Pad: data, pads, value; axes are a field.
  Value* x = op.intermediate(std::move(pad), std::move(padded), "padded");
  const Dims dims = sizes_of(x);
  Dims split{dims[0]}, joined{dims[0]};
  std::vector<int64_t> perm, outer;
  for (size_t i = 0; i < blocks.axes; ++i) {
    const int64_t block = blocks.sizes[i];
    const Dim count = floor_div(dims[i + 1], block);
    if (dims[i + 1].constant())
      op.check(*dims[i + 1].constant() % block == 0, dims[i + 1], " elements in blocks of ", block);
    split.push_back(count);
    split.push_back(block);
    joined[0] = joined[0] * block;
    joined.push_back(count);
    perm.push_back(static_cast<int64_t>(2 * i + 2));
    outer.push_back(static_cast<int64_t>(2 * i + 1));
  }
  perm.push_back(0);
  perm.insert(perm.end(), outer.begin(), outer.end());
  for (size_t i = blocks.axes + 1; i < dims.size(); ++i) {
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(dims[i]);
    joined.push_back(dims[i]);
  }
  Value* parts = op.intermediate(Reshape{.shape = std::move(split)}, {x}, "blocks");
  Value* moved = op.intermediate(Transpose{.perm = std::move(perm)}, {parts}, "moved");
  op.give_moved(Reshape{.shape = std::move(joined)}, {moved});
}

/// The other way round; what is around is cut off.
void import_batch_to_space(OpReader& op) {
  const Blocks blocks = read_blocks(op);
  Value* x = op.moved(0);
  const Dims dims = sizes_of(x);
  int64_t product = 1;
  for (const int64_t block : blocks.sizes) {
    product *= block;
    op.check(product > 0 && product < (1 << 30), "blocks of ", product);
  }
  const Dim batch = floor_div(dims[0], product);
  Dims split(blocks.sizes.begin(), blocks.sizes.end()), joined{batch};
  split.push_back(batch);
  const auto axes = static_cast<int64_t>(blocks.axes);
  std::vector<int64_t> perm{axes};
  Slice cut{.starts = Dims(), .ends = Dims(), .axes = Dims()};
  for (size_t i = 0; i < blocks.axes; ++i) {
    const auto at = static_cast<int64_t>(i);
    split.push_back(dims[i + 1]);
    perm.push_back(axes + 1 + at);
    perm.push_back(at);
    joined.push_back(dims[i + 1] * blocks.sizes[i]);
    cut.starts->push_back(blocks.around[2 * i]);
    cut.ends->push_back(joined.back() - blocks.around[2 * i + 1]);
    cut.axes->push_back(at + 1);
  }
  for (size_t i = blocks.axes + 1; i < dims.size(); ++i) {
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(dims[i]);
    joined.push_back(dims[i]);
  }
  Value* parts = op.intermediate(Reshape{.shape = std::move(split)}, {x}, "blocks");
  Value* moved = op.intermediate(Transpose{.perm = std::move(perm)}, {parts}, "moved");
  Value* whole = op.intermediate(Reshape{.shape = std::move(joined)}, {moved}, "whole");
  op.give_moved(std::move(cut), {whole});
}

}  // namespace

void register_batch_space(Importers& importers) {
  importers.add("SPACE_TO_BATCH_ND", import_space_to_batch);
  importers.add("BATCH_TO_SPACE_ND", import_batch_to_space);
}

}  // namespace hone::tflite
