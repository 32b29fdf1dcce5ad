// Matrix products and convolutions of halves, and of integers of 8 bits, by blocks that stay on
// their multiprocessors: the copy engine brings tiles, tensor cores multiply, results leave while
// the next tile is multiplied. Compute capability 9.0.

#include <algorithm>
#include <cmath>

#include "device/cuda/best_tunings.hpp"
#include "device/cuda/brought_launches.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/resident_text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace resident_kernel {
namespace {

using emitter::Brought;
using emitter::brought_product_of;
using emitter::BroughtProduct;
using emitter::HalfProduct;
using emitter::ResidentTile;

constexpr int kCapability = 90;
constexpr int kSharedBytes = 227 << 10;

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) != kCapability)
    return Verdict::no("wants compute capability 9.0");
  const BroughtProduct product = brought_product_of(problem);
  ResidentTile tile;
  tile.element_bytes = product.product->element_bytes;
  tile.words = emitter::words_of(*product.product);
  tile.row_bytes = product.form.row_bytes;
  const emitter::ContractText text = text_of(product, tile);
  return text.declined.empty() ? Verdict() : Verdict::no(text.declined);
}

double bytes_of(const Problem& problem, const Value& value) {
  double count = bits(value.type.tensor().dtype) / 8.0;
  for (const Dim& dim : value.type.tensor().shape())
    count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

struct Sizes {
  double batches, rows, columns;
  double blocks;  // of the depth
  double bytes;   // that it reads and writes, once
  bool keeps;
  double spread;  // bytes of the working memory, written and read
  double behind;  // instructions for each result, behind its sum
  int element_bytes, words, row_bytes;
};

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
          bytes,
          product.kept.kind != Brought::Kind::none,
          product.windows ? 4 * size(product.windows->elements()) : 0,
          emitter::instructions_behind(*product.product, product.form.in_fours),
          product.product->element_bytes,
          emitter::words_of(*product.product),
          product.form.row_bytes};
}

double seconds_of(const Problem& problem, const Sizes& sizes, const ResidentTile& tile) {
  // Of a multiprocessor, fitted to 672 times of tiles on an H200: ResNet-50's convolutions in f16
  // and integers, batch 128, products of BERT-base and ViT-B/16 (docs/cuda.md).
  constexpr double kMultiprocessors = 132, kBegin = 2e-6;
  constexpr double kProductsPerSecond = 3.33e12;  // multiply-adds
  constexpr double kBytesPerSecond = 9.7e10, kStoredPerSecond = 6.6e10;
  constexpr double kLatency = 1.17e-7, kBeside = 0.04;  // the lesser of products and bytes
  constexpr double kTileSeconds = 5.1e-7, kTurnSeconds = 3.4e-7, kKeptTurnSeconds = 2.6e-7;
  constexpr double kInstructionsPerSecond = 2.8e11;  // each of a thread
  // What one warpgroup's results take alone; together they hide what each waits for.
  constexpr double kAlone = 2.8, kBlockAlone = 2.1e-7, kTogether[] = {0, 0.5, 0.92, 1.33};
  // Tensor cores take as many bytes of the depth at a time, whatever they are.
  const double halves = sizes.row_bytes / 2.0;
  const double results = double(tile.rows()) * tile.columns;
  const double products = results * halves / kProductsPerSecond,
               bytes = tile.stage_bytes() / kBytesPerSecond;
  const double each =
      sizes.blocks * (std::max(products, bytes) + kBeside * std::min(products, bytes) +
                      kLatency / std::max(1, tile.stages - 1));
  const double stores = results * tile.element_bytes * (sizes.keeps ? 2 : 1) / kStoredPerSecond;
  const double behind = results * sizes.behind / kInstructionsPerSecond;
  // Where warpgroups take turns, results are computed and leave beside products.
  const double alone = (each + kBlockAlone * sizes.blocks + kAlone * behind) / tile.warpgroups;
  const double one =
      tile.in_turn
          ? std::max({each, stores, alone}) + kTurnSeconds + (sizes.keeps ? kKeptTurnSeconds : 0)
          : std::max(each + behind / kTogether[tile.warpgroups] + kTileSeconds, stores);
  const double tiles =
      sizes.batches * std::ceil(sizes.rows / tile.rows()) * std::ceil(sizes.columns / tile.columns);
  const double turns = std::ceil(tiles / kMultiprocessors);
  const Target& target = *problem.target;
  const double spread =
      sizes.spread > 0 ? target.launch_seconds + sizes.spread / target.bytes_per_second : 0;
  return target.launch_seconds + kBegin + spread +
         std::max(turns * one, sizes.bytes / target.bytes_per_second);
}

