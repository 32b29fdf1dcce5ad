// Initializers that are inputs, too: values that are taken where a run gives none.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/text/text.hpp"

namespace hone::test::defaults_test {

constexpr int64_t kBool = 9, kI64 = 7;

/// y = x + w, w of [1, 2] where it is not given.
std::string sum(const Proto& stated = value("w"), int64_t ir_version = 8) {
  return model({.graph = graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
                                .inputs = {value("x"), stated},
                                .tensors = {floats("w", {2}, {1, 2})}}),
                .ir_version = ir_version});
}

std::string text_of(const Graph& graph) { return print(graph, {.align = false}); }

TEST(Defaults, AreConstantsAndInputsOfTheOpenGraph) {
  // Before IR version 4, too, where every initializer had to be an input.
  for (const int64_t version : {3, 8})
    EXPECT_NE(import_text(sum(value("w"), version)).defaults, nullptr) << version;
  const Imported imported = import_text(sum());
  EXPECT_EQ(text_of(*imported.graph),
            "graph g(%x: f32[2]) -> (%y)\n  %y = Add(%x, f32[2]{1,2}) : f32[2]  # y\n");
  ASSERT_NE(imported.defaults, nullptr);
  EXPECT_EQ(text_of(*imported.defaults->graph),
            "graph g(%x: f32[2], %w: f32[2]) -> (%y)\n  %y = Add(%x, %w) : f32[2]  # y\n");
  ASSERT_EQ(imported.defaults->values.size(), 1u);
  EXPECT_EQ(imported.defaults->values.at("w")->tensor().number(1), 2);
  EXPECT_EQ(imported.fixed_defaults, "");
  ASSERT_EQ(default_inputs(imported.defaults.get()).size(), 1u);
  EXPECT_EQ(default_inputs(imported.defaults.get())[0]->name, "w");
}

TEST(Defaults, StayConstantsWhereWhatIsStatedIsNotWhatIsStored) {
  // Of another type or size, or of none: what a caller would give could not be read as the default.
  for (const Proto& stated : {value("w", {"2"}, kI64), value("w", {"3"}), untyped("w")}) {
    const Imported imported = import_text(sum(stated));
    EXPECT_EQ(imported.defaults, nullptr);
    EXPECT_EQ(imported.fixed_defaults, "");
  }
}

TEST(Defaults, SizesAreThoseOfWhatIsGiven) {
  const Imported imported = import_text(sum(value("w", {"n"})));
  EXPECT_EQ(text_of(*imported.defaults->graph),
            "graph g(%x: f32[2], %w: f32[n]) -> (%y)\n  require n broadcasts with 2\n"
            "  %y = Add(%x, %w) : f32[2]  # y\n");
  // Where it is not given, the size is a number again.
  EXPECT_EQ(text_of(*graph_with(*imported.defaults, {})),
            "graph g(%x: f32[2]) -> (%y)\n  %y = Add(%x, f32[2]{1,2}) : f32[2]  # y\n");
}

TEST(Defaults, OfShapesMakeSizesThatOnlyRunningTells) {
  const Imported imported =
      import_text(model({graph({.nodes = {node("Reshape", {"x", "s"}, {"y"})},
                                .inputs = {value("x", {"6"}), value("s", {"2"}, kI64)},
                                .tensors = {int64s("s", {2, 3})}})}));
  EXPECT_EQ(text_of(*imported.graph),
            "graph g(%x: f32[6]) -> (%y)\n  %y = Reshape(%x, i64[2]{2,3}) : f32[2,3]  # y\n");
  ASSERT_NE(imported.defaults, nullptr);
  Tensor x(DType::f32, {6}), s(DType::i64, {2});
  s.set_integer(0, 3), s.set_integer(1, 2);
  EXPECT_EQ(evaluate(*imported.defaults->graph, {x, s})[0].shape(), (std::vector<int64_t>{3, 2}));
}

TEST(Defaults, ThatTheModelCannotDoWithoutStayConstants) {
  // The branch that is not taken is ill typed: with an open condition there is no such model.
  const auto branch = [](const Proto& only) {
    return graph({.nodes = {only}, .inputs = {}, .outputs = {untyped("r")}});
  };
  const Proto choose = node("If", {"c"}, {"z"}, "choose",
                            {body("then_branch", branch(node("Neg", {"x"}, {"r"}))),
                             body("else_branch", branch(node("MatMul", {"x", "wide"}, {"r"})))});
  const Proto condition = header("c", {}, kBool);
  const auto with = [&](const std::vector<Proto>& more_inputs) {
    std::vector<Proto> inputs{value("x"), value("wide", {"5", "5"}), value("c", {}, kBool)};
    inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
    return import_text(
        model({graph({.nodes = {choose, node("Add", {"z", "w"}, {"y"})},
                      .inputs = inputs,
                      .tensors = {Proto(condition).bytes(9, "\1"), floats("w", {2}, {1, 2})}})}));
  };
  const Imported fixed = with({});
  EXPECT_EQ(fixed.defaults, nullptr);
  EXPECT_NE(fixed.fixed_defaults.find("cannot be replaced (c): "), std::string::npos)
      << fixed.fixed_defaults;
  // Defaults of floats still are.
  const Imported some = with({value("w")});
  ASSERT_NE(some.defaults, nullptr);
  EXPECT_TRUE(some.defaults->values.contains("w") && some.defaults->values.size() == 1);
}

}  // namespace hone::test::defaults_test
