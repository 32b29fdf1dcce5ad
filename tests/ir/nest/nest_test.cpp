// Text of nests and what is refused, as cases in nest.test.

#include <gtest/gtest.h>

#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"
#include "support/text_case.hpp"

namespace hone::test::nest_test {

std::string verified(std::string_view given) {
  const Nest nest = parse_nest(given);
  verify(nest);
  return print(nest);
}

std::string unproven(std::string_view given) {
  std::string text;
  for (const std::string& place : unproven_places(parse_nest(given))) text += place + "\n";
  return text.empty() ? "none\n" : text;
}

TEST(Nest, Cases) {
  expect_text_cases("ir/nest/nest.test", {{"verify", verified}, {"unproven", unproven}});
}

TEST(Nest, ExpressionsAreEqualByStructure) {
  const Expr x = Expr::load(BufferName{"x"}, DType::f32, {Expr::index(Dim::variable("i"))});
  const Expr same = Expr::load(BufferName{"x"}, DType::f32, {Expr::index(Dim::variable("i"))});
  EXPECT_EQ(x + like(x, 0.0), same + like(x, 0.0));
  EXPECT_EQ((x + same).hash(), (same + x).hash());
  for (const Expr& other :
       {Expr::load(BufferName{"y"}, DType::f32, {Expr::index(Dim::variable("i"))}),
        Expr::load(BufferName{"x"}, DType::f16, {Expr::index(Dim::variable("i"))}),
        Expr::load(BufferName{"x"}, DType::f32, {Expr::index(Dim::symbol("i"))}),
        Expr::load(BufferName{"x"}, DType::f32, {Expr::index(Dim::variable("i"))}, 0.0)})
    EXPECT_FALSE(x == other) << cat(other);
  EXPECT_FALSE(like(x, 0.0) == like(x, -0.0));
  EXPECT_FALSE(Expr::integer(1) == Expr::integer(1, DType::i32));
  EXPECT_FALSE(Expr::integer(int64_t{1} << 53) == Expr::integer((int64_t{1} << 53) + 1));
}

TEST(Nest, InterpretationSeesWhatIsNotThere) {
  const auto refusal = [](std::string_view text, const std::vector<Tensor>& inputs) {
    try {
      evaluate(parse_nest(text), {}, inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::internal);
      return error.message();
    }
    return std::string("no error");
  };
  EXPECT_EQ(refusal("nest a\n  y: f32[4] output\n  for $i < 3\n    y[$i] = f32{1}\n", {}),
            "nest a: nothing wrote element 3 of y");
  EXPECT_EQ(refusal("nest b\n  y: f32[2] output\n  t: f32[2] local\n  t[0] = f32{1}\n"
                    "  for $i < 2\n    y[$i] = t[$i]\n",
                    {}),
            "nest b: element 1 of t is read before it is written");
  EXPECT_EQ(refusal("nest c\n  i: i64[1] input\n  y: f32[2] output\n  t: f32[2] local\n"
                    "  for $j < 2\n    t[$j] = f32{1}\n  for $i < 2\n    y[$i] = t[i[0]]\n",
                    {Tensor::ints({7})}),
            "nest c: t[7] is read and lies outside of [2]");
}

}  // namespace hone::test::nest_test
