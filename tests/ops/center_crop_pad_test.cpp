#include <gtest/gtest.h>

#include "ops/one_node.hpp"
#include "ops/pad.hpp"

namespace hone::test::center_crop_pad_test {

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

TEST(CenterCropPad, CropsAndPads) {
  const Tensor x = f32({1, 2, 3, 4});
  const auto to = [&](int64_t size) { return numbers(run(CenterCropPad{}, {x, i64({size})})); };
  EXPECT_EQ(to(2), (Doubles{2, 3}));
  EXPECT_EQ(to(1), (Doubles{2}));  // the odd one is cut off at the end
  EXPECT_EQ(to(7), (Doubles{0, 1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(to(4), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(to(0), Doubles());
  EXPECT_EQ(refusal_of([&] { to(-1); }), "invalid_model: size 0 is -1 (CenterCropPad %y0)");
}

TEST(CenterCropPad, SomeAxes) {
  const Tensor x = tensor(DType::i8, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor y = run(CenterCropPad{.shape = Dims{1, 3}, .axes = {-1, 0}}, {x});
  EXPECT_EQ(y.shape(), (Ints{3, 1}));
  EXPECT_EQ(numbers(y), (Doubles{2, 5, 0}));
  EXPECT_EQ(run(CenterCropPad{.shape = Dims{2}, .axes = {1}}, {Tensor(DType::i8, {0, 3})}).shape(),
            (Ints{0, 2}));
  EXPECT_EQ(numbers(run(CenterCropPad{.shape = Dims{2}}, {Tensor(DType::i8, {0})})),
            (Doubles{0, 0}));
}

TEST(CenterCropPad, SizesAndErrors) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const Type x = Type::tensor(DType::f32, {n, h, 3});
  EXPECT_EQ(cat(type_of(CenterCropPad{.shape = Dims{5}, .axes = {1}}, {x})), "f32[n,5,3]");
  EXPECT_EQ(cat(type_of(CenterCropPad{.shape = Dims{h, n, h + 1}}, {x})), "f32[h,n,h+1]");
  EXPECT_EQ(type_of(CenterCropPad{}, {x, Type::tensor(DType::i64, {3})}).tensor().rank(), 3);
  EXPECT_EQ(refusal_of([&] { type_of(CenterCropPad{.shape = Dims{5}}, {x}); }),
            "invalid_model: there are 3 axes and 1 sizes (CenterCropPad %y0)");
  EXPECT_EQ(refusal_of([&] { type_of(CenterCropPad{.shape = Dims{5}, .axes = {3}}, {x}); }),
            "invalid_model: axis 3 is out of range for rank 3 (CenterCropPad %y0)");
  EXPECT_EQ(refusal_of([&] {
              type_of(CenterCropPad{.shape = Dims{5, 5}, .axes = {1, -2}}, {x});
            }),
            "invalid_model: axis -2 is given twice (CenterCropPad %y0)");
}

}  // namespace hone::test::center_crop_pad_test
