#pragma once
// Steps whose operands the copy engine brings: their recipes' packings, and how they are launched.

#include <functional>

#include "device/cuda/emit/bringing.hpp"
#include "device/kernel.hpp"

namespace hone::cuda {

/// Of a launch of "product": rows and columns of a tile of results.
struct BroughtShape {
  int rows, columns, threads, shared_bytes;
  int split = 1;              // blocks that have one tile
  int64_t most_blocks = 0;    // that tiles are spread over; 0: each has its own
  bool stores_boxes = false;  // results leave by the copy engine, and what is kept comes by it
  int box_columns = emitter::kBoxColumns;  // of these boxes, of 64 rows
};

/// With the constant operand as it is packed and the working memory.
Recipe brought_recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning,
                      const emitter::BroughtProduct& product, double seconds);

std::shared_ptr<const Prepared> prepare_brought(
    const Recipe& recipe, std::vector<Tensor> packed, hone::Device& device,
    const BroughtShape& shape,
    const std::function<emitter::ContractText(const emitter::BroughtProduct&)>& text_of);

}  // namespace hone::cuda
