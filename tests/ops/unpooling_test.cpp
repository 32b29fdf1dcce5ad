#include "ops/unpooling.hpp"

#include <gtest/gtest.h>

#include "ops/common/complex.hpp"
#include "ops/one_node.hpp"
#include "ops/pooling.hpp"

namespace hone::test::unpooling_test {

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

const Window kPairs{.kernel_shape = {2}, .strides = {2}};

TEST(MaxUnpool, UndoesMaxPool) {
  const Tensor x = tensor(DType::f32, {1, 2, 4}, {1, 2, 4, 3, 8, 7, 5, 6});
  const std::vector<Tensor> pooled = run_all(MaxPool{.window = kPairs}, {x}, 2);
  const MaxUnpool op{.window = kPairs};
  EXPECT_EQ(numbers(run(op, {pooled[0], pooled[1]})), (Doubles{0, 2, 4, 0, 8, 0, 0, 6}));
  // Offsets count in rows of 4 although the result has rows of 5.
  EXPECT_EQ(numbers(run(op, {pooled[0], pooled[1], i64({1, 2, 5})})),
            (Doubles{0, 2, 4, 0, 0, 8, 0, 0, 6, 0}));
}

TEST(MaxUnpool, SizesAndErrors) {
  const MaxUnpool op{.window = kPairs};
  const Tensor x(DType::f32, {1, 1, 2});
  const auto error = [&](const Tensor& offsets, const Tensor& shape) {
    return refusal_of([&] { run(op, {x, offsets, shape}); });
  };
  const auto offsets = [](const Doubles& values) { return tensor(DType::i64, {1, 1, 2}, values); };
  EXPECT_EQ(error(offsets({0, 3}), Tensor()), "");
  EXPECT_EQ(error(offsets({0, 4}), Tensor()),
            "invalid_model: offset 4 in 4 elements (MaxUnpool %y0)");
  EXPECT_EQ(error(offsets({-1, 3}), Tensor()),
            "invalid_model: offset -1 in 4 elements (MaxUnpool %y0)");
  EXPECT_EQ(
      error(offsets({0, 3}), i64({1, 1, 3})),
      "invalid_model: output_shape=[1,1,3] for an unpooled [1,1,4] (MaxUnpool %y0)");  // smaller
                                                                                       // than what
                                                                                       // the window
                                                                                       // gives
  EXPECT_EQ(error(offsets({0, 3}), i64({1, 2, 4})),
            "invalid_model: output_shape=[1,2,4] for an unpooled [1,1,4] (MaxUnpool %y0)");
  EXPECT_EQ(error(offsets({0, 3}), i64({1, 4})),
            "invalid_model: output_shape has 2 numbers, wanted 3 (MaxUnpool %y0)");
  const Dim n = Dim::symbol("n"), w = Dim::symbol("w");
  const Type type = Type::tensor(DType::f32, {n, 1, w}), of = Type::tensor(DType::i64, {n, 1, w});
  EXPECT_EQ(cat(type_of(op, {type, of})), "f32[n,1,2*w]");
  EXPECT_EQ(cat(type_of(MaxUnpool{.output_shape = Dims{n, 1, 9}, .window = kPairs}, {type, of})),
            "f32[n,1,9]");
  EXPECT_EQ(run(op, {Tensor(DType::f32, {0, 1, 2}), Tensor(DType::i64, {0, 1, 2})}).shape(),
            (Ints{0, 1, 4}));
}

TEST(Col2Im, SumsBlocks) {
  // Blocks 1 2, 3 4 and 5 6, each an element further.
  const Tensor x = tensor(DType::f32, {1, 2, 3}, {1, 3, 5, 2, 4, 6});
  EXPECT_EQ(numbers(run(Col2Im{}, {x, i64({4}), i64({2})})), (Doubles{1, 5, 9, 6}));
  EXPECT_EQ(numbers(run(Col2Im{.strides = {2}}, {x, i64({6}), i64({2})})),
            (Doubles{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(numbers(run(Col2Im{.dilations = {2}}, {x, i64({5}), i64({2})})),
            (Doubles{1, 3, 7, 4, 6}));
  EXPECT_EQ(numbers(run(Col2Im{.pads = {1, 1}}, {x, i64({2}), i64({2})})), (Doubles{5, 9}));
  // Bytes wrap.
  const Tensor bytes = tensor(DType::u8, {1, 2, 2}, {1, 100, 200, 7});
  EXPECT_EQ(numbers(run(Col2Im{}, {bytes, i64({3}), i64({2})})), (Doubles{1, 44, 7}));
}

TEST(Col2Im, OfBoolsAndComplexNumbers) {
  const Tensor bits = tensor(DType::boolean, {1, 2, 2}, {0, 1, 0, 0});
  EXPECT_EQ(numbers(run(Col2Im{}, {bits, i64({3}), i64({2})})), (Doubles{0, 1, 0}));
  const Tensor both = tensor(DType::boolean, {1, 2, 2}, {0, 1, 1, 0});
  EXPECT_EQ(numbers(run(Col2Im{}, {both, i64({3}), i64({2})})), (Doubles{0, 1, 0}));
  for (const DType dtype : {DType::c64, DType::c128}) {
    Tensor x(dtype, {1, 2, 2}), wanted(dtype, {1, 1, 3});
    const Complex from[] = {{1, -1}, {2, 0}, {3, 5}, {0, 7}}, to[] = {{1, -1}, {5, 5}, {0, 7}};
    for (int64_t i = 0; i < 4; ++i) set_complex(x, i, from[i]);
    for (int64_t i = 0; i < 3; ++i) set_complex(wanted, i, to[i]);
    EXPECT_TRUE(same_bits(run(Col2Im{}, {x, i64({3}), i64({2})}), wanted)) << name(dtype);
  }
  const Tensor words = Tensor::of_strings({1, 2, 1}, {"a", "b"});
  EXPECT_NE(refusal_of([&] {
              run(Col2Im{}, {words, i64({2}), i64({2})});
            }).find("summed"),
            std::string::npos);
}

TEST(Col2Im, ImagesAndChannels) {
  const Tensor x = tensor(DType::f32, {1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor y = run(Col2Im{}, {x, i64({1, 3}), i64({1, 2})});
  EXPECT_EQ(y.shape(), (Ints{1, 2, 1, 3}));
  EXPECT_EQ(numbers(y), (Doubles{1, 5, 4, 5, 13, 8}));
}

TEST(Col2Im, SizesAndErrors) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const Type x = Type::tensor(DType::f32, {n, 8, h - 1});
  const Col2Im op{.image_shape = Dims{h, 3}, .block_shape = Dims{2, 2}};
  EXPECT_EQ(refusal_of([&] {
              type_of(op, {Type::tensor(DType::f32, {n, 7, 4})});
            }),
            "invalid_model: sizes 4 and 7 differ, wanted the same (Col2Im %y0)");
  const Type line = type_of(Col2Im{.image_shape = Dims{h}, .block_shape = Dims{2}}, {x});
  EXPECT_EQ(cat(line), "f32[n,4,h]");
  EXPECT_EQ(type_of(Col2Im{}, {x, Type::tensor(DType::i64, {2}), Type::tensor(DType::i64, {2})})
                .tensor()
                .rank(),
            4);
  const Tensor blocks(DType::f32, {1, 4, 3});
  const auto error = [&](const Tensor& image, const Tensor& block) {
    return refusal_of([&] { run(Col2Im{}, {blocks, image, block}); });
  };
  EXPECT_EQ(error(i64({2, 2}), i64({2, 2})),
            "invalid_model: blocks [1,4,3]: wanted [batch, a multiple of 4, 1] (Col2Im %y0)");
  EXPECT_EQ(error(i64({4}), i64({0})),
            "invalid_model: a kernel of 0 over 4 elements on spatial axis 0 (Col2Im %y0)");
  EXPECT_EQ(error(i64({4}), i64({3})),
            "invalid_model: blocks [1,4,3]: wanted [batch, a multiple of 3, 2] (Col2Im %y0)");
  EXPECT_EQ(error(i64({4, 4}), i64({2})),
            "invalid_model: image_shape has 2 axes, block_shape 1 (Col2Im %y0)");
  EXPECT_EQ(run(Col2Im{}, {Tensor(DType::f32, {0, 2, 3}), i64({4}), i64({2})}).shape(),
            (Ints{0, 1, 4}));
}

}  // namespace hone::test::unpooling_test
