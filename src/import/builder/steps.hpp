#pragma once
// Layers that go along a sequence step by step, as a Scan whose body is written node by node.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/node_builder.hpp"

namespace hone::builder {

/// Writes nodes of a step.
class StepWriter {
 public:
  StepWriter(Frame& body, Frame& outer, std::string origin)
      : body_(body), outer_(outer), origin_(std::move(origin)) {}
  Value* operator()(Op op, std::vector<Value*> inputs, std::string_view name) {
    return body_.graph()
        .add_node(std::move(op), std::move(inputs), {std::string(name)}, {origin_})
        ->output();
  }
  /// A value of the surrounding graph as the step sees it.
  Value* outside(Value* value) { return body_.bring(value, outer_); }

 private:
  Frame& body_;
  Frame& outer_;
  std::string origin_;
};

/// One step: of states, then the slices of what is scanned, makes the next states, then results.
using Step = std::function<std::vector<Value*>(StepWriter&, const std::vector<Value*>&)>;

/// Runs along axis 0 of `scanned`: the last states, then each result with the steps as first axis.
std::vector<Value*> over_steps(NodeBuilder& node, const std::vector<Value*>& states,
                               const std::vector<Value*>& scanned, int results, const Step& step);

}  // namespace hone::builder
