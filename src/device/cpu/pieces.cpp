#include "device/cpu/pieces.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/size.hpp"
#include "device/cpu/movers.hpp"

namespace hone::cpu {
namespace {

using Sizes = std::vector<int64_t>;

bool moves_pieces(const Node& node) { return refuses_to_move(node).empty() && !fills_around(node); }

/// The nodes that move on the way to a value, each behind those that it needs, and what they read
/// that no such node makes.
struct Way {
  std::vector<const Node*> nodes;
  std::vector<const Value*> sources;
  std::unordered_map<const Node*, bool> seen;

  void add(const Value* value) {
    if (value == nullptr) return;
    if (value->producer == nullptr || !moves_pieces(*value->producer)) {
      if (std::ranges::find(sources, value) == sources.end()) sources.push_back(value);
      return;
    }
    if (!seen.emplace(value->producer, true).second) return;
    for (const Value* input : value->producer->inputs) add(input);
    nodes.push_back(value->producer);
  }
};

std::optional<Sizes> sizes_of(const Value& value, const Bindings& symbols) {
  Sizes sizes;
  for (const Dim& dim : value.type.tensor().shape()) {
    const auto size = dim.evaluate(symbols);
    if (!size) return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

std::optional<Moving> moving_at(const Node& node, const Bindings& symbols) {
  Moving moving{node, {}, {}, symbols};
  for (const Value* input : node.inputs) {
    auto sizes = input == nullptr ? Sizes() : sizes_of(*input, symbols);
    if (!sizes) return std::nullopt;
    moving.ins.push_back(*std::move(sizes));
  }
  for (const Value* output : node.outputs) {
    moving.outs.emplace_back();
    if (output == nullptr) continue;
    moving.outs.back() = sizes_of(*output, symbols);
    if (!moving.outs.back()) return std::nullopt;
  }
  return moving;
}
std::optional<std::vector<Move>> moves_at(const Node& node, const Bindings& symbols) {
  const auto moving = moving_at(node, symbols);
  return moving ? fitting_moves_of(*moving) : std::nullopt;
}

/// The longest pieces that all of these leave whole.
int64_t whole_by(const Move& move) {
  int64_t whole = std::gcd(move.from, move.to);
  for (size_t d = 0; d < move.dims.size(); ++d) {
    const MoveDim& dim = move.dims[d];
    const bool is_line = d + 1 == move.dims.size() && dim.from == 1 && dim.to == 1;
    whole = is_line ? std::gcd(whole, dim.size) : std::gcd(whole, std::gcd(dim.from, dim.to));
  }
  return whole;
}

using Places = std::vector<Pieces::Place>;

void move_places(const Move& move, int64_t size, const Places& from, Places& to) {
  std::vector<MoveDim> dims = move.dims;
  if (dims.back().from == 1 && dims.back().to == 1) dims.back().size /= size;
  else dims.push_back({1, size, size});
  for (size_t d = 0; d + 1 < dims.size(); ++d) {
    dims[d].from /= size;
    dims[d].to /= size;
  }
  const int64_t lines = move.count() / size / dims.back().size;
  Sizes index(dims.size());
  int64_t source = move.from / size, target = move.to / size;
  for (int64_t line = 0; line < lines; ++line) {
    std::copy_n(from.begin() + source, dims.back().size, to.begin() + target);
    for (size_t d = dims.size() - 1; d-- > 0;) {
      source += dims[d].from;
      target += dims[d].to;
      if (++index[d] < dims[d].size) break;
      source -= dims[d].size * dims[d].from;
      target -= dims[d].size * dims[d].to;
      index[d] = 0;
    }
  }
}

}  // namespace

std::optional<Sources> sources_of(const Value& value) {
  Way way;
  way.add(&value);
  if (way.nodes.empty()) return std::nullopt;
  return Sources{std::move(way.sources), way.nodes.size()};
}

namespace {

/// The moves of all nodes on the way, and what pieces they leave whole.
struct WayMoves {
  std::vector<std::vector<Move>> of;  // by node
  std::unordered_map<const Value*, int64_t> counts;
  int64_t size = 0;

  /// What is empty, as the past of a first run is, has no pieces.
  bool count(const Value* value, const Bindings& symbols) {
    const auto sizes = sizes_of(*value, symbols);
    if (!sizes) return false;
    size = std::gcd(size, counts[value] = element_count(*sizes));
    return true;
  }
};
std::optional<WayMoves> moves_on(const Way& way, const Bindings& symbols) {
  WayMoves made;
  for (const Value* source : way.sources)
    if (!made.count(source, symbols)) return std::nullopt;
  for (const Node* node : way.nodes) {
    for (const Value* output : node->outputs)
      if (output != nullptr && !made.count(output, symbols)) return std::nullopt;
    auto own = moves_at(*node, symbols);
    if (!own) return std::nullopt;
    for (const Move& move : *own) made.size = std::gcd(made.size, whole_by(move));
    made.of.push_back(*std::move(own));
  }
  return made.size == 0 ? std::nullopt : std::optional(std::move(made));
}

}  // namespace

std::optional<int64_t> piece_size_of(const Value& value, const Bindings& symbols) {
  Way way;
  way.add(&value);
  const auto moves = moves_on(way, symbols);
  return way.nodes.empty() || !moves ? std::nullopt : std::optional(moves->size);
}

std::optional<Pieces> pieces_of(const Value& value, const Bindings& symbols) {
  Way way;
  way.add(&value);
  const auto moves = moves_on(way, symbols);
  if (way.nodes.empty() || !moves) return std::nullopt;
  const int64_t size = moves->size;
  std::unordered_map<const Value*, Places> places;
  for (size_t i = 0; i < way.sources.size(); ++i) {
    Places& own = places[way.sources[i]];
    for (int64_t at = 0; at < moves->counts.at(way.sources[i]); at += size) own.push_back({i, at});
  }
  for (size_t i = 0; i < way.nodes.size(); ++i) {
    const Node& node = *way.nodes[i];
    for (const Value* output : node.outputs)
      if (output != nullptr)
        places[output].resize(static_cast<size_t>(moves->counts.at(output) / size));
    for (const Move& move : moves->of[i])
      move_places(move, size, places.at(node.inputs[move.operand]),
                  places.at(node.outputs[move.result]));
  }
  return Pieces{size, std::move(way.sources), std::move(places.at(&value))};
}

StepwiseMoves::StepwiseMoves(const Value& value, const Bindings& symbols, int64_t width)
    : width_(width) {
  Way way;
  way.add(&value);
  sources_ = way.sources.size();
  std::unordered_map<const Value*, size_t> places;
  for (const Value* source : way.sources) places.emplace(source, places.size());
  places.emplace(&value, sources_);
  for (const Node* node : way.nodes)
    for (const Value* output : node->outputs) {
      if (output == nullptr || !places.emplace(output, places.size()).second) continue;
      const auto sizes = sizes_of(*output, symbols);
      check(sizes.has_value(), Code::internal, "%", output->name, " has no size");
      between_.emplace_back(new std::byte[static_cast<size_t>(element_count(*sizes) * width)]);
    }
  for (const Node* node : way.nodes) {
    const auto moving = moving_at(*node, symbols);
    check(moving.has_value(), Code::internal, "a size of ", describe(*node), " is not known");
    for (Move& move : moves_of(*moving))
      copies_.push_back({places.at(node->inputs[move.operand]),
                         places.at(node->outputs[move.result]), std::move(move)});
  }
}

}  // namespace hone::cpu