Tuning tuning_of(const ResidentTile& tile) {
  return {{"groups", tile.warpgroups},
          {"down", tile.down},
          {"n", tile.columns},
          {"stages", tile.stages},
          {"slots", tile.slots},
          {"turns", tile.in_turn ? 1 : 0},
          {"blocks", 0}};  // at most; 0: one on each multiprocessor
}

ResidentTile tile_of(const Tuning& tuning, const BroughtProduct& product) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  return {at("groups"),
          at("down"),
          at("n"),
          at("stages"),
          at("slots"),
          at("turns") != 0,
          product.product->element_bytes,
          emitter::words_of(*product.product),
          product.form.row_bytes};
}

/// Shapes that were the fastest of some layer in a trial.
constexpr ResidentTile kShapes[] = {
    {2, 1, 128, 6, 2, false}, {2, 2, 128, 6, 2, true},  {2, 1, 256, 4, 2, true},
    {2, 1, 256, 4, 2, false}, {2, 2, 128, 4, 2, false}, {3, 1, 128, 4, 2, false},
    {2, 1, 128, 6, 2, true},  {3, 1, 128, 6, 2, true},  {2, 1, 64, 8, 2, false},
    {3, 1, 64, 6, 2, false},  {2, 2, 64, 5, 2, false},  {3, 1, 64, 8, 2, true},
    {3, 1, 192, 3, 2, false}, {2, 1, 192, 4, 2, false}};

std::vector<Tuning> tunings(const Problem& problem) {
  constexpr size_t kMost = 14;
  const BroughtProduct product = brought_product_of(problem);
  const Sizes sizes = sizes_of(problem, product);
  std::vector<std::pair<double, ResidentTile>> tiles;
  for (ResidentTile tile : kShapes) {
    tile.element_bytes = sizes.element_bytes, tile.words = sizes.words;
    tile.row_bytes = sizes.row_bytes;
    constexpr int kLeastStages = 3, kLeastSlots = 2;
    if (sizes.keeps) tile.slots = 4;
    while (tile.slots > kLeastSlots && tile.shared_bytes() > kSharedBytes &&
           tile.stages <= kLeastStages)
      --tile.slots;
    while (tile.stages > 2 && tile.shared_bytes() > kSharedBytes) --tile.stages;
    if (tile.shared_bytes() > kSharedBytes) continue;
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
  const ResidentTile tile = tile_of(recipe.tuning, brought_product_of(*recipe.problem));
  BroughtShape shape{tile.rows(), tile.columns, tile.threads(), tile.shared_bytes()};
  shape.stores_boxes = true;
  shape.box_columns = tile.slot_columns();
  shape.most_blocks = recipe.tuning.at("blocks");
  if (shape.most_blocks == 0)
    shape.most_blocks = static_cast<Device&>(device).gpu()->attribute(Attribute::multiprocessors);
  return prepare_brought(recipe, std::move(packed), device, shape,
                         [&](const BroughtProduct& product) { return text_of(product, tile); });
}

}  // namespace
}  // namespace resident_kernel

void register_resident(KernelRegistry& registry) {
  using namespace resident_kernel;
  Kernel kernel{"cuda.resident", 2, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
