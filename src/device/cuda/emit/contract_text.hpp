#pragma once
// Sums of products as text: matrix products and convolutions of any geometry, by tiles in shared
// memory; what follows element by element stands where a sum is stored.

#include <string>
#include <vector>

#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/strides.hpp"
#include "ir/stages/stages.hpp"
#include "ir/tensor.hpp"

namespace hone::cuda::emitter {

/// What a region computes as one product: for all batches, rows and columns, the sum over the depth
/// of an element of `a` (knows no column) times one of `b` (knows no row).
struct Contraction {
  std::shared_ptr<const Stage> stage;  // of the result, everything else inlined
  std::optional<Expr> sum;             // in its expression
  std::optional<Expr> a, b;
  std::vector<Axis> batches, rows, columns, depth;  // loops of the stage; axes of the sum
  bool a_runs_along_depth = false, b_runs_along_depth = false;  // in memory
  Strides strides;
  std::set<const Value*> loose;  // see loose_values()
  std::string declined;          // why it is none, in words; empty: it is

  Dim batch_count() const { return count(batches); }
  Dim row_count() const { return count(rows); }
  Dim column_count() const { return count(columns); }
  Dim depth_count() const { return count(depth); }
  static Dim count(const std::vector<Axis>& axes) {
    Dim all = 1;
    for (const Axis& axis : axes) all = all * axis.extent;
    return all;
  }
};
/// `strides`: of what the region reads and makes. Columns are what lies side by side in the result.
Contraction contraction_of(const Graph& body, const Strides& strides = {});

/// Rows and columns of a block's tile, in how many parts the depth is summed by different blocks.
/// `tensor`: halves are multiplied on tensor cores, where the depth is 32 and multiplies() says so.
struct Tile {
  int rows = 128, columns = 128, depth = 16, split = 1;
  bool tensor = false;
};
/// Both operands are halves of one type.
bool multiplies_halves(const Contraction& contraction);
inline constexpr int kTileThreads = 256;

/// Function "product"; with a split, also "finish" behind it. They take addresses of `parameters`
/// in order, of the scratch, and the values of `symbols`, as 64-bit integers. Blocks: batches *
/// ceil(rows / tile) * ceil(columns / tile) * split of "product", elements / 256 of "finish".
struct ContractText {
  Text text;
  std::vector<const Value*> parameters;  // inputs, then the result
  std::vector<std::string> symbols;
  Dim scratch_bytes;
  std::string declined;
};
ContractText text_of(const Contraction& contraction, const Tile& tile);

}  // namespace hone::cuda::emitter
