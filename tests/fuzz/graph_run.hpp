#pragma once
// What the targets of formats do with a graph: it verifies, prints and is evaluated on small
// inputs. Limits keep each run short; one that is reached is fine.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "base/size.hpp"
#include "import/import.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"

namespace hone::test {

inline constexpr int64_t kNodes = 200;            // run of one graph
inline constexpr int64_t kTensorBytes = 1 << 16;  // of one result
inline constexpr int64_t kSteps = 1 << 22;        // of one run

/// A run goes no further: not a finding.
struct Enough {};

inline void expect_bytes(DType type, const std::vector<int64_t>& shape) {
  const auto count = try_element_count(shape);
  if (!count || *count > kTensorBytes) throw Enough();
  if (type != DType::string && bytes_for(type, *count) > kTensorBytes) throw Enough();
}

/// Ones and zeros, of sizes 1 to 3 where the type leaves them open.
inline Tensor input_of(const Value& value, Bindings& symbols) {
  if (!value.type.is_tensor()) throw Enough();
  const TensorType& type = value.type.tensor();
  if (type.dtype == DType::string) throw Enough();
  std::vector<int64_t> shape;
  for (const Dim& dim : type.has_rank() ? type.shape() : Dims{2}) {
    if (const auto name = dim.as_symbol(); name && !symbols.contains(*name))
      symbols[std::string(*name)] = 1 + static_cast<int64_t>(name->size() % 3);
    shape.push_back(dim.evaluate(symbols).value_or(1));
    if (shape.back() < 0) throw Enough();
  }
  expect_bytes(type.dtype, shape);
  Tensor tensor(type.dtype, shape);
  for (int64_t i = 0; i < tensor.count() && !is_complex(type.dtype); ++i)
    tensor.set_number(i, static_cast<double>(i % 2));
  return tensor;
}

class Run {
 public:
  explicit Run(const Graph& graph) : graph_(graph) {
    int64_t nodes = 0;
    for (const Value* input : graph.inputs()) values_[input] = input_of(*input, symbols_);
    for (const Value* constant : graph.constants()) {
      expect_bytes(constant->weight->dtype(), constant->weight->shape());
      values_[constant] = constant->weight->tensor();
    }
    for (const Node& node : graph.nodes()) {
      if (++nodes > kNodes) throw Enough();
      step(node);
    }
  }

 private:
  void step(const Node& node) {
    std::vector<const Tensor*> operands;
    for (const Value* input : node.inputs)
      operands.push_back(input == nullptr ? nullptr : &values_.at(input));
    for (const Value* output : node.outputs)
      if (output != nullptr && !output->type.is_tensor()) throw Enough();
    if (node.op.op_class().eval == nullptr) throw Enough();
    Evaluation evaluation(node, operands, symbols_,
                          [](int, DType type, const std::vector<int64_t>& shape) {
                            expect_bytes(type, shape);
                            return Tensor(type, shape);
                          });
    node.op.op_class().eval(node.op.data(), evaluation);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      Tensor& result = evaluation.results()[i];
      const TensorType& type = node.outputs[i]->type.tensor();
      if (result.dtype() != type.dtype || !bind(type, result.shape(), symbols_)) {
        expect_requirements();
        fail(Code::internal, describe(node), " gave ", result.dtype(), shape_text(result.shape()),
             " where its type says ", type);
      }
      values_[node.outputs[i]] = std::move(result);
    }
  }

  /// Of the sizes drawn: no file is at fault where they do not fit.
  void expect_requirements() const {
    for (const Require& require : graph_.requirements())
      if (holds(require, symbols_) != true) throw Enough();
  }

  const Graph& graph_;
  std::map<const Value*, Tensor> values_;
  Bindings symbols_;
};

inline void run_graph(const Graph& graph) {
  const WorkBudget budget(kSteps);
  try {
    const Run whole(graph);
  } catch (const Enough&) {
  } catch (const WorkSpent&) {
  }
}

/// Imports by `import(options)` and does all of that. Ends the program where Hone is at fault,
/// whatever the file says.
template <class Import>
void try_import(size_t size, const Import& import) {
  ImportOptions options;
  options.random_weights = size % 2 == 0 ? std::optional<uint64_t>(size) : std::nullopt;
  options.limits.nodes = 2000;
  options.limits.folded_bytes = 1 << 20;
  try {
    const Imported imported = import(options);
    verify(*imported.graph, "import");
    (void)print(*imported.graph);
    run_graph(*imported.graph);
  } catch (const Error& error) {
    if (error.code() != Code::internal) return;
    std::fputs(error.what(), stderr);
    std::abort();
  }
}

}  // namespace hone::test
