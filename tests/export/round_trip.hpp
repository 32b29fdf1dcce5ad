#pragma once
// Graphs written as ONNX and read back.

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/export.hpp"
#include "export/onnx/model.hpp"
#include "import/import.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone::test {

inline std::unique_ptr<Graph> graph_of(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

inline Imported read(const std::string& bytes) {
  return import_onnx_bytes(std::as_bytes(std::span(bytes)), ".");
}

/// f32 from -3 on.
inline Tensor ramp(std::vector<int64_t> shape) {
  Tensor tensor(DType::f32, std::move(shape));
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, static_cast<double>(i) - 3);
  return tensor;
}

/// The graph before and after gives the same bits for these inputs.
inline void expect_same_results(std::string_view text, const std::vector<Tensor>& inputs) {
  const auto graph = graph_of(text);
  const Imported imported = read(onnx_bytes(*graph));
  verify(*imported.graph, "import");
  const std::vector<Tensor> wanted = evaluate(*graph, inputs);
  const std::vector<Tensor> found = evaluate(*imported.graph, inputs);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_TRUE(same_bits(found[i], wanted[i])) << "output " << i;
}

/// The graph that is the node's attribute `name`.
inline const onnx::GraphModel& body_of(const onnx::NodeModel& node, std::string_view name) {
  for (const onnx::AttributeModel& attribute : node.attributes)
    if (attribute.name == name)
      return *std::get<std::shared_ptr<const onnx::GraphModel>>(attribute.data);
  throw std::out_of_range(std::string(name));
}

}  // namespace hone::test
