#include "ops/layout.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "ops/one_node.hpp"
#include "ops/pad.hpp"

namespace hone::test::layout_test {

using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;

Tensor counting(DType dtype, std::vector<int64_t> shape) {
  Tensor result(dtype, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_integer(i, i);
  return result;
}

TEST(Layout, MatricesOfManyTilesOfAnyWidthAreTransposed) {
  for (const DType type : {DType::u8, DType::i16, DType::f32, DType::i64, DType::c128}) {
    Tensor x(type, {70, 33});
    for (size_t i = 0; i < x.bytes().size(); ++i)
      x.mutable_bytes()[i] = static_cast<std::byte>((i * 7 + i / 251) % 251);
    const Tensor y = run(Transpose{}, {x});
    ASSERT_EQ(y.shape(), (Ints{33, 70}));
    const size_t width = static_cast<size_t>(bits(type)) / 8;
    for (size_t i = 0; i < 70; ++i)
      for (size_t j = 0; j < 33; ++j)
        ASSERT_EQ(std::memcmp(x.bytes().data() + (i * 33 + j) * width,
                              y.bytes().data() + (j * 70 + i) * width, width),
                  0)
            << name(type) << " " << i << " " << j;
  }
}

TEST(Layout, Transpose) {
  EXPECT_EQ(run(Transpose{}, {counting(DType::i4, {2, 3})}).integers(), (Ints{0, 3, 1, 4, 2, 5}));
  const Tensor y = run(Transpose{.perm = {1, 0, 2}}, {counting(DType::f64, {2, 2, 2})});
  EXPECT_EQ(y.integers(), (Ints{0, 1, 4, 5, 2, 3, 6, 7}));
  EXPECT_EQ(run(Transpose{}, {Tensor(DType::f32, {0, 3})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(run(Transpose{}, {Tensor::scalar(DType::f32, 3)}).number(0), 3);
  const Tensor words = Tensor::of_strings({1, 2}, {"a", "b"});
  EXPECT_EQ(run(Transpose{}, {words}).strings(), (Strings{"a", "b"}));
  EXPECT_EQ(refusal_of([] {
              run(Transpose{.perm = {0, 0}}, {Tensor(DType::f32, {2, 2})});
            }),
            "invalid_model: axis 0 is given twice (Transpose %y0)");
  EXPECT_EQ(refusal_of([] {
              run(Transpose{.perm = {0}}, {Tensor(DType::f32, {2, 2})});
            }),
            "invalid_model: perm has 1 entries, the operand has rank 2 (Transpose %y0)");
}

TEST(Layout, BitsSurvive) {
  Tensor x(DType::f32, {2, 1});
  x.put<uint32_t>(0, 0x7fa00001);  // a signalling NaN with a payload
  x.put<uint32_t>(1, 0xffc12345);
  const Tensor y = run(Transpose{}, {x});
  EXPECT_EQ(y.at<uint32_t>(0), 0x7fa00001U);
  EXPECT_EQ(y.at<uint32_t>(1), 0xffc12345U);
  Tensor big(DType::u64, {1, 2});
  big.put<uint64_t>(1, 0xfffffffffffffffd);
  EXPECT_EQ(run(Transpose{}, {big}).at<uint64_t>(1), 0xfffffffffffffffd);
  EXPECT_EQ(numbers(run(Transpose{}, {tensor(DType::f4e2m1, {1, 3}, {0.5, -6, 3})})),
            (std::vector<double>{0.5, -6, 3}));
}

TEST(Layout, ConcatAndSplit) {
  const Tensor a = counting(DType::u4, {2, 1}), b = counting(DType::u4, {2, 2});
  const Tensor joined = run(Concat{.axis = -1}, {a, b});
  EXPECT_EQ(joined.shape(), (Ints{2, 3}));
  EXPECT_EQ(joined.integers(), (Ints{0, 0, 1, 1, 2, 3}));
  EXPECT_EQ(run(Concat{.axis = 0}, {Tensor(DType::u4, {0, 2}), b}).integers(), b.integers());
  EXPECT_EQ(refusal_of([&] {
              run(Concat{.axis = 0}, {a, b});
            }),
            "invalid_model: sizes 1 and 2 differ, wanted the same (Concat %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Concat{.axis = 2}, {a, b});
            }),
            "invalid_model: axis 2 is out of range for rank 2 (Concat %y0)");
  const auto pieces = run_all(Split{.axis = 1, .split = Dims{1, 0, 2}}, {joined}, 3);
  EXPECT_EQ(pieces[0].integers(), a.integers());
  EXPECT_EQ(pieces[1].shape(), (Ints{2, 0}));
  EXPECT_EQ(pieces[2].integers(), b.integers());
  const auto ragged = run_all(Split{.num_outputs = 3}, {counting(DType::i32, {7})}, 3);
  EXPECT_EQ(ragged[2].integers(), (Ints{6}));
  EXPECT_EQ(run_all(Split{}, {counting(DType::i32, {6}), i64({2, 4})}, 2)[1].shape(), (Ints{4}));
  EXPECT_EQ(refusal_of([] { run_all(Split{}, {counting(DType::i32, {7})}, 2); }),
            "invalid_model: sizes 6 and 7 differ, wanted the same (Split %y0)");
  EXPECT_EQ(refusal_of([] {
              run_all(Split{}, {counting(DType::i32, {7}), i64({3, 3})}, 2);
            }),
            "invalid_model: the sizes in split add up to 6, wanted 7 (Split %y0)");
  EXPECT_EQ(refusal_of([] {
              run_all(Split{}, {counting(DType::i32, {7}), i64({9, -2})}, 2);
            }),
            "invalid_model: the sizes in split do not add up to 7 (Split %y0)");
}

TEST(Layout, Tile) {
  const Tensor x = counting(DType::i8, {2, 2});
  EXPECT_EQ(run(Tile{.repeats = Dims{1, 2}}, {x}).integers(), (Ints{0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(run(Tile{}, {x, i64({2, 0})}).shape(), (Ints{4, 0}));
  EXPECT_EQ(refusal_of([&] {
              run(Tile{}, {x, i64({2})});
            }),
            "invalid_model: repeats has 1 entries, the operand is i8[2,2] (Tile %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Tile{}, {x, i64({-1, 1})});
            }),
            "invalid_model: repeats has -1 (Tile %y0)");
}

TEST(Layout, Blocks) {
  const Tensor x = counting(DType::i32, {1, 4, 1, 2});
  const Tensor y = run(DepthToSpace{.blocksize = 2}, {x});
  EXPECT_EQ(y.shape(), (Ints{1, 1, 2, 4}));
  EXPECT_EQ(y.integers(), (Ints{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(run(SpaceToDepth{.blocksize = 2}, {y}).integers(), x.integers());
  const Tensor two = counting(DType::i32, {1, 8, 1, 1});
  const DepthToSpace crd{.blocksize = 2, .mode = DepthToSpace::Mode::CRD};
  EXPECT_EQ(run(crd, {two}).integers(), (Ints{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(run(DepthToSpace{.blocksize = 2}, {two}).integers(), (Ints{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(refusal_of([&] { run(DepthToSpace{.blocksize = 3}, {x}); }),
            "invalid_model: sizes 0 and 4 differ, wanted the same (DepthToSpace %y0)");
  EXPECT_EQ(refusal_of([&] { run(SpaceToDepth{.blocksize = 0}, {x}); }),
            "invalid_model: blocksize is 0 (SpaceToDepth %y0)");
}

TEST(Layout, Pad) {
  const Tensor x = counting(DType::i16, {3});
  const auto padded = [&](Pad::Mode mode, int64_t before, int64_t after) {
    return run(Pad{.pads = Dims{before, after}, .mode = mode}, {x}).integers();
  };
  EXPECT_EQ(padded(Pad::Mode::constant, 1, 2), (Ints{0, 0, 1, 2, 0, 0}));
  EXPECT_EQ(padded(Pad::Mode::edge, 2, 1), (Ints{0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(padded(Pad::Mode::reflect, 2, 4), (Ints{2, 1, 0, 1, 2, 1, 0, 1, 2}));
  EXPECT_EQ(padded(Pad::Mode::wrap, 2, 4), (Ints{1, 2, 0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(padded(Pad::Mode::constant, -1, 1), (Ints{1, 2, 0}));
  EXPECT_EQ(padded(Pad::Mode::edge, -1, 1), (Ints{1, 2, 2}));
  EXPECT_EQ(padded(Pad::Mode::constant, -1, -2), (Ints{}));
  EXPECT_EQ(refusal_of([&] { padded(Pad::Mode::constant, -2, -2); }),
            "invalid_model: size 0 is larger than -1 (Pad %y0)");
  EXPECT_EQ(refusal_of([&] { padded(Pad::Mode::edge, -3, 1); }),
            "invalid_model: there is nothing to repeat along axis 0 of [3] (Pad %y0)");
  const Tensor y = run(Pad{.axes = Dims{-1}},
                       {counting(DType::i16, {2, 1}), i64({0, 1}), Tensor::scalar(DType::i16, 9)});
  EXPECT_EQ(y.integers(), (Ints{0, 9, 1, 9}));
  EXPECT_EQ(run(Pad{}, {x, i64({1, 0}), Tensor::scalar(DType::i16, 5), i64({0})}).integers(),
            (Ints{5, 0, 1, 2}));
}

TEST(Layout, Symbols) {
  const Dim n = Dim::symbol("n"), s = Dim::symbol("s");
  const Type x = Type::tensor(DType::f32, {n, s});
  EXPECT_EQ(cat(type_of(Transpose{}, {x})), "f32[s,n]");
  EXPECT_EQ(cat(type_of(Concat{.axis = 1}, {x, Type::tensor(DType::f32, {n, 3})})), "f32[n,s+3]");
  EXPECT_EQ(cat(type_of(Tile{.repeats = Dims{2, n}}, {x})), "f32[2*n,n*s]");
  EXPECT_EQ(cat(type_of(Pad{.pads = Dims{0, 1, 0, 2}}, {x})), "f32[n,s+3]");
  EXPECT_EQ(cat(type_of(Concat{.axis = 1}, {x, Type::unranked(DType::f32)})), "f32[n,y0_d1]");
  const Type image = Type::tensor(DType::f32, {n, 8, s, s * 2});
  EXPECT_EQ(cat(type_of(DepthToSpace{.blocksize = 2}, {image})), "f32[n,2,2*s,4*s]");
  EXPECT_EQ(cat(type_of(SpaceToDepth{.blocksize = 2}, {image})), "f32[n,32,floordiv(s,2),s]");
  EXPECT_EQ(known_of(Concat{}, {{DType::i64, {n, 1}}, {DType::i64, {s}}}), "[n,1,s]");
  EXPECT_EQ(known_of(Split{.split = Dims{2}}, {{DType::i64, {n, s}}}), "[n,s]");
  EXPECT_EQ(known_of(Tile{.repeats = Dims{2}}, {{DType::i64, {n, 1}}}), "[n,1,n,1]");
}

}  // namespace hone::test::layout_test
