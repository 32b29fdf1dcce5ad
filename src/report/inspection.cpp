#include "report/inspection.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/size.hpp"
#include "ir/bodies/structural.hpp"

namespace hone::report {
namespace {

/// A sum may outgrow what a Dim holds: then it is told without.
std::optional<Dim> sum(const Dim& a, const Dim& b) {
  try {
    const Dim both = a + b;
    return both.is_too_long() ? std::nullopt : std::optional(both);
  } catch (const Error&) {
    return std::nullopt;
  }
}

class Counter {
 public:
  explicit Counter(Inspection& into) : into_(into) {}

  /// FLOPs of the graph, bodies included.
  Dim count(const Graph& graph, bool is_body) {
    for (const Value* constant : graph.constants()) count_weight(*constant);
    Dim total;
    for (const Node& node : graph.nodes()) {
      ++into_.nodes;
      OpRow& row = rows_[std::string(node.op.name())];
      ++row.nodes;
      Dim flops = flops_of(node);
      row.flops = sum(row.flops, flops).value_or(row.flops);
      for (const Body& body : control_bodies(node.op)) flops = max(flops, count(*body, true));
      if (const Fused* fused = node.op.as<Fused>()) flops = count(*fused->body, true);
      total = sum(total, flops).value_or(total);
    }
    if (!is_body) finish();
    return total;
  }

 private:
  void count_weight(const Value& constant) {
    if (!seen_.insert(constant.weight.get()).second) return;
    ++into_.parameter_tensors;
    into_.parameters += constant.weight->count();
    if (constant.weight->dtype() != DType::string)
      into_.parameter_bytes += static_cast<int64_t>(constant.weight->bytes());
  }

  void finish() {
    for (auto& [name, row] : rows_) {
      row.op = name;
      into_.ops.push_back(row);
    }
    Symbols names;
    for (const OpRow& row : into_.ops) row.flops.collect_symbols(names);
    const Bindings sizes = into_.sizes.of(names);
    std::stable_sort(into_.ops.begin(), into_.ops.end(), [&](const OpRow& a, const OpRow& b) {
      const int64_t x = a.flops.evaluate(sizes).value_or(0);
      const int64_t y = b.flops.evaluate(sizes).value_or(0);
      return x != y ? x > y : a.nodes > b.nodes;
    });
  }

  Inspection& into_;
  std::map<std::string, OpRow> rows_;
  std::unordered_set<const Weight*> seen_;
};

/// A candidate that another one provably reaches is dropped.
void add_peak(std::vector<Dim>& peaks, const Dim& peak, const Ranges& ranges) {
  for (const Dim& other : peaks)
    if (provably_less_equal(peak, other, ranges).value_or(false)) return;
  std::erase_if(peaks, [&](const Dim& other) {
    return provably_less_equal(other, peak, ranges).value_or(false);
  });
  peaks.push_back(peak);
}

constexpr size_t kMostPeaks = 64;  // then only the first of them are told
constexpr int kMostComplexity = 2000;

/// At twice the sizes that are assumed: what shares bytes at size 1 only is no rule.
Layout typical_layout(const Inspection& found) {
  for (const int64_t times : {2, 1}) {
    try {
      return lay_out(*found.typed, found.plan, found.sizes.of(buffer_symbols(found.plan), times));
    } catch (const Error&) {  // no sizes for this model
    }
  }
  return {};
}

/// A buffer that values share, and its bytes.
struct Shared {
  Demand::Buffer when;
  Dim bytes;
};

/// What is live at each step.
std::vector<Dim> live_bytes(const std::vector<Shared>& buffers, size_t steps) {
  std::vector<std::vector<const Dim*>> begin(steps), end(steps);
  for (const Shared& each : buffers) {
    begin[static_cast<size_t>(each.when.first)].push_back(&each.bytes);
    end[std::min(static_cast<size_t>(each.when.last), steps - 1)].push_back(&each.bytes);
  }
  std::vector<Dim> live;
  std::unordered_set<const Dim*> untold;
  Dim now;
  for (size_t step = 0; step < steps; ++step) {
    for (const Dim* bytes : begin[step]) {
      auto more = sum(now, *bytes);
      if (more) now = *std::move(more);
      else untold.insert(bytes);
    }
    live.push_back(now);
    for (const Dim* bytes : end[step])
      if (!untold.contains(bytes)) now = now - *bytes;
  }
  return live;
}

void measure_memory(Inspection& found) {
  const Plan& plan = found.plan;
  found.open_sizes = plan.pooled;
  const Layout layout = typical_layout(found);
  const Bindings& given = found.sizes.given();
  std::vector<Shared> shared;
  std::vector<bool> counted(layout.demand.buffers.size(), false);
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const Dim bytes =
        plan.buffers[i].bytes.substitute([&](std::string_view name) -> std::optional<Dim> {
          const auto bound = given.find(name);
          return bound == given.end() ? std::nullopt : std::optional<Dim>(bound->second);
        });
    found.naive_bytes = sum(found.naive_bytes, bytes).value_or(found.naive_bytes);
    if (layout.buffers.empty()) continue;
    const auto group = static_cast<size_t>(layout.buffers[i]);
    const Demand::Buffer& buffer = layout.demand.buffers[group];
    if (counted[group] || buffer.bytes != layout.bytes[i]) continue;
    counted[group] = true;
    shared.push_back({buffer, bytes});
  }
  const Ranges& bounds = found.typed->ranges();
  for (const Dim& each : live_bytes(shared, plan.steps.size()))
    if (found.peaks.size() < kMostPeaks && each.complexity() < kMostComplexity)
      add_peak(found.peaks, each, bounds);
  const bool known = std::all_of(plan.buffers.begin(), plan.buffers.end(), [&](const auto& each) {
    return each.bytes.evaluate(given).has_value();
  });
  if (!known) return;
  const Demand wanted = lay_out(*found.typed, plan, given).demand;
  found.bound_bytes = lower_bound(wanted);
  found.arena_bytes = solve(wanted).bytes;
}

}  // namespace

void count(Inspection& found) {
  found.flops = Counter(found).count(*found.graph, false);
  measure_memory(found);
}

Symbols buffer_symbols(const Plan& plan) {
  Symbols names;
  for (const PlannedBuffer& buffer : plan.buffers) buffer.bytes.collect_symbols(names);
  return names;
}

}  // namespace hone::report
