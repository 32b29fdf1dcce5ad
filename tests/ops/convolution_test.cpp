#include "ops/convolution.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::convolution_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

const Dim kN = Dim::symbol("n"), kH = Dim::symbol("h");

Type f32_type(Dims dims) { return Type::tensor(DType::f32, std::move(dims)); }

std::string conv_type(const Conv& op, const Type& x, const Type& w) {
  return cat(type_of(op, {x, w}));
}

// 1, 2, 3 ... in row-major order.
Tensor counting(std::vector<int64_t> shape) {
  Tensor result(DType::f32, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_number(i, static_cast<double>(i + 1));
  return result;
}

Tensor ones(std::vector<int64_t> shape) {
  Tensor result(DType::f32, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_number(i, 1);
  return result;
}

TEST(Convolution, SymbolicSizes) {
  const Type image = f32_type({kN, 3, kH, 224}), weight = f32_type({64, 3, 7, 7});
  const Conv stem{.window = {.strides = {2, 2}, .pads = {3, 3, 3, 3}}};
  EXPECT_EQ(conv_type(stem, image, weight), cat(f32_type({kN, 64, floor_div(kH - 1, 2) + 1, 112})));
  EXPECT_EQ(conv_type(Conv{.window = {.pads = {1, 1, 1, 1}}}, image, f32_type({8, 3, 3, 3})),
            "f32[n,8,h,224]");
  const Conv same{.window = {.strides = {2, 2}, .auto_pad = AutoPad::same_upper}};
  EXPECT_EQ(conv_type(same, image, weight), cat(f32_type({kN, 64, ceil_div(kH, 2), 112})));
  EXPECT_EQ(conv_type(Conv{.window = {.auto_pad = AutoPad::valid}}, image, weight),
            "f32[n,64,h-6,218]");
  const Conv dilated{.window = {.dilations = {2, 3}}};
  EXPECT_EQ(conv_type(dilated, image, weight), "f32[n,64,h-12,206]");
}

TEST(Convolution, StatesOnceWhatSizesMustBe) {
  Graph graph;
  Value* x = graph.add_input("x", f32_type({kN, 3, kH, 64}));
  Value* stem = graph.add_input("stem", f32_type({8, 3, 5, 5}));
  Value* next = graph.add_input("next", f32_type({8, 8, 3, 3}));
  const Conv op{.window = {.strides = {2, 2}, .pads = {1, 1, 1, 1}}};
  Node* first = graph.add_node(op, {x, stem}, {"first"});
  Node* second = graph.add_node(op, {first->output(), next}, {"second"});
  graph.add_output("y", second->output());
  infer(graph);
  // The second window always fits what the first one leaves.
  ASSERT_EQ(graph.requirements().size(), 1u);
  EXPECT_EQ(cat(graph.requirements()[0]), "3 <= h");
}

TEST(Convolution, UnknownRanks) {
  const Type any = Type::unranked(DType::f32);
  EXPECT_EQ(conv_type(Conv{}, any, any), "f32[*]");
  EXPECT_EQ(type_of(Conv{}, {any, f32_type({8, 3, 3, 3})}).tensor().rank(), 4);
  EXPECT_TRUE(type_of(Conv{}, {any, f32_type({8, 3, 3, 3})}).tensor().shape()[1].is(8));
  EXPECT_EQ(type_of(Conv{}, {f32_type({kN, 3, 8}), any}).tensor().rank(), 3);
  const Conv sized{.window = {.kernel_shape = {3}}};
  EXPECT_TRUE(type_of(sized, {f32_type({kN, 3, 8}), any}).tensor().shape()[2].is(6));
  EXPECT_EQ(type_of(ConvTranspose{}, {any, f32_type({8, 3, 3, 3})}).tensor().rank(), 4);
}

TEST(Convolution, Errors) {
  const Type x = f32_type({1, 4, 5, 5}), w = f32_type({8, 4, 3, 3});
  const auto error = [&](const Conv& op, const Type& input, const Type& weight) {
    return refusal_of([&] { type_of(op, {input, weight}); });
  };
  EXPECT_NE(error({}, f32_type({1, 3, 5, 5}), w).find("has 3 channels"), std::string::npos);
  EXPECT_NE(error({.group = 3}, f32_type({1, 12, 5, 5}), w).find("8 filters"), std::string::npos);
  EXPECT_NE(error({.group = 0}, x, w).find("group=0"), std::string::npos);
  EXPECT_NE(error({.window = {.strides = {0, 1}}}, x, w).find("strides=[0,1]"), std::string::npos);
  EXPECT_NE(error({.window = {.strides = {1}}}, x, w).find("wanted 2 numbers"), std::string::npos);
  EXPECT_NE(error({.window = {.pads = {-1, 0, 0, 0}}}, x, w).find("pads=[-1"), std::string::npos);
  EXPECT_EQ(error({.window = {.pads = {int64_t{1} << 62, 0, 0, 0}}}, x, w),
            "invalid_model: pads=[4611686018427387904,0,0,0]: wanted 4 numbers from 0 to "
            "1073741824 (Conv %y0)");
  EXPECT_NE(error({.window = {.dilations = {3, 3}}}, x, w).find("7 elements"), std::string::npos);
  EXPECT_NE(error({.window = {.kernel_shape = {3, 2}}}, x, w).find("[3,2]"), std::string::npos);
  EXPECT_NE(error({}, f32_type({1, 4}), f32_type({8, 4})).find("rank 2"), std::string::npos);
  EXPECT_NE(error({}, Type::tensor(DType::i32, {1, 4, 5, 5}), w).find("i32"), std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type_of(Conv{}, {x, w, f32_type({7})});
            }).find("wanted 8"),
            std::string::npos);
}

