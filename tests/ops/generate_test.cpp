#include "ops/generate.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::generate_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

TEST(Generate, ConstantOfShape) {
  EXPECT_EQ(numbers(run(ConstantOfShape{}, {i64({2})})), (Doubles{0, 0}));
  const Tensor ones = run(ConstantOfShape{.shape = Dims{2, 2}, .value = Tensor::ints({1})}, {});
  EXPECT_EQ(ones.dtype(), DType::i64);
  EXPECT_EQ(ones.integers(), (Ints{1, 1, 1, 1}));
  EXPECT_EQ(run(ConstantOfShape{}, {i64({})}).shape(), (Ints{}));
  EXPECT_EQ(run(ConstantOfShape{}, {i64({3, 0})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(refusal_of([] { run(ConstantOfShape{}, {i64({-1})}); }),
            "invalid_model: the shape has -1 (ConstantOfShape %y0)");
  EXPECT_EQ(known_of(ConstantOfShape{.value = Tensor::ints({7})}, {{DType::i64, {3}}}), "[7,7,7]");
  EXPECT_EQ(known_of(ConstantOfShape{.value = Tensor::ints({7})}, {{DType::i64, {1 << 20}}}), "?");
}

TEST(Generate, Range) {
  const auto of = [](DType dtype, double a, double b, double c) {
    return numbers(run(
        Range{}, {Tensor::scalar(dtype, a), Tensor::scalar(dtype, b), Tensor::scalar(dtype, c)}));
  };
  EXPECT_EQ(of(DType::f32, 1, 2, 0.25), (Doubles{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(of(DType::i32, 10, 4, -2), (Doubles{10, 8, 6}));
  EXPECT_EQ(of(DType::i64, 3, 3, 1), (Doubles{}));
  EXPECT_EQ(of(DType::i16, 3, 9, -1), (Doubles{}));
  EXPECT_EQ(refusal_of([&] { of(DType::i64, 0, 1, 0); }),
            "invalid_model: the step is 0 (Range %y0)");
  EXPECT_EQ(refusal_of([&] { of(DType::f32, 0, INFINITY, 1); }),
            "invalid_model: a range of inf numbers");
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(Range{}, {{DType::i64, {n}}, {DType::i64, {n + 2}}, {DType::i64, {1}}}),
            "[n,n+1]");
}

TEST(Generate, RangeOfASymbol) {
  Graph graph;
  Value* x = graph.add_input("x", Type::tensor(DType::i64, {}));
  x->known = Dims{Dim::symbol("n")};
  Value* zero = graph.add_constant("zero", Weight::of(Tensor::scalar(DType::i64, 0)));
  Value* one = graph.add_constant("one", Weight::of(Tensor::scalar(DType::i64, 1)));
  Node* node = graph.add_node(Range{}, {zero, x, one}, {"y"});
  infer(graph);
  EXPECT_EQ(cat(node->output()->type), "i64[n]");
}

}  // namespace hone::test::generate_test
