#include "plan/rehearsal.hpp"

#include <algorithm>
#include <unordered_map>

namespace hone {
namespace {

class Rehearsing {
 public:
  Rehearsing(const Graph& graph, const Plan& plan, const Layout& layout, const Placement& placement)
      : plan_(plan), layout_(layout), placement_(placement) {
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      if (plan.buffers[i].value.empty()) scratch_.emplace(plan.buffers[i].first, i);
      else planned_.emplace(graph.find(plan.buffers[i].value), i);
  }

  Operands operands_of(const Node& node) const {
    Operands operands;
    for (const Value* operand : region_operands(node))
      operands.inputs.push_back(operand_of(operand));
    for (const Value* output : node.outputs)
      if (output != nullptr) operands.outputs.push_back(operand_of(output));
    return operands;
  }

  std::span<std::byte> scratch_of(int step) const {
    const auto found = scratch_.find(step);
    if (found == scratch_.end()) return {};
    return {place(found->second), static_cast<size_t>(layout_.bytes[found->second])};
  }

 private:
  std::byte* place(size_t buffer) const {
    const auto offset = static_cast<uintptr_t>(layout_.at(buffer, placement_));
    return reinterpret_cast<std::byte*>(kArenaAddress + offset);
  }

  /// As bytes: what the device writes down is where they are.
  Operand operand_of(const Value* value) const {
    const auto found = planned_.find(value);
    if (found == planned_.end()) return {nullptr, DType::u8, {0}};
    return {place(found->second), DType::u8, {layout_.bytes[found->second]}};
  }

  const Plan& plan_;
  const Layout& layout_;
  const Placement& placement_;
  std::unordered_map<const Value*, size_t> planned_;
  std::unordered_map<int, size_t> scratch_;  // by step
};

}  // namespace

void rehearse(const Graph& graph, const Plan& plan, const Layout& layout,
              const Placement& placement, null::Device& device) {
  const Rehearsing rehearsing(graph, plan, layout, placement);
  const Kernel& kernel = *null::kernels().find("null.any");
  std::vector<bool> waited(plan.steps.size(), false);
  for (const Step& step : plan.steps)
    for (const int wait : step.waits) waited.at(static_cast<size_t>(wait)) = true;
  int index = 0;
  for (const Node& node : graph.nodes()) {
    const Step& step = plan.steps[static_cast<size_t>(index)];
    null::Stream& stream = device.stream_at(step.stream);
    for (const int wait : step.waits) stream.wait(wait);
    device.set_label(index);
    if (!layout.idle[static_cast<size_t>(index)]) {
      const auto prepared = kernel.prepare({}, {}, device);
      prepared->bind(rehearsing.operands_of(node), rehearsing.scratch_of(index), stream)
          ->enqueue(stream);
    }
    if (waited[static_cast<size_t>(index)]) stream.record(index);
    ++index;
  }
}

}  // namespace hone
