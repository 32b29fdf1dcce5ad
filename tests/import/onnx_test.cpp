// Models as they print once they are imported: tests/import/onnx.test names each of them.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "support/text_case.hpp"

namespace hone::onnx_test {

using test::graph;
using test::int64s;
using test::model;
using test::model_of;
using test::node;
using test::value;
using Models = std::map<std::string, std::string, std::less<>>;

const std::vector<float> kTwenty(20, 0.5F);

Models structure() {
  Models m;
  m["a chain"] = model_of({node("Relu", {"x"}, {"a"}, "/act/Relu"), node("Neg", {"a"}, {"y"})});
  m["out of order"] =
      model_of({node("Neg", {"a"}, {"y"}, "second"), node("Relu", {"x"}, {"a"}, "first")});
  m["dimension names"] = model(
      {graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
              .inputs = {value("x", {"batch", "", "3"}), value("w", {"batch", "-1", "1"})}})});
  m["an input with a stored value"] = model({graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
                                                    .inputs = {value("x"), value("w")},
                                                    .tensors = {test::floats("w", {2}, {1, 2})}})});
  m["stored tensors, small, large and unused"] = model(
      {graph({.nodes = {node("Add", {"x", "large"}, {"a"}), node("Mul", {"a", "small"}, {"y"})},
              .inputs = {value("x", {"20"})},
              .tensors = {test::floats("small", {1}, {3}), test::floats("large", {20}, kTwenty),
                          test::floats("unused", {1}, {4})}})});
  m["an absent operand and a result nobody wants"] = model_of(
      {node("Clip", {"x", "", "top"}, {"a"}),
       node("Constant", {}, {"top"}, "", {test::tensor("value", test::floats("", {}, {6}))}),
       node("Split", {"a"}, {"", "y"})});
  m["an output twice"] = model({graph({.nodes = {node("Relu", {"x"}, {"y"})},
                                       .outputs = {test::untyped("y"), test::untyped("y")}})});
  m["an output that is an input"] = model({graph({.nodes = {}, .outputs = {value("x")}})});
  return m;
}

Models functions() {
  Models m;
  const std::vector<std::pair<std::string, int64_t>> opsets{{"", 17}, {"local", 1}};
  const auto function = [](std::string_view name, const test::Proto& body) {
    return test::Proto()
        .bytes(1, name)
        .bytes(4, "in")
        .bytes(4, "more")
        .bytes(5, "out")
        .bytes(6, "alpha")
        .message(7, body)
        .bytes(10, "local")
        .message(9, test::Proto().number(2, 17));
  };
  const test::Proto inner = function(
      "Inner", node("LeakyRelu", {"in"}, {"out"}, "leak", {test::reference("alpha", "alpha", 1)}));
  const test::Proto outer = function(
      "Outer",
      node("Inner", {"in"}, {"out"}, "call", {test::reference("alpha", "alpha", 1)}, "local"));
  const auto call = [&](const std::vector<test::Proto>& attributes) {
    return model({graph({.nodes = {node("Outer", {"x"}, {"y"}, "/f", attributes, "local")}}),
                  opsets,
                  {inner, outer}});
  };
  m["nested calls that hand an attribute down"] = call({test::real("alpha", 0.25F)});
  m["nested calls without the attribute"] = call({});
  test::Proto with_default =
      test::Proto().bytes(1, "F").bytes(4, "in").bytes(5, "out").bytes(10, "local");
  with_default.message(7, node("Neg", {"in"}, {"middle"}))
      .message(7,
               node("LeakyRelu", {"middle"}, {"out"}, "", {test::reference("alpha", "slope", 1)}))
      .message(9, test::Proto().number(2, 17))
      .message(11, test::real("slope", 0.75F));
  m["two calls with a default attribute"] = model(
      {graph({.nodes = {node("F", {"x"}, {"a"}, "one", {}, "local"),
                        node("F", {"a"}, {"y"}, "two", {test::real("slope", 0.5F)}, "local")}}),
       opsets,
       {with_default}});
  return m;
}

