// What a file states of the types of its results.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "support/refusal.hpp"

namespace hone::test::stated_types_test {

constexpr int64_t kF32 = 1, kI64 = 7;

/// y = Neg(Reshape(x, shape)): the operand `shape` has as many numbers as the caller likes.
std::string reshaped(const std::vector<Proto>& outputs, const std::vector<Proto>& values) {
  Proto made = graph({{node("Reshape", {"x", "shape"}, {"a"}), node("Neg", {"a"}, {"y"})},
                      {value("x", {"n", "6"}), value("shape", {"rank"}, kI64)},
                      outputs});
  return model({.graph = made.fields(values, 13)});
}

TEST(StatedTypes, GiveARankWhereInferenceFindsNone) {
  EXPECT_EQ(printed(reshaped({untyped("y")}, {})),
            "graph g(%x: f32[n,6], %shape: i64[rank]) -> (%y)\n"
            "  %a = Reshape(%x, %shape) : f32[*]  # a\n"
            "  %y = Neg(%a) : f32[*]  # y\n");
  EXPECT_EQ(printed(reshaped({untyped("y")}, {value("a", {"n", "2", "other"})})),
            "graph g(%x: f32[n,6], %shape: i64[rank]) -> (%y)\n"
            "  %a = Reshape(%x, %shape) : f32[*]  # a\n"
            "  %a.stated = EnsureShape(%a) shape=[n,2,-1] : f32[n,2,a.stated_d2]  # a\n"
            "  %y = Neg(%a.stated) : f32[n,2,a.stated_d2]  # y\n");
  EXPECT_NE(printed(reshaped({value("y", {"", "3"})}, {})).find("shape=[-1,3]"), std::string::npos);
}

TEST(StatedTypes, AreHeldToWhenTheModelRuns) {
  const Imported imported = import_text(reshaped({value("y", {"n", "2", ""})}, {}));
  Tensor x(DType::f32, {1, 6});
  const auto run = [&](const std::vector<int64_t>& sizes) {
    Tensor shape(DType::i64, {static_cast<int64_t>(sizes.size())});
    for (size_t i = 0; i < sizes.size(); ++i) shape.put(static_cast<int64_t>(i), sizes[i]);
    return evaluate(*imported.graph, {x, shape}).front().shape();
  };
  EXPECT_EQ(run({1, 2, 3}), (std::vector<int64_t>{1, 2, 3}));
  for (const std::vector<int64_t>& other : {std::vector<int64_t>{1, 3, 2}, {1, 6}, {2, 3, 1}})
    EXPECT_EQ(refusal_of([&] { (void)run(other); }),
              cat("invalid_model: has sizes [", join(other, ","),
                  "], stated are [1,2,-1] (EnsureShape y)"));
}

TEST(StatedTypes, DoNotOverruleInference) {
  const Proto relu = node("Relu", {"x"}, {"y"});
  const auto with = [&](const Proto& output) {
    return printed(model({.graph = graph({{relu}, {value("x", {"n", "4"})}, {output}})}));
  };
  for (const Proto& output : {value("y", {"7"}), value("y", {"1", "4"}), value("y", {"n", "5"})})
    EXPECT_EQ(with(output), "graph g(%x: f32[n,4]) -> (%y)\n  %y = Relu(%x) : f32[n,4]  # y\n");
}

TEST(StatedTypes, OfAnotherElementTypeAreAnError) {
  const Proto relu = node("Relu", {"x"}, {"y"});
  const std::string error =
      error_of(model({.graph = graph({{relu}, {value("x")}, {value("y", {"2"}, kI64)}})}));
  EXPECT_NE(error.find("gives \"y\" as f32, the file states i64"), std::string::npos) << error;
  const std::string inner = error_of(reshaped({untyped("y")}, {value("a", {"2"}, kI64)}));
  EXPECT_NE(inner.find("gives \"a\" as f32, the file states i64"), std::string::npos) << inner;
}

TEST(StatedTypes, ThatCannotBeReadSayNothing) {
  const Proto relu = node("Relu", {"x"}, {"y"});
  for (const Proto& output : {value("y", {"2"}, 0), Proto().bytes(1, "y").bytes(2, "\x0a\xff")})
    EXPECT_EQ(error_of(model({.graph = graph({{relu}, {value("x", {"2"}, kF32)}, {output}})})), "");
}

}  // namespace hone::test::stated_types_test