TEST(Convolution, PadsStridesAndDilations) {
  const Tensor x = counting({1, 1, 3, 3}), w = ones({1, 1, 2, 2});
  EXPECT_EQ(numbers(run(Conv{}, {x, w})), (Doubles{12, 16, 24, 28}));
  const Conv padded{.window = {.strides = {2, 2}, .pads = {1, 1, 0, 0}}};
  EXPECT_EQ(numbers(run(padded, {x, w})), (Doubles{1, 5, 11, 28}));
  const Conv dilated{.window = {.dilations = {2, 2}}};
  EXPECT_EQ(numbers(run(dilated, {x, w})), (Doubles{20}));
  const Conv upper{.window = {.auto_pad = AutoPad::same_upper}};
  EXPECT_EQ(numbers(run(upper, {x, w})), (Doubles{12, 16, 9, 24, 28, 15, 15, 17, 9}));
  const Conv lower{.window = {.auto_pad = AutoPad::same_lower}};
  EXPECT_EQ(numbers(run(lower, {x, w})), (Doubles{1, 3, 5, 5, 12, 16, 11, 24, 28}));
}

TEST(Convolution, GroupsBiasAndRanks) {
  const Tensor x = counting({2, 2, 2}), w = tensor(DType::f32, {2, 1, 1}, {10, 100});
  const Tensor y = run(Conv{.group = 2}, {x, w, f32({1, 2})});
  EXPECT_EQ(y.shape(), (Ints{2, 2, 2}));
  EXPECT_EQ(numbers(y), (Doubles{11, 21, 302, 402, 51, 61, 702, 802}));
  EXPECT_EQ(numbers(run(Conv{}, {counting({1, 1, 2, 2, 2}), ones({1, 1, 2, 2, 2})})),
            (Doubles{36}));
  EXPECT_EQ(run(Conv{}, {Tensor(DType::f32, {0, 1, 3, 3}), ones({4, 1, 2, 2})}).shape(),
            (Ints{0, 4, 2, 2}));
}

TEST(Convolution, RoundsOnce) {
  // In f16 the running sum 2048 + 1 + 1 would stay 2048.
  const Tensor x = tensor(DType::f16, {1, 1, 3}, {2048, 1, 1});
  const Tensor w = tensor(DType::f16, {1, 1, 3}, {1, 1, 1});
  EXPECT_EQ(run(Conv{}, {x, w}).number(0), 2050);
}

TEST(Convolution, TransposedSizes) {
  const Type x = f32_type({kN, 16, kH, 8}), w = f32_type({16, 4, 3, 3});
  const auto type = [&](const ConvTranspose& op) { return cat(type_of(op, {x, w})); };
  EXPECT_EQ(type({.window = {.strides = {2, 2}, .pads = {1, 1, 1, 1}}, .output_padding = {1, 1}}),
            "f32[n,4,2*h,16]");
  EXPECT_EQ(type({.group = 2}), "f32[n,8,h+2,10]");
  EXPECT_EQ(type({.window = {.strides = {3, 2}, .auto_pad = AutoPad::same_lower}}),
            "f32[n,4,3*h,16]");
  EXPECT_EQ(type({.window = {.strides = {2, 2}}, .output_shape = {20, 18}}), "f32[n,4,20,18]");
  EXPECT_NE(refusal_of([&] { type({.group = 3}); }).find("16 channels"), std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type({.output_padding = {-1, 0}});
            }).find("output_padding=[-1,0]"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type({.window = {.pads = {9, 9, 9, 9}}});
            }).find("padding leaves"),
            std::string::npos);
}

TEST(Convolution, Transposed) {
  const Tensor x = counting({1, 1, 2, 2}), w = ones({1, 1, 2, 2});
  EXPECT_EQ(numbers(run(ConvTranspose{}, {x, w})), (Doubles{1, 3, 2, 4, 10, 6, 3, 7, 4}));
  const ConvTranspose strided{.window = {.strides = {2, 2}}};
  EXPECT_EQ(numbers(run(strided, {x, w})),
            (Doubles{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}));
  const ConvTranspose cut{.window = {.pads = {1, 0, 0, 1}}};
  EXPECT_EQ(numbers(run(cut, {x, w, f32({100})})), (Doubles{104, 110, 103, 107}));
  const ConvTranspose wide{.output_shape = {3, 4}};
  EXPECT_EQ(numbers(run(wide, {x, w})), (Doubles{1, 3, 2, 0, 4, 10, 6, 0, 3, 7, 4, 0}));
  // Two groups, two filters each: [channels, filters / group, kernel].
  const Tensor two = tensor(DType::f32, {1, 2, 1}, {1, 10});
  const Tensor filters = tensor(DType::f32, {2, 2, 1}, {1, 2, 3, 4});
  EXPECT_EQ(numbers(run(ConvTranspose{.group = 2}, {two, filters})), (Doubles{1, 2, 30, 40}));
}

}  // namespace hone::test::convolution_test
