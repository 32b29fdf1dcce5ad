// The oracle of layouts: what lies where in the arena while the steps run.

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.hpp"
#include "plan/plan.hpp"

namespace hone {
namespace {

/// A run of bytes that value number `origin` was made with, from `at` on.
struct Piece {
  int64_t bytes = 0;
  int origin = -1;
  int64_t at = 0;
};
using Pieces = std::vector<Piece>;

Pieces part_of(const Pieces& whole, int64_t from, int64_t bytes) {
  Pieces found;
  int64_t begin = 0;
  for (const Piece& piece : whole) {
    const int64_t first = std::max(begin, from), last = std::min(begin + piece.bytes, from + bytes);
    if (first < last) found.push_back({last - first, piece.origin, piece.at + first - begin});
    begin += piece.bytes;
  }
  return found;
}

class Memory {
 public:
  void write(int64_t begin, int64_t bytes, int origin, int64_t at) {
    if (bytes == 0) return;
    split(begin), split(begin + bytes);
    runs_.erase(runs_.lower_bound(begin), runs_.lower_bound(begin + bytes));
    runs_[begin] = {bytes, origin, at};
  }
  bool holds(int64_t begin, const Pieces& pieces) const {
    for (const Piece& piece : pieces) {
      for (int64_t done = 0; done < piece.bytes;) {
        auto run = runs_.upper_bound(begin + done);
        if (run == runs_.begin()) return false;
        --run;
        const int64_t into = begin + done - run->first;
        if (into >= run->second.bytes || run->second.origin != piece.origin ||
            run->second.at + into != piece.at + done)
          return false;
        done += run->second.bytes - into;
      }
      begin += piece.bytes;
    }
    return true;
  }

 private:
  void split(int64_t at) {
    auto run = runs_.lower_bound(at);
    if (run == runs_.begin()) return;
    --run;
    const int64_t left = at - run->first;
    if (left >= run->second.bytes) return;
    runs_[at] = {run->second.bytes - left, run->second.origin, run->second.at + left};
    run->second.bytes = left;
  }
  std::map<int64_t, Piece> runs_;
};

class Following {
 public:
  Following(const Graph& graph, const Plan& plan, const Layout& layout, const Placement& placement)
      : graph_(graph), plan_(plan), layout_(layout), placement_(placement) {
    for (size_t i = 0; i < plan.buffers.size(); ++i) {
      const PlannedBuffer& buffer = plan.buffers[i];
      if (buffer.value.empty()) scratch_.emplace(buffer.first, i);
      else planned_.emplace(graph.find(buffer.value), i);
    }
    contents_.resize(plan.buffers.size());
    for (const Sharing& sharing : plan.sharings)
      if (sharing.kind == Sharing::Kind::over) over_.emplace(sharing.value, sharing.of);
  }

  std::optional<std::string> run() {
    int step = 0;
    for (const Node& node : graph_.nodes()) {
      auto wrong =
          layout_.idle[static_cast<size_t>(step)] ? idle_step(node) : busy_step(node, step);
      if (wrong) return cat("step ", step, ", ", describe(node), ": ", *wrong);
      ++step;
    }
    return std::nullopt;
  }

 private:
  std::optional<size_t> planned(const Value* value) const {
    const auto found = planned_.find(value);
    return found == planned_.end() ? std::nullopt : std::optional(found->second);
  }
  int64_t at(size_t buffer) const { return layout_.at(buffer, placement_); }

  std::optional<std::string> read(const Value& value, size_t buffer) const {
    if (plan_.buffers[buffer].at_most || memory_.holds(at(buffer), contents_[buffer]))
      return std::nullopt;
    return cat("%", value.name, " is not at ", at(buffer), " any more");
  }

  /// Where in its operand the piece lies that a slice takes; tests of layouts say whether it is so.
  int64_t piece_begin(const Node& node) const {
    const auto whole = planned(node.inputs[0]), piece = planned(node.outputs[0]);
    const bool cuts =
        node.outputs.size() == 1 && whole && piece && layout_.bytes[*piece] < layout_.bytes[*whole];
    return cuts ? at(*piece) - at(*whole) : 0;
  }

  /// Nothing runs: what the results are must be there.
  std::optional<std::string> idle_step(const Node& node) {
    Pieces joined;
    for (const Value* input : node.inputs)
      if (const auto buffer = planned(input))
        joined.insert(joined.end(), contents_[*buffer].begin(), contents_[*buffer].end());
    int64_t done = piece_begin(node);
    for (const Value* output : node.outputs) {
      const auto buffer = planned(output);
      if (!buffer) return cat("%", output->name, " is not in the arena");
      contents_[*buffer] = part_of(joined, done, layout_.bytes[*buffer]);
      done += layout_.bytes[*buffer];
      if (auto wrong = read(*output, *buffer)) return wrong;
    }
    return std::nullopt;
  }

  bool overlap(size_t a, size_t b) const {
    const int64_t bytes_a = layout_.bytes[a], bytes_b = layout_.bytes[b];
    return bytes_a > 0 && bytes_b > 0 && at(a) < at(b) + bytes_b && at(b) < at(a) + bytes_a;
  }

  std::optional<std::string> busy_step(const Node& node, int step) {
    std::vector<size_t> written;
    if (const auto scratch = scratch_.find(step); scratch != scratch_.end())
      written.push_back(scratch->second);
    for (const Value* output : node.outputs)
      if (const auto buffer = planned(output)) written.push_back(*buffer);
    std::vector<size_t> places;
    for (const size_t buffer : written)
      if (layout_.bytes[buffer] > 0) places.push_back(buffer);
    std::sort(places.begin(), places.end(), [&](size_t a, size_t b) { return at(a) < at(b); });
    for (size_t i = 1; i < places.size(); ++i)
      if (overlap(places[i - 1], places[i])) return "two results overlap";
    for (const Value* input : node.inputs) {
      const auto buffer = planned(input);
      if (!buffer) continue;
      if (auto wrong = read(*input, *buffer)) return wrong;
      // Apart from each other and in order: those that may reach into the operand are neighbours.
      auto first = std::partition_point(places.begin(), places.end(), [&](size_t other) {
        return at(other) + layout_.bytes[other] <= at(*buffer);
      });
      for (; first != places.end() && overlap(*buffer, *first); ++first) {
        const size_t other = *first;
        const auto over = over_.equal_range(plan_.buffers[other].value);
        const bool allowed = std::any_of(over.first, over.second, [&](const auto& each) {
          return each.second == input->name && at(*buffer) == at(other);
        });
        if (!allowed)
          return cat("%", input->name, " is written over by \"", plan_.buffers[other].value,
                     "\" while it is read");
      }
    }
    for (const size_t buffer : written) {
      contents_[buffer] = {{layout_.bytes[buffer], static_cast<int>(buffer), 0}};
      memory_.write(at(buffer), layout_.bytes[buffer], static_cast<int>(buffer), 0);
    }
    return std::nullopt;
  }

  const Graph& graph_;
  const Plan& plan_;
  const Layout& layout_;
  const Placement& placement_;
  std::unordered_map<const Value*, size_t> planned_;
  std::map<int, size_t> scratch_;                 // by step
  std::multimap<std::string, std::string> over_;  // by result
  std::vector<Pieces> contents_;                  // by planned buffer
  Memory memory_;
};

}  // namespace

std::optional<std::string> check_contents(const Graph& graph, const Plan& plan,
                                          const Layout& layout, const Placement& placement) {
  return Following(graph, plan, layout, placement).run();
}

}  // namespace hone
