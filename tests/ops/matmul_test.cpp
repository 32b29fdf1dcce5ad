#include "ops/matmul.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::matmul_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

const Dim kN = Dim::symbol("n"), kS = Dim::symbol("s");

std::string product_type(Dims a, Dims b) {
  return cat(type_of(
      MatMul{}, {Type::tensor(DType::f32, std::move(a)), Type::tensor(DType::f32, std::move(b))}));
}

TEST(MatMul, Types) {
  EXPECT_EQ(product_type({kN, kS, 64}, {64, 32}), "f32[n,s,32]");
  EXPECT_EQ(product_type({kN, 12, kS, 64}, {kN, 12, 64, kS}), "f32[n,12,s,s]");
  EXPECT_EQ(product_type({kN, 1, 2, 3}, {5, 3, 4}), "f32[n,5,2,4]");
  EXPECT_EQ(product_type({3}, {kN, 3, 4}), "f32[n,4]");
  EXPECT_EQ(product_type({kN, 2, 3}, {3}), "f32[n,2]");
  EXPECT_EQ(product_type({3}, {3}), "f32[]");
  const Type any = Type::unranked(DType::f32);
  EXPECT_EQ(cat(type_of(MatMul{}, {any, any})), "f32[*]");
  EXPECT_NE(refusal_of([] {
              product_type({2, 3}, {4, 5});
            }).find("3 columns times 4 rows"),
            std::string::npos);
  EXPECT_EQ(refusal_of([] {
              product_type({2, 2, 3}, {5, 3, 5});
            }),
            "invalid_model: sizes 2 and 5 do not broadcast (MatMul %y0)");
  EXPECT_NE(refusal_of([] { product_type({}, {3}); }).find("scalar"), std::string::npos);
}

TEST(MatMul, Vectors) {
  const Tensor m = tensor(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}), v = f32({1, 10, 100});
  EXPECT_EQ(numbers(run(MatMul{}, {m, v})), (Doubles{321, 654}));
  EXPECT_EQ(numbers(run(MatMul{}, {f32({1, 10}), m})), (Doubles{41, 52, 63}));
  const Tensor dot = run(MatMul{}, {v, v});
  EXPECT_EQ(dot.shape(), Ints{});
  EXPECT_EQ(dot.number(0), 10101);
}

TEST(MatMul, Batches) {
  const Tensor a = tensor(DType::f32, {2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor b = tensor(DType::f32, {3, 2, 1}, {1, 0, 0, 1, 1, 1});
  const Tensor y = run(MatMul{}, {a, b});
  EXPECT_EQ(y.shape(), (Ints{2, 3, 1, 1}));
  EXPECT_EQ(numbers(y), (Doubles{1, 2, 3, 3, 4, 7}));
}

TEST(MatMul, EmptyAndWrapping) {
  const Tensor none = run(MatMul{}, {Tensor(DType::f32, {2, 0}), Tensor(DType::f32, {0, 3})});
  EXPECT_EQ(numbers(none), (Doubles{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(run(MatMul{}, {Tensor(DType::f32, {0, 2, 3}), Tensor(DType::f32, {3, 4})}).shape(),
            (Ints{0, 2, 4}));
  const Tensor big = Tensor::ints({int64_t{1} << 62, int64_t{1} << 62});
  EXPECT_EQ(run(MatMul{}, {big, i64({1, 1})}).integer(0), std::numeric_limits<int64_t>::min());
}

TEST(Gemm, Types) {
  const Type x = Type::tensor(DType::f32, {kN, 512}), w = Type::tensor(DType::f32, {10, 512});
  const Gemm op{.transB = true};
  EXPECT_EQ(cat(type_of(op, {x, w, Type::tensor(DType::f32, {10})})), "f32[n,10]");
  EXPECT_EQ(cat(type_of(op, {x, w, Type::tensor(DType::f32, {})})), "f32[n,10]");
  EXPECT_NE(refusal_of([&] {
              type_of(Gemm{}, {x, w});
            }).find("512 columns times 10 rows"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type_of(op, {x, w, Type::tensor(DType::f32, {9})});
            }).find("[n,10]"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type_of(op, {x, Type::tensor(DType::f32, {10})});
            }).find("rank 2"),
            std::string::npos);
}

TEST(Gemm, TransposesScalesAndBroadcasts) {
  const Tensor a = tensor(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = tensor(DType::f32, {2, 2}, {1, 0, 10, 1});
  EXPECT_EQ(numbers(run(Gemm{.transA = true}, {a, b})), (Doubles{41, 4, 52, 5, 63, 6}));
  const Gemm scaled{.alpha = 0.5, .beta = 2, .transA = true, .transB = true};
  EXPECT_EQ(numbers(run(scaled, {a, b, f32({1, 2})})), (Doubles{2.5, 11, 3, 16.5, 3.5, 22}));
  const Tensor column = tensor(DType::f32, {3, 1}, {100, 200, 300});
  EXPECT_EQ(numbers(run(Gemm{.transA = true}, {a, b, column})),
            (Doubles{141, 104, 252, 205, 363, 306}));
  EXPECT_EQ(
      numbers(run(Gemm{}, {Tensor(DType::f32, {1, 0}), Tensor(DType::f32, {0, 2}), f32({7, 8})})),
      (Doubles{7, 8}));
}

}  // namespace hone::test::matmul_test
