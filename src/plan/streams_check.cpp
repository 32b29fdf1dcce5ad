// The oracle of streams: knows nothing of clocks or lifetimes.

#include <algorithm>
#include <unordered_map>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "plan/streams.hpp"

namespace hone {
namespace {

/// Bytes that a step touches.
struct Access {
  size_t step;
  int64_t begin, end;
  bool writes;
};

class Checking {
 public:
  Checking(const Graph& graph, const Plan& plan, const Layout& layout, const Placement& placement)
      : graph_(graph), plan_(plan), layout_(layout), placement_(placement) {
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      if (!plan.buffers[i].value.empty()) planned_.emplace(graph.find(plan.buffers[i].value), i);
  }

  std::optional<std::string> run() {
    if (plan_.steps.size() != graph_.nodes().size()) return "steps are missing";
    if (auto wrong = order_steps()) return wrong;
    if (auto wrong = check_reads()) return wrong;
    collect_accesses();
    return check_bytes();
  }

 private:
  std::string name(size_t step) const { return cat("step ", step, ", %", plan_.steps[step].node); }

  /// For each step all that have run before it, one after the other.
  std::optional<std::string> order_steps() {
    const size_t count = plan_.steps.size();
    std::unordered_map<int, size_t> previous;
    before_.assign(count, std::vector<bool>(count, false));
    for (size_t i = 0; i < count; ++i) {
      const Step& step = plan_.steps[i];
      const auto add = [&](size_t other) {
        before_[i][other] = true;
        for (size_t j = 0; j < other; ++j)
          if (before_[other][j]) before_[i][j] = true;
      };
      if (const auto found = previous.find(step.stream); found != previous.end())
        add(found->second);
      for (const int wait : step.waits) {
        if (wait < 0 || static_cast<size_t>(wait) >= i)
          return cat(name(i), " waits for step ", wait, ", which is not enqueued before it");
        add(static_cast<size_t>(wait));
      }
      previous[step.stream] = i;
    }
    return std::nullopt;
  }

  std::optional<std::string> check_reads() {
    const auto definitions = symbol_definitions(graph_);
    std::unordered_map<const Node*, size_t> index;
    for (const Node& node : graph_.nodes()) index.emplace(&node, index.size());
    for (const Node& node : graph_.nodes()) {
      const size_t step = index.at(&node);
      const auto made = [&](const Value* value) {
        return value == nullptr || value->producer == nullptr || value->producer == &node ||
               before_[step][index.at(value->producer)];
      };
      for (const Value* input : node.inputs)
        if (!made(input)) return cat(name(step), " may run before %", input->name, " is made");
      std::set<std::string, std::less<>> symbols;
      collect_symbols(node.op, symbols);
      for (const Value* output : node.outputs)
        if (output != nullptr) collect_symbols(output->type, symbols);
      for (const std::string& symbol : symbols)
        if (const auto found = definitions.find(symbol);
            found != definitions.end() && !made(found->second.value))
          return cat(name(step), " may run before ", symbol, " is known");
    }
    return std::nullopt;
  }

  void touch(size_t step, size_t buffer, bool writes) {
    const int64_t begin = layout_.at(buffer, placement_);
    if (layout_.bytes[buffer] > 0)
      accesses_.push_back({step, begin, begin + layout_.bytes[buffer], writes});
  }

  void collect_accesses() {
    size_t step = 0;
    for (const Node& node : graph_.nodes()) {
      if (!layout_.idle[step]) {
        for (const Value* input : node.inputs)
          if (const auto found = planned_.find(input); found != planned_.end())
            touch(step, found->second, false);
        for (const Value* output : node.outputs)
          if (const auto found = planned_.find(output); found != planned_.end())
            touch(step, found->second, true);
      }
      ++step;
    }
    for (size_t i = 0; i < plan_.buffers.size(); ++i)
      if (plan_.buffers[i].value.empty())
        touch(static_cast<size_t>(plan_.buffers[i].first), i, true);
  }

  std::optional<std::string> check_bytes() {
    std::sort(accesses_.begin(), accesses_.end(),
              [](const Access& a, const Access& b) { return a.begin < b.begin; });
    for (size_t i = 0; i < accesses_.size(); ++i)
      for (size_t j = i + 1; j < accesses_.size() && accesses_[j].begin < accesses_[i].end; ++j) {
        const Access &a = accesses_[i], &b = accesses_[j];
        if (a.step == b.step || !(a.writes || b.writes)) continue;
        if (!before_[a.step][b.step] && !before_[b.step][a.step])
          return cat(name(std::min(a.step, b.step)), " and ", name(std::max(a.step, b.step)),
                     " may touch the bytes at ", b.begin, " at the same time");
      }
    return std::nullopt;
  }

  const Graph& graph_;
  const Plan& plan_;
  const Layout& layout_;
  const Placement& placement_;
  std::unordered_map<const Value*, size_t> planned_;
  std::vector<std::vector<bool>> before_;  // by step: what has run when it starts
  std::vector<Access> accesses_;
};

}  // namespace

std::optional<std::string> check_streams(const Graph& graph, const Plan& plan, const Layout& layout,
                                         const Placement& placement) {
  return Checking(graph, plan, layout, placement).run();
}

}  // namespace hone
