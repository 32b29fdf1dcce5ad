#include "ops/shape.hpp"

#include <gtest/gtest.h>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "ops/one_node.hpp"

namespace hone::test::shape_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

Tensor counting(DType dtype, std::vector<int64_t> shape) {
  Tensor result(dtype, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_integer(i, i);
  return result;
}

TEST(ShapeOps, ShapeAndSize) {
  const Tensor x(DType::f32, {2, 0, 5});
  EXPECT_EQ(run(Shape{}, {x}).integers(), (Ints{2, 0, 5}));
  EXPECT_EQ(run(Shape{.start = -2, .end = -1}, {x}).integers(), (Ints{0}));
  EXPECT_EQ(run(Shape{.start = -9, .end = 9}, {x}).integers(), (Ints{2, 0, 5}));
  EXPECT_EQ(run(Shape{.start = 2, .end = 1}, {x}).integers(), (Ints{}));
  EXPECT_EQ(run(Size{}, {x}).integers(), (Ints{0}));
  EXPECT_EQ(run(Size{}, {Tensor(DType::f32, {})}).integers(), (Ints{1}));
}

TEST(ShapeOps, Reshape) {
  const Tensor x = counting(DType::u8, {2, 3, 4});
  const auto shape_of = [&](Ints target, bool allowzero = false) {
    return run(Reshape{.allowzero = allowzero}, {x, i64(target)}).shape();
  };
  EXPECT_EQ(shape_of({4, -1}), (Ints{4, 6}));
  EXPECT_EQ(shape_of({0, 0, 1, -1}), (Ints{2, 3, 1, 4}));
  EXPECT_EQ(run(Reshape{.shape = Dims{24}}, {x}).integers(),
            run(Reshape{.shape = Dims{24}}, {x}).integers());
  EXPECT_EQ(refusal_of([&] {
              shape_of({-1, -1});
            }),
            "invalid_model: the shape has two -1, wanted at most one (Reshape %y0)");
  EXPECT_EQ(refusal_of([&] {
              shape_of({5, 5});
            }),
            "invalid_model: cannot reshape [2,3,4] to [5,5] (Reshape %y0)");
  EXPECT_EQ(refusal_of([&] {
              shape_of({-2, 12});
            }),
            "invalid_model: the shape has -2 (Reshape %y0)");
  EXPECT_EQ(refusal_of([&] {
              shape_of({2, 3, 4, 0});
            }),
            "invalid_model: the shape has 0 at place 3, the operand has rank 3 (Reshape %y0)");
  const Tensor none(DType::f32, {0, 3});
  EXPECT_EQ(run(Reshape{.allowzero = true}, {none, i64({3, 0})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(run(Reshape{}, {none, i64({0, -1})}).shape(), (Ints{0, 3}));
  EXPECT_EQ(run(Reshape{}, {Tensor(DType::f32, {1, 1}), i64({})}).shape(), (Ints{}));
}

TEST(ShapeOps, FlattenSqueezeUnsqueeze) {
  const Tensor x = counting(DType::i32, {2, 1, 3});
  EXPECT_EQ(run(Flatten{}, {x}).shape(), (Ints{2, 3}));
  EXPECT_EQ(run(Flatten{.axis = 0}, {x}).shape(), (Ints{1, 6}));
  EXPECT_EQ(run(Flatten{.axis = 3}, {x}).shape(), (Ints{6, 1}));
  EXPECT_EQ(run(Flatten{.axis = -1}, {x}).shape(), (Ints{2, 3}));
  EXPECT_EQ(refusal_of([&] { run(Flatten{.axis = 4}, {x}); }),
            "invalid_model: axis 4 is out of range for rank 3 (Flatten %y0)");
  EXPECT_EQ(run(Squeeze{}, {x}).shape(), (Ints{2, 3}));
  EXPECT_EQ(run(Squeeze{.axes = Dims{-2}}, {x}).shape(), (Ints{2, 3}));
  EXPECT_EQ(run(Squeeze{}, {x, i64({1})}).integers(), x.integers());
  EXPECT_EQ(refusal_of([&] { run(Squeeze{.axes = Dims{0}}, {x}); }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (Squeeze %y0)");
  EXPECT_EQ(run(Unsqueeze{.axes = Dims{0, -1}}, {x}).shape(), (Ints{1, 2, 1, 3, 1}));
  EXPECT_EQ(run(Unsqueeze{}, {x, i64({3})}).shape(), (Ints{2, 1, 3, 1}));
  EXPECT_EQ(refusal_of([&] {
              run(Unsqueeze{.axes = Dims{1, 1}}, {x});
            }),
            "invalid_model: axis 1 is given twice (Unsqueeze %y0)");
  EXPECT_EQ(refusal_of([&] { run(Unsqueeze{.axes = Dims{4}}, {x}); }),
            "invalid_model: axis 4 is out of range for rank 4 (Unsqueeze %y0)");
}

TEST(ShapeOps, Expand) {
  const Tensor x = counting(DType::i4, {3, 1});
  const Tensor y = run(Expand{.shape = Dims{2, 1, 2}}, {x});
  EXPECT_EQ(y.shape(), (Ints{2, 3, 2}));
  EXPECT_EQ(y.integers(), (Ints{0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(run(Expand{}, {x, i64({1})}).shape(), (Ints{3, 1}));
  EXPECT_EQ(run(Expand{}, {x, i64({0})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(refusal_of([&] {
              run(Expand{}, {x, i64({4, 2})});
            }),
            "invalid_model: cannot expand [3,1] to [4,2] (Expand %y0)");
  const Tensor words = Tensor::of_strings({1}, {"ab"});
  EXPECT_EQ(run(Expand{.shape = Dims{2}}, {words}).strings(),
            (std::vector<std::string>{"ab", "ab"}));
}

TEST(ShapeOps, KnowContents) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(Unsqueeze{.axes = Dims{0}}, {{DType::i64, {n, 3}}}), "[n,3]");
  EXPECT_EQ(known_of(Identity{}, {{DType::i32, {n * 2}}}), "[2*n]");
  EXPECT_EQ(known_of(Expand{.shape = Dims{3}}, {{DType::i64, {n}}}), "[n,n,n]");
  EXPECT_EQ(known_of(Reshape{.shape = Dims{-1, 1}}, {{DType::i64, {n, 7}}}), "[n,7]");
}

TEST(ShapeOps, ReshapeByASizeThatHappensToBeZero) {
  const auto graph = parse(
      "graph g(%x: f32[4,n,4]) -> (%y)\n"
      "  %s = Shape(%x) start=1 end=2\n"
      "  %t = Concat(%s, i64[1]{-1}) axis=0\n"
      "  %y = Reshape(%x, %t)\n",
      all_ops());
  infer(*graph);
  EXPECT_EQ(cat(graph->outputs()[0].value->type), "f32[n,16]");
  EXPECT_EQ(evaluate(*graph, {Tensor(DType::f32, {4, 0, 4})})[0].shape(), (Ints{0, 16}));
  EXPECT_EQ(evaluate(*graph, {Tensor(DType::f32, {4, 3, 4})})[0].shape(), (Ints{3, 16}));
}

TEST(ShapeOps, ReshapeOfSymbols) {
  const Dim n = Dim::symbol("n"), s = Dim::symbol("s");
  const Type x = Type::tensor(DType::f32, {n, s, 12});
  const auto reshaped = [&](Dims target) { return cat(type_of(Reshape{.shape = target}, {x})); };
  EXPECT_EQ(reshaped({0, 0, 3, 4}), "f32[n,s,3,4]");
  EXPECT_EQ(reshaped({n, -1}), "f32[n,12*s]");
  EXPECT_EQ(reshaped({-1, 12}), "f32[n*s,12]");
  EXPECT_EQ(reshaped({n * s, -1}), "f32[n*s,12]");
  EXPECT_EQ(reshaped({-1, s, 3}), "f32[4*n,s,3]");
  const Type any = Type::unranked(DType::f32);
  EXPECT_EQ(cat(type_of(Reshape{.shape = Dims{0, 7}}, {any})), "f32[y0_d0,7]");
  EXPECT_EQ(cat(type_of(Reshape{}, {x, Type::tensor(DType::i64, {2})})), "f32[y0_d0,y0_d1]");
  EXPECT_EQ(cat(type_of(Reshape{}, {x, Type::tensor(DType::i64, {n})})), "f32[*]");
  EXPECT_EQ(cat(type_of(Squeeze{}, {x})), "f32[*]");
  EXPECT_EQ(cat(type_of(Flatten{}, {x})), "f32[n,12*s]");
}

}  // namespace hone::test::shape_test
