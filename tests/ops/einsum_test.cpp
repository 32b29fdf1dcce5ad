#include "ops/einsum.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::einsum_test {

using Doubles = std::vector<double>;

const Tensor kMatrix = tensor(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6});

Op einsum(std::string equation) { return Einsum{std::move(equation)}; }

TEST(Einsum, Types) {
  const Dim b = Dim::symbol("b"), s = Dim::symbol("s");
  const Type q = Type::tensor(DType::f32, {b, 12, s, 64});
  EXPECT_EQ(cat(type_of(einsum("bhid,bhjd->bhij"), {q, q})), "f32[b,12,s,s]");
  EXPECT_EQ(cat(type_of(einsum("...id, ...jd -> ...ij"), {q, q})), "f32[b,12,s,s]");
  EXPECT_EQ(cat(type_of(einsum("...d"), {q})), "f32[b,12,s,64]");
  EXPECT_EQ(cat(type_of(einsum("ij->i"), {Type::unranked(DType::f16)})), "f16[*]");
  const auto error = [&](const std::string& equation) {
    return refusal_of([&] { type_of(einsum(equation), {q}); });
  };
  EXPECT_NE(error("ab->a").find("operand 0 has rank 4, its term names 2 axes"), std::string::npos);
  EXPECT_NE(error("abcd,abcd").find("2 terms for 1 operands"), std::string::npos);
  EXPECT_NE(error("abcd->e").find("\"e\" of the result"), std::string::npos);
  EXPECT_NE(error("abcd->aa").find("twice"), std::string::npos);
  EXPECT_NE(error("ab.d->a").find("no list of letters"), std::string::npos);
  const Type wide = Type::tensor(DType::f32, {2, 3});
  EXPECT_NE(refusal_of([&] { type_of(einsum("ii"), {wide}); }).find("sizes 2 and 3"),
            std::string::npos);
}

TEST(Einsum, Sums) {
  EXPECT_EQ(numbers(run(einsum("ij->ji"), {kMatrix})), (Doubles{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(numbers(run(einsum("ij->"), {kMatrix})), (Doubles{21}));
  EXPECT_EQ(numbers(run(einsum("ij->j"), {kMatrix})), (Doubles{5, 7, 9}));
  EXPECT_EQ(numbers(run(einsum("ij,j"), {kMatrix, f32({1, 10, 100})})), (Doubles{321, 654}));
  EXPECT_EQ(numbers(run(einsum("ij,kj->ik"), {kMatrix, kMatrix})), (Doubles{14, 32, 32, 77}));
  EXPECT_EQ(numbers(run(einsum("i,j,k->kji"), {f32({1, 2}), f32({3}), f32({5, 7})})),
            (Doubles{15, 30, 21, 42}));
}

TEST(Einsum, DiagonalsAndUnnamedAxes) {
  const Tensor square = tensor(DType::i32, {2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(numbers(run(einsum("ii->i"), {square})), (Doubles{1, 4}));
  EXPECT_EQ(numbers(run(einsum("ii"), {square})), (Doubles{5}));
  const Tensor batch = tensor(DType::f32, {1, 2, 1}, {1, 10});
  EXPECT_EQ(numbers(run(einsum("...i,...i->...i"), {batch, kMatrix})),
            (Doubles{1, 2, 3, 40, 50, 60}));
  EXPECT_EQ(numbers(run(einsum("...i->i..."), {kMatrix})), (Doubles{1, 4, 2, 5, 3, 6}));
}

TEST(Einsum, Empty) {
  EXPECT_EQ(numbers(run(einsum("ij->i"), {Tensor(DType::f32, {2, 0})})), (Doubles{0, 0}));
}

}  // namespace hone::test::einsum_test
