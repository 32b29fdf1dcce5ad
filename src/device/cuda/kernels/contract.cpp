// Matrix products and convolutions with what follows them element by element: exact f32 (and
// integers) by multiply-adds on tiles in shared memory; halves on tensor cores, summed in f32.

#include <algorithm>
#include <cmath>
#include <set>

#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace contract_kernel {
namespace {

using emitter::Contraction;
using emitter::contraction_of;
using emitter::Tile;

bool folds(const Node& node) {
  const Stages stages = stages_of(node);
  return std::any_of(stages.list.begin(), stages.list.end(),
                     [](const auto& stage) { return emitter::folds_of(stage->expr).count > 0; });
}

/// What a value needs of these nodes.
std::vector<const Node*> needed(const std::vector<const Node*>& nodes, const Value* value) {
  std::set<const Node*> needs{value->producer};
  std::vector<const Node*> all;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!needs.contains(nodes[i])) continue;
    all.insert(all.begin(), nodes[i]);
    for (const Value* input : nodes[i]->inputs)
      if (input != nullptr && input->producer != nullptr) needs.insert(input->producer);
  }
  return all;
}

/// The last value behind the first node that folds up to which it is one product; null: there is
/// none.
const Value* end_of_product(const Graph& body) {
  constexpr size_t kMostTries = 6;
  std::vector<const Node*> nodes, tries;
  int found = 0;
  for (const Node& node : body.nodes()) {
    nodes.push_back(&node);
    found += folds(node) ? 1 : 0;
    if (found == 2) break;
    if (found == 1 && node.output() != nullptr && tries.size() < kMostTries) tries.push_back(&node);
  }
  for (size_t i = tries.size(); i-- > 0;) {
    const auto part = needed(nodes, tries[i]->output());
    if (part.size() < 2 || part.size() == body.nodes().size()) continue;
    if (contraction_of(*region_of(body, part).body).declined.empty()) return tries[i]->output();
  }
  return nullptr;
}

Contraction contraction_of_problem(const Problem& problem) {
  Contraction made = contraction_of(*problem.region.body, emitter::strides_of(problem));
  made.loose = emitter::loose_values(problem);
  return made;
}

Verdict supports(const Problem& problem) {
  const Graph& body = *problem.region.body;
  const Contraction made = contraction_of_problem(problem);
  if (made.declined.empty()) {
    const emitter::ContractText text = text_of(made, {});
    if (!text.declined.empty()) return Verdict::no(text.declined);
    // Too thin for tiles: most of one would be empty.
    if (made.depth_count().is(1)) return Verdict::no("nothing is summed");
    return {};
  }
  const Value* value = problem.region.single() == nullptr ? end_of_product(body) : nullptr;
  return value == nullptr ? Verdict::no(made.declined)
                          : Verdict::yes_up_to(value->name, made.declined);
}

struct Sizes {
  double batches, rows, columns, depth;
};

Sizes sizes_of(const Problem& problem, const Contraction& made) {
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  return {size(made.batch_count()), size(made.row_count()), size(made.column_count()),
          size(made.depth_count())};
}

double blocks_of(const Sizes& sizes, const Tile& tile) {
  return sizes.batches * std::ceil(sizes.rows / tile.rows) *
         std::ceil(sizes.columns / tile.columns) * tile.split;
}

/// Multiprocessors of a GPU, as far as estimates care.
constexpr double kMultiprocessors = 132;

double seconds_of(const Problem& problem, const Sizes& sizes, const Tile& tile) {
  const Target& target = *problem.target;
  // A block's share of a multiprocessor's peak; two blocks are on one at a time.
  const double reached = (tile.rows == 128 ? 0.6 : 0.5) * (tile.tensor ? 3 : 1);
  const double waves = std::ceil(blocks_of(sizes, tile) / (2 * kMultiprocessors));
  const double depth = std::ceil(sizes.depth / tile.split) + 24;  // to begin, to store
  const double each = 2.0 * tile.rows * tile.columns * depth /
                      (reached * target.flops_per_second / kMultiprocessors / 2);
  const double results = sizes.batches * sizes.rows * sizes.columns;
  double seconds = target.launch_seconds + waves * each;
  if (tile.split > 1)
    seconds += target.launch_seconds + 8 * results * (tile.split + 1) / target.bytes_per_second;
  const double bytes = 4 * (results + sizes.batches * sizes.depth * (sizes.rows + sizes.columns));
  return std::max(seconds, bytes / target.bytes_per_second);
}