Models bodies() {
  Models m;
  const auto branch = [](const std::vector<test::Proto>& nodes,
                         const std::vector<test::Proto>& tensors = {}) {
    return graph({.nodes = nodes, .inputs = {}, .outputs = {value("out")}, .tensors = tensors});
  };
  const auto choose = [&](const test::Proto& then_branch, const test::Proto& else_branch,
                          const std::vector<test::Proto>& before,
                          const std::vector<test::Proto>& inputs) {
    std::vector<test::Proto> nodes = before;
    nodes.push_back(
        node("If", {"c"}, {"y"}, "/if",
             {test::body("then_branch", then_branch), test::body("else_branch", else_branch)}));
    return model({graph({.nodes = nodes, .inputs = inputs})});
  };
  const test::Proto condition = value("c", {}, 9);
  const test::Proto x = value("x", {"20"});
  m["branches that read from outside"] =
      choose(branch({node("Neg", {"a"}, {"out"})}),
             branch({node("Add", {"b", "large"}, {"s"}), node("Mul", {"s", "small"}, {"out"})},
                    {test::floats("large", {20}, kTwenty), test::floats("small", {1}, {3})}),
             {node("Relu", {"x"}, {"a"}), node("Abs", {"x"}, {"b"})}, {condition, x});
  const test::Proto nested =
      branch({node("If", {"c"}, {"out"}, "inner",
                   {test::body("then_branch", branch({node("Add", {"x", "deep"}, {"out"})},
                                                     {test::floats("deep", {20}, kTwenty)})),
                    test::body("else_branch", branch({node("Neg", {"x"}, {"out"})}))})});
  m["a branch in a branch"] =
      choose(nested, branch({node("Abs", {"x"}, {"out"})}), {}, {condition, x});
  m["a condition that is known, the other branch ill typed"] =
      choose(branch({node("Squeeze", {"x", "axes"}, {"out"})}, {int64s("axes", {0})}),
             branch({node("Neg", {"x"}, {"out"})}),
             {node("Shape", {"x"}, {"shape"}),
              node("Constant", {}, {"one"}, "", {test::tensor("value", int64s("", {1}))}),
              node("Equal", {"shape", "one"}, {"e"}), node("Squeeze", {"e"}, {"c"})},
             {x});
  return m;
}

TEST(Onnx, ImportsWhatTheFileSays) {
  Models models = structure();
  models.merge(functions());
  models.merge(bodies());
  test::expect_text_cases("import/onnx.test", {{"graph", [&](std::string_view given) {
                                                  const auto found = models.find(trim(given));
                                                  check(found != models.end(), Code::usage,
                                                        "no such model");
                                                  return test::printed(found->second);
                                                }}});
}

TEST(Onnx, TellsWhereAWeightLies) {
  const std::string file = model({graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
                                         .inputs = {value("x", {"20"})},
                                         .tensors = {test::floats("w", {20}, kTwenty)}})});
  const Imported imported = test::import_text(file);
  const Weight& weight = *imported.graph->find("w")->weight;
  const std::string_view source = weight.source();
  ASSERT_EQ(source.substr(0, 11), "net.onnx+0x");
  const auto offset = std::stoul(std::string(source.substr(11)), nullptr, 16);
  EXPECT_EQ(file.compare(offset, 80, reinterpret_cast<const char*>(kTwenty.data()), 80), 0);
  EXPECT_EQ(imported.producer, "acme-export 2.1");
  EXPECT_EQ(imported.version, "opset 17");
}

TEST(Onnx, CopiesWeightsOfBytesThatNobodyKeeps) {
  std::string file = model({graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
                                   .inputs = {value("x", {"20"})},
                                   .tensors = {test::floats("w", {20}, kTwenty)}})});
  const Imported imported = import_onnx_bytes(std::as_bytes(std::span(file)), {});
  std::fill(file.begin(), file.end(), '\0');
  EXPECT_EQ(imported.graph->find("w")->weight->tensor().number(19), 0.5);
}

}  // namespace hone::onnx_test
