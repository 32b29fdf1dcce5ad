// Blocks of space as batches, and back: how dilated convolutions were written once.

#include "import/builder/batch_space.hpp"

#include "import/tflite/op_reader.hpp"

namespace hone::tflite {
namespace {

void import_space_to_batch(OpReader& op) {
  op.rank_of(0);
  Value* zero = nullptr;
  const auto& zeros = op.in(0).quantization.zeros;
  if (op.moves(0) && !zeros.empty())
    zero = op.constant(Tensor::scalar(*op.in(0).dtype, static_cast<double>(zeros.front())), "zero");
  auto last = builder::space_to_batch(op, op.moved(0), {op.ints(1), op.ints(2)}, zero);
  op.give_moved(std::move(last.op), {last.operand});
}

void import_batch_to_space(OpReader& op) {
  op.rank_of(0);
  auto last = builder::batch_to_space(op, op.moved(0), {op.ints(1), op.ints(2)});
  op.give_moved(std::move(last.op), {last.operand});
}

}  // namespace

void register_batch_space(Importers& importers) {
  importers.add("SPACE_TO_BATCH_ND", import_space_to_batch);
  importers.add("BATCH_TO_SPACE_ND", import_batch_to_space);
}

}  // namespace hone::tflite