Tuning tuning_of(const Tile& tile) {
  return {{"m", tile.rows},
          {"n", tile.columns},
          {"k", tile.depth},
          {"split", tile.split},
          {"tensor", tile.tensor ? 1 : 0}};
}

Tile tile_of(const Tuning& tuning) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  return {at("m"), at("n"), at("k"), at("split"), at("tensor") != 0};
}

/// Whether tiles of halves come 16 bytes at a time, mostly: elsewhere cuda.tensor is the one.
bool comes_in_runs(const Contraction& made) {
  const auto plain = [](const Expr& operand) {
    return operand.kind() == Expr::Kind::load && !operand.outside();
  };
  return plain(*made.a) && plain(*made.b);
}

std::vector<Tuning> tunings(const Problem& problem) {
  const Contraction made = contraction_of_problem(problem);
  const Sizes sizes = sizes_of(problem, made);
  const bool tensor = emitter::multiplies_halves(made) && comes_in_runs(made) &&
                      capability_of(*problem.target) >= 80;
  std::vector<std::pair<double, Tile>> tiles;
  for (const auto& [rows, columns] : {std::pair{128, 128}, {128, 64}, {64, 128}, {64, 64}})
    for (const int split : {1, 2, 4, 8, 16})
      if (split == 1 || sizes.depth >= 64 * split) {
        // A deeper tile of many elements leaves too few registers.
        const int deep = tensor ? 32 : rows * columns > 64 * 64 ? 8 : 16;
        const Tile tile{rows, columns, deep, split, tensor};
        tiles.emplace_back(seconds_of(problem, sizes, tile), tile);
      }
  return best_tunings(std::move(tiles), tuning_of);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Contraction contraction = contraction_of_problem(*problem);
  const Tile tile = tile_of(tuning);
  made.scratch_bytes = text_of(contraction, tile).scratch_bytes;
  made.seconds = seconds_of(*problem, sizes_of(*problem, contraction), tile);
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  emitter::ContractText text;
  Tile tile;
  Dim batches, rows, columns;
  std::vector<Parameter> parameters;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  const auto value = [&](const Dim& dim) { return known_size(dim, operands.symbols); };
  const int64_t batch_count = value(batches), row_count = value(rows),
                column_count = value(columns);
  const int64_t blocks = batch_count * ((row_count + tile.rows - 1) / tile.rows) *
                         ((column_count + tile.columns - 1) / tile.columns) * tile.split;
  check(blocks < (int64_t{1} << 31), Code::unsupported, "a product of ", blocks, " tiles");
  std::vector<Launching> launches;
  if (blocks > 0) {
    const Module& module = modules->at(operands.symbols);
    launches.emplace_back(module.function("product"), emitter::kTileThreads, 0);
    launches.back().set_grid(blocks);
    if (tile.split > 1) {
      launches.emplace_back(module.function("finish"), 256, 0);
      launches.back().set_grid((batch_count * row_count * column_count + 255) / 256);
    }
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches),
                                    text.symbols, operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Graph& body = *recipe.problem->region.body;
  const Contraction made = contraction_of_problem(*recipe.problem);
  auto ready = std::make_shared<Ready>();
  ready->tile = tile_of(recipe.tuning);
  ready->text = text_of(made, ready->tile);
  check(ready->text.declined.empty(), Code::internal,
        "a product is refused now: ", ready->text.declined);
  ready->batches = made.batch_count();
  ready->rows = made.row_count();
  ready->columns = made.column_count();
  for (size_t i = 0; i + 1 < ready->text.parameters.size(); ++i)
    ready->parameters.push_back({input_of(body, ready->text.parameters[i]), -1});
  ready->parameters.push_back({-1, 0});  // the last one is the result
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->text.text);
  return ready;
}

}  // namespace
}  // namespace contract_kernel

void register_contract(KernelRegistry& registry) {
  using namespace contract_kernel;
  Kernel kernel{"cuda.contract", 1, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
