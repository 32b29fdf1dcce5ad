// What the user reads when a model cannot be imported: tests/errors/import.test pins every word.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "support/text_case.hpp"

namespace hone::errors_test {

using test::graph;
using test::model;
using test::model_of;
using test::node;
using test::value;
using Models = std::map<std::string, std::string, std::less<>>;
using Opsets = std::vector<std::pair<std::string, int64_t>>;

std::string with_tensor(const test::Proto& tensor) {
  return model({graph({.nodes = {node("Add", {"x", "w"}, {"y"}, "/add")}, .tensors = {tensor}})});
}

Models operators() {
  Models m;
  m["operators that Hone does not know"] =
      model({graph({.nodes = {node("Swizzle", {"x"}, {"a"}, "/neck/Swizzle", {}, "acme"),
                              node("Swizzle", {"a"}, {"b"}, "/neck/Swizzle_1", {}, "acme"),
                              node("TfIdfVectorizer", {"b"}, {"c"}, "/text/TfIdf"),
                              node("Sqeeze", {"c"}, {"d"}, "/squeeze"),
                              node("ZipMap", {"d"}, {"e"}, "", {}, "ai.onnx.ml"),
                              node("Relu", {"e"}, {"y"}, "/relu")}}),
             {{"", 17}, {"acme", 3}, {"ai.onnx.ml", 5}}});
  m["an attribute nobody knows"] =
      model_of({node("Relu", {"x"}, {"y"}, "/relu", {test::integer("slope", 1)})});
  m["an attribute of another type"] =
      model_of({node("Concat", {"x", "x"}, {"y"}, "/cat", {test::real("axis", 1)})});
  m["a reference outside of a function"] =
      model_of({node("Concat", {"x", "x"}, {"y"}, "/cat", {test::reference("axis", "a", 2)})});
  m["an output that the operator does not have"] =
      model_of({node("Relu", {"x"}, {"y", "z"}, "/relu")});
  m["sizes that do not fit"] = with_tensor(test::floats("w", {3}, {1, 2, 3}));
  return m;
}

Models structure() {
  Models m;
  m["a cycle"] =
      model_of({node("Add", {"x", "b"}, {"a"}, "/first"), node("Neg", {"a"}, {"b"}, "/second"),
                node("Abs", {"b"}, {"y"}, "/third")});
  m["a name that nobody gives"] = model_of({node("Add", {"x", "nowhere"}, {"y"}, "/add")});
  m["a name given twice"] =
      model_of({node("Relu", {"x"}, {"y"}, "/a"), node("Abs", {"x"}, {"y"}, "/b")});
  m["an output that nobody gives"] =
      model({graph({.nodes = {node("Relu", {"x"}, {"y"})}, .outputs = {value("z")}})});
  m["no outputs"] = model({graph({.nodes = {node("Relu", {"x"}, {"y"})}, .outputs = {}})});
  m["an input without a type"] = model(
      {graph({.nodes = {node("Relu", {"x"}, {"y"})}, .inputs = {test::Proto().bytes(1, "x")}})});
  m["an input of a negative size"] =
      model({graph({.nodes = {node("Relu", {"x"}, {"y"})}, .inputs = {value("x", {"-2"})}})});
  const test::Proto call = node("F", {"x"}, {"y"}, "/call", {}, "local");
  const test::Proto function =
      test::Proto().bytes(1, "F").bytes(4, "x").bytes(5, "y").message(7, call).bytes(10, "local");
  m["a function that calls itself"] =
      model({graph({.nodes = {call}}), Opsets{{"", 17}, {"local", 1}}, {function}});
  return m;
}

Models tensors() {
  Models m;
  m["several tensors that contradict themselves"] = model({graph(
      {.nodes = {node("Sum", {"x", "a", "b", "c", "d"}, {"y"}, "/sum")},
       .tensors = {test::header("a", {-1}, 1), test::header("b", {1L << 32, 1L << 32}, 1),
                   test::header("c", {2}, 1).bytes(9, "1234567"), test::header("d", {2}, 99)}})});
  m["a rank beyond the limit"] = with_tensor(test::header("w", std::vector<int64_t>(100, 1), 1));
  m["external data of bytes in memory"] = with_tensor(test::external("w", {2}, "w.bin"));
  return m;
}

Models files() {
  Models m;
  const test::Proto relu = graph({.nodes = {node("Relu", {"x"}, {"y"})}});
  m["opset 0"] = model({relu, Opsets{{"", 0}}});
  m["opset 9999"] = model({relu, Opsets{{"", 9999}}});
  m["no opset"] = model({relu, Opsets{}});
  m["no opset for the standard operators"] = model({relu, Opsets{{"ai.onnx.ml", 3}}});
  m["two opsets"] = model({relu, Opsets{{"", 13}, {"ai.onnx", 17}}});
  m["an empty file"] = "";
  m["half a file"] = model({relu}).substr(0, 40);
  return m;
}

TEST(Errors, Import) {
  Models models = operators();
  models.merge(structure());
  models.merge(tensors());
  models.merge(files());
  test::expect_text_cases("errors/import.test", {{"message", [&](std::string_view given) {
                                                    const auto found = models.find(trim(given));
                                                    check(found != models.end(), Code::usage,
                                                          "no such model");
                                                    return test::error_of(found->second);
                                                  }}});
}

/// A call's name stands in front of all names of its function.
TEST(Errors, NamesThatCallsRepeatAreLimited) {
  std::vector<test::Proto> nodes;
  const auto name = [](int i) { return i == 0 ? "x" : i == 50 ? "y" : cat("v", i); };
  for (int i = 0; i < 50; ++i) nodes.push_back(node("Neg", {name(i)}, {name(i + 1)}));
  test::Proto function = test::Proto().bytes(1, "F").bytes(4, "x").bytes(5, "y");
  function.fields(nodes, 7).bytes(10, "local");
  const test::Proto call = node("F", {"x"}, {"y"}, std::string(5000, 'n'), {}, "local");
  const std::string file =
      model({graph({.nodes = {call}}), Opsets{{"", 17}, {"local", 1}}, {function}});
  EXPECT_EQ(test::error_of(file), "");
  ImportOptions options;
  options.limits.made_name_bytes = 1000;
  EXPECT_EQ(test::error_of(file, options),
            cat("invalid_model: the names of nodes and values take more than ",
                1000 + 4 * file.size(), " bytes, calls of functions inlined (net.onnx)"));
}

TEST(Errors, CapturesOfBodiesAreLimited) {
  const test::Proto leaf = graph({{node("Sum", {"x", "a", "b"}, {"t"})}, {}, {test::untyped("t")}});
  const auto branches =
      std::vector{test::body("then_branch", leaf), test::body("else_branch", leaf)};
  const test::Proto middle =
      graph({{node("If", {"c"}, {"u"}, "inner", branches)}, {}, {test::untyped("u")}});
  const std::string file = model(
      {graph({.nodes = {node("Relu", {"x"}, {"a"}), node("Neg", {"x"}, {"b"}),
                        node("If", {"c"}, {"y"}, "outer",
                             {test::body("then_branch", middle), test::body("else_branch", leaf)})},
              .inputs = {value("x"), value("c", {}, 9)}})});
  ImportOptions options;
  options.limits.captures = 14;  // c, x, a, b twice, and x, a, b twice within
  EXPECT_EQ(test::error_of(file, options), "");
  options.limits.captures = 13;
  EXPECT_EQ(test::error_of(file, options),
            "invalid_model: bodies read more than 13 values of graphs around them, each body "
            "counted (net.onnx)");
}

}  // namespace hone::errors_test
