// Matrix products and convolutions of halves, and of integers of 8 bits, of few results: clusters
// of blocks part the depth of a tile of results, whose operands the copy engine brings. Compute
// capability 9.0.

#include <algorithm>
#include <cmath>

#include "device/cuda/best_tunings.hpp"
#include "device/cuda/brought_launches.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/cluster_text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace cluster_kernel {
namespace {

using emitter::brought_product_of;
using emitter::BroughtProduct;
using emitter::ClusterTile;

constexpr int kCapability = 90;
constexpr int kSharedBytes = 227 << 10;
constexpr double kMultiprocessors = 132;

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) != kCapability)
    return Verdict::no("wants compute capability 9.0");
  const BroughtProduct product = brought_product_of(problem);
  ClusterTile tile{64};
  tile.element_bytes = product.product->element_bytes;
  tile.words = emitter::words_of(*product.product);
  tile.row_bytes = product.form.row_bytes;
  const emitter::ContractText text = text_of(product, tile);
  return text.declined.empty() ? Verdict() : Verdict::no(text.declined);
}

struct Sizes {
  double batches, rows, columns;
  double blocks;  // of the depth
  double spread;  // bytes of the working memory, written and read
  double bytes;   // that it reads and writes, once
  double bytes_a_result;
  int element_bytes, words, row_bytes;
  double behind;  // instructions for each result, behind its sum
};

double bytes_of(const Problem& problem, const Value& value) {
  double count = bits(value.type.tensor().dtype) / 8.0;
  for (const Dim& dim : value.type.tensor().shape())
    count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

Sizes sizes_of(const Problem& problem, const BroughtProduct& product) {
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  const emitter::Contraction& of = product.product->contraction;
  const Graph& body = *problem.region.body;
  double bytes = bytes_of(problem, *body.outputs().front().value);
  for (const Value* input : body.inputs()) bytes += bytes_of(problem, *input);
  return {size(of.batch_count()),
          size(of.row_count()),
          size(of.column_count()),
          size(emitter::depth_tiles(product)),
          product.windows ? 4 * size(product.windows->elements()) : 0,
          bytes,
          product.product->element_bytes * (product.kept_value != nullptr ? 2.0 : 1.0),
          product.product->element_bytes,
          emitter::words_of(*product.product),
          product.form.row_bytes,
          emitter::instructions_behind(*product.product)};
}

double blocks_of(const Sizes& sizes, const ClusterTile& tile) {
  return sizes.batches * std::ceil(sizes.rows / ClusterTile::kRows) *
         std::ceil(sizes.columns / tile.columns) * tile.split;
}

/// Fitted to times of ResNet-50's and BERT-base's products on an H200, one behind the other in a
/// graph.
double seconds_of(const Problem& problem, const Sizes& sizes, const ClusterTile& tile) {
  constexpr double kBytesPerSecond = 1.12e11, kStoredPerSecond = 6.5e10;  // of a multiprocessor
  constexpr double kProductsPerSecond = 1.75e12;                          // multiply-adds
  // Tensor cores take as many bytes of the depth at a time, whatever they are.
  const double halves = sizes.row_bytes / 2.0;
  constexpr double kBegin = 1.63e-6, kMeet = 1.19e-6, kMeetEach = 2.5e-7, kArrival = 6.5e-7,
                   kTileSeconds = 6e-8, kGroup = 2.6e-7, kNextWave = 1.46e-6;
  const Target& target = *problem.target;
  const double blocks = blocks_of(sizes, tile), at_once = tile.blocks_at_once();
  const double waves = std::ceil(blocks / (kMultiprocessors * at_once));
  const double beside = std::clamp(blocks / kMultiprocessors, 1.0, at_once);
  const double results = double(ClusterTile::kRows) * tile.columns;
  const double each =
      std::max(tile.stage_bytes() / kBytesPerSecond, results * halves / kProductsPerSecond);
  const double waits = kArrival / (tile.stages - tile.warpgroups);
  constexpr double kInstructionsPerSecond = 2.05e11;  // each of a thread
  // Of halves, what is fitted has them.
  const double behind =
      sizes.element_bytes == 1 ? results / tile.split * sizes.behind / kInstructionsPerSecond : 0;
  const double stores = results / tile.split * sizes.bytes_a_result / kStoredPerSecond + behind;
  const double block =
      std::ceil(sizes.blocks / tile.split) * std::max({beside * each, waits, kTileSeconds}) +
      beside * stores;
  const double spread =
      sizes.spread > 0 ? target.launch_seconds + sizes.spread / target.bytes_per_second : 0;
  return target.launch_seconds + spread + kBegin + (tile.warpgroups - 1) * kGroup +
         (tile.split > 1 ? kMeet + kMeetEach * tile.split : 0) +
         std::max(waves * block + (waves - 1) * kNextWave, sizes.bytes / target.bytes_per_second);
}

Tuning tuning_of(const ClusterTile& tile) {
  return {{"n", tile.columns},
          {"stages", tile.stages},
          {"split", tile.split},
          {"groups", tile.warpgroups}};
}

ClusterTile tile_of(const Tuning& tuning, const BroughtProduct& product) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  return {at("n"),
          at("stages"),
          at("split"),
          at("groups"),
          product.product->element_bytes,
          emitter::words_of(*product.product),
          product.form.row_bytes};
}

std::vector<Tuning> tunings(const Problem& problem) {
  constexpr size_t kMost = 12;
  const BroughtProduct product = brought_product_of(problem);
  const Sizes sizes = sizes_of(problem, product);
  std::vector<std::pair<double, ClusterTile>> tiles;
  for (const int columns : {32, 64, 128})
    for (const int split : {1, 2, 4, 8})
      for (const int warpgroups : {1, 2}) {
        if (columns < emitter::kBoxColumns && product.b.kind == emitter::Brought::Kind::columns)
          continue;
        if (split * warpgroups > 1 && sizes.blocks < 2 * split * warpgroups) continue;
        ClusterTile tile{columns,        8, split, warpgroups, sizes.element_bytes, sizes.words,
                         sizes.row_bytes};
        // Two blocks share a multiprocessor, where they can.
        while (tile.stages > 4 && tile.blocks_at_once() < 2) tile.stages -= 2;
        if (tile.shared_bytes() > kSharedBytes) continue;
        if (split > 1 && blocks_of(sizes, tile) > 2 * kMultiprocessors) continue;
        tiles.emplace_back(seconds_of(problem, sizes, tile), tile);
      }
  return best_tunings(std::move(tiles), tuning_of, kMost);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  const BroughtProduct product = brought_product_of(*problem);
  const double seconds =
      seconds_of(*problem, sizes_of(*problem, product), tile_of(tuning, product));
  return brought_recipe(std::move(problem), tuning, product, seconds);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const ClusterTile tile = tile_of(recipe.tuning, brought_product_of(*recipe.problem));
  BroughtShape shape{ClusterTile::kRows, tile.columns, tile.threads(), tile.shared_bytes()};
  shape.split = tile.split;
  return prepare_brought(recipe, std::move(packed), device, shape,
                         [&](const BroughtProduct& product) { return text_of(product, tile); });
}

}  // namespace
}  // namespace cluster_kernel

void register_cluster(KernelRegistry& registry) {
  using namespace cluster_kernel;
  Kernel kernel{"cuda.cluster", 2, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
