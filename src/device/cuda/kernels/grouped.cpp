// Convolutions of halves, and of integers of 8 bits, whose channels fall into groups (each alone,
// too), channels innermost, with what follows element by element; summed in f32, without tensor
// cores.

#include <algorithm>
#include <cmath>

#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/grouped_text.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace grouped_kernel {
namespace {

using emitter::Grouped;
using emitter::grouped_of;
using emitter::GroupedTile;

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) < 75) return Verdict::no("the target is no GPU");
  const auto grouped = grouped_of(problem);
  return grouped->declined.empty() ? Verdict() : Verdict::no(grouped->declined);
}

GroupedTile tile_of(const Tuning& tuning) {
  return {static_cast<int>(tuning.at("pixels")), static_cast<int>(tuning.at("parts"))};
}
Tuning tuning_of(const GroupedTile& tile) {
  return {{"pixels", tile.pixels}, {"parts", tile.parts}};
}

/// By instructions of a thread, and how long it waits for what it reads where it is alone.
double seconds_of(const Problem& problem, const Grouped& of, const GroupedTile& tile) {
  constexpr double kInstructionsPerSecond = 132 * 4 * 32 * 1.7e9 * 0.6, kWait = 4e-7;
  constexpr double kJoin = 5e-7;  // of parts
  const int pixels = tile.pixels;
  constexpr double kAtOnce = 132.0 * 1024;  // threads
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  const Dims& picture = of.picture->type.tensor().shape();
  const double filters = size(of.product.contraction.column_count());
  const double results = size(picture[0]) * size(of.down.output);
  const double run = of.product.run();
  const double threads =
      results * std::ceil(size(of.across.output) / pixels) * filters / run * tile.parts;
  const double chunks = std::max<double>(1, static_cast<double>(of.channels) / run);
  const double rows = std::min<double>(run, static_cast<double>(of.channels));
  const auto taps = static_cast<double>(of.across.taps);
  const double seen = (pixels - 1) * static_cast<double>(of.across.stride) +
                      (taps - 1) * static_cast<double>(of.across.dilation) + 1;
  const double lines = std::ceil(static_cast<double>(of.down.taps) / tile.parts);
  const double turns = lines * chunks;
  const double each =
      (turns * (16 * seen + taps * rows * (12 + 8.0 * pixels)) + 60.0 * pixels + 60) * run / 8;
  double bytes = of.product.element_bytes * (results * size(of.across.output) * filters);
  for (const Value* input : problem.region.body->inputs()) {
    double count = bits(input->type.tensor().dtype) / 8.0;
    for (const Dim& dim : input->type.tensor().shape()) count *= size(dim);
    bytes += count;
  }
  const double waves = std::max(1.0, threads / kAtOnce);
  const bool at_once = pixels == 1 && chunks == 1 && lines * seen <= GroupedTile::kMostAtOnce;
  const double waits = at_once ? 2 : turns;  // else row by row
  // Of integers, a thread has more to do, one after the other.
  const double serial = of.product.integers() ? each * 1.5e-9 : 0;
  const double alone = waits * kWait + turns * taps * rows * pixels * 5e-9 + serial;
  return problem.target->launch_seconds + alone + (tile.parts > 1 ? kJoin : 0) +
         std::max({bytes / problem.target->bytes_per_second,
                   threads * each / kInstructionsPerSecond, (waves - 1) * alone / 4});
}

std::vector<Tuning> tunings(const Problem& problem) {
  const auto grouped = grouped_of(problem);
  std::vector<std::pair<double, GroupedTile>> ways;
  const auto add = [&](const GroupedTile& tile) {
    ways.emplace_back(seconds_of(problem, *grouped, tile), tile);
  };
  for (const int pixels : {4, 2, 1}) add({pixels, 1});
  constexpr int64_t kMostParts = 8;
  if (grouped->down.taps > 1 && grouped->down.taps <= kMostParts)
    add({1, static_cast<int>(grouped->down.taps)});
  return best_tunings(std::move(ways), tuning_of);
}

Tensor pack(const Problem&, const Tuning&, const Tensor& weight) {
  return emitter::filters_innermost(weight);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const auto grouped = grouped_of(*problem);
  made.seconds = seconds_of(*problem, *grouped, tile_of(tuning));
  const auto& inputs = problem->region.body->inputs();
  const auto at = std::ranges::find(inputs, grouped->weight) - inputs.begin();
  made.packings.push_back({static_cast<size_t>(at), "filters innermost", pack, -1});
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  emitter::ContractText text;
  Dim lines, columns, filters;
  GroupedTile tile;
  int run = 8;
  std::vector<Parameter> parameters;
  Buffer weight;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  const auto value = [&](const Dim& dim) { return known_size(dim, operands.symbols); };
  const int64_t units =
      value(lines) * ((value(columns) + tile.pixels - 1) / tile.pixels) * (value(filters) / run);
  const int64_t blocks = (units + tile.units() - 1) / tile.units();
  check(blocks < (int64_t{1} << 31), Code::unsupported, "a convolution of ", blocks, " blocks");
  std::vector<Launching> launches;
  if (blocks > 0) {
    launches.emplace_back(modules->at(operands.symbols).function("grouped"), tile.threads(), 0);
    launches.back().set_grid(blocks);
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches),
                                    text.symbols, operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const auto grouped = grouped_of(*recipe.problem);
  check(grouped->declined.empty(), Code::internal, "a region is refused now: ", grouped->declined);
  auto ready = std::make_shared<Ready>();
  ready->tile = tile_of(recipe.tuning);
  ready->run = grouped->product.run();
  ready->text = text_of(*grouped, ready->tile);
  ready->lines = grouped->picture->type.tensor().shape()[0] * grouped->down.output;
  ready->columns = grouped->across.output;
  ready->filters = grouped->product.contraction.column_count();
  ready->weight = uploaded(packed.front(), device);
  const Graph& body = *recipe.problem->region.body;
  for (size_t i = 0; i + 1 < ready->text.parameters.size(); ++i) {
    const int at = input_of(body, ready->text.parameters[i]);
    const bool is_weight = ready->text.parameters[i] == grouped->weight;
    ready->parameters.push_back({at, -1, is_weight ? ready->weight.data : nullptr});
  }
  ready->parameters.push_back({-1, 0, nullptr});  // the last one is the result
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->text.text);
  return ready;
}

}  // namespace
}  // namespace grouped_kernel

void register_grouped(KernelRegistry& registry) {
  using namespace grouped_kernel;
  Kernel kernel{"cuda.grouped", 2, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
