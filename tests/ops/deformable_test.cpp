#include "ops/deformable.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/convolution.hpp"
#include "ops/one_node.hpp"

namespace hone::test::deformable_test {

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

Tensor counted(Ints shape) {
  Tensor result(DType::f32, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_number(i, static_cast<double>(i % 7) - 2);
  return result;
}

TEST(DeformConv, WithoutOffsetsIsConv) {
  const Window window{.strides = {2, 1}, .dilations = {1, 2}, .pads = {1, 0, 1, 2}};
  const Tensor x = counted({2, 4, 5, 6}), w = counted({6, 2, 3, 2}), b = counted({6});
  const Tensor wanted = run(Conv{.window = window, .group = 2}, {x, w, b});
  const Tensor offsets(DType::f32, {2, 24, wanted.dim(2), wanted.dim(3)});
  const DeformConv op{.window = window, .group = 2, .offset_group = 2};
  EXPECT_EQ(numbers(run(op, {x, w, offsets, b})), numbers(wanted));
}

TEST(DeformConv, OffsetsAndMask) {
  // One tap over 1 2 3: each place reads elsewhere, then half of that.
  const Tensor x = tensor(DType::f32, {1, 1, 3}, {1, 2, 3}), w = tensor(DType::f32, {1, 1, 1}, {1});
  const Tensor offsets = tensor(DType::f32, {1, 1, 3}, {0.5, -2, 0.25});
  EXPECT_EQ(numbers(run(DeformConv{}, {x, w, offsets})), (Doubles{1.5, 0, 2.25}));
  const Tensor mask = tensor(DType::f32, {1, 1, 3}, {0.5, 1, 2}), none;
  EXPECT_EQ(numbers(run(DeformConv{}, {x, w, offsets, none, mask})), (Doubles{0.75, 0, 4.5}));
  const double inf = std::numeric_limits<double>::infinity(), nan = inf - inf;
  const Tensor nowhere = tensor(DType::f32, {1, 1, 3}, {inf, -inf, nan});
  EXPECT_EQ(numbers(run(DeformConv{}, {x, w, nowhere})), (Doubles{0, 0, 0}));
}

TEST(DeformConv, OffsetsOfEachAxis) {
  // Of two axes the outer one's offset comes first.
  const Tensor x = counted({1, 1, 2, 3}), w = tensor(DType::f32, {1, 1, 1, 1}, {1});
  Tensor offsets(DType::f32, {1, 2, 2, 3});
  offsets.set_number(0, 1);      // place (0, 0) reads (1, 0)
  offsets.set_number(6 + 1, 1);  // place (0, 1) reads (0, 2)
  EXPECT_EQ(numbers(run(DeformConv{}, {x, w, offsets})), (Doubles{1, 0, 0, 1, 2, 3}));
}

TEST(DeformConv, SizesAndErrors) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const Type x = Type::tensor(DType::f32, {n, 4, h, 5}), w = Type::tensor(DType::f32, {2, 4, 3, 3});
  const Type offsets = Type::tensor(DType::f32, {n, 18, h - 2, 3});
  EXPECT_EQ(cat(type_of(DeformConv{}, {x, w, offsets})), "f32[n,2,h-2,3]");
  const auto error = [&](const DeformConv& op, const Type& of) {
    return refusal_of([&] { type_of(op, {x, w, of}); });
  };
  EXPECT_EQ(error({}, Type::tensor(DType::f32, {n, 9, h - 2, 3})),
            "invalid_model: sizes 9 and 18 differ, wanted the same (DeformConv %y0)");
  EXPECT_EQ(error({}, Type::tensor(DType::f32, {n, 18, h - 2, 4})),
            "invalid_model: sizes 4 and 3 differ, wanted the same (DeformConv %y0)");
  EXPECT_EQ(error({.offset_group = 3}, offsets),
            "invalid_model: 4 channels do not divide into 3 groups of offsets (DeformConv %y0)");
  EXPECT_EQ(error({.offset_group = 0}, offsets),
            "invalid_model: offset_group=0: wanted at least 1 (DeformConv %y0)");
  const Tensor none(DType::f32, {0, 4, 3, 3}), weight(DType::f32, {2, 4, 3, 3});
  EXPECT_EQ(run(DeformConv{}, {none, weight, Tensor(DType::f32, {0, 18, 1, 1})}).shape(),
            (Ints{0, 2, 1, 1}));
}

}  // namespace hone::test::deformable_test
