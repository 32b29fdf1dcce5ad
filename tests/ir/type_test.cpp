#include "ir/type.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "support/refusal.hpp"

namespace hone::type_test {

const Dim n = Dim::symbol("n");

std::optional<Type> parse(std::string_view text) {
  auto type = parse_type(text);
  if (type && !text.empty()) return std::nullopt;
  return type;
}

TEST(Type, TextReadsBack) {
  for (const std::string_view text :
       {"f32[n,3,224,224]", "i64[]", "f32[*]", "seq(f32[*])", "opt(i64[])", "?", "bf16[2*n+1]",
        "opt(seq(str[*]))", "bool['a,]b',floordiv(n,2)]", "seq(?)", "f8e4m3fn[0]"}) {
    const auto type = parse(text);
    ASSERT_TRUE(type.has_value()) << text;
    EXPECT_EQ(cat(*type), text);
    EXPECT_EQ(parse(cat(*type)), type);
  }
  EXPECT_EQ(cat(TensorType{DType::f32, Dims{n, 3}}), "f32[n,3]");
  EXPECT_EQ(parse("f32[n, 3]"), Type::tensor(DType::f32, {n, 3}));
}

TEST(Type, ReadsOnlyItsOwnPart) {
  std::string_view text = "f32[2]  # /stem";
  EXPECT_EQ(parse_type(text), Type::tensor(DType::f32, {2}));
  EXPECT_EQ(text, "  # /stem");
}

TEST(Type, RefusesBrokenText) {
  for (const std::string_view text : {"", "f32", "f33[2]", "f32[2", "f32[2,]", "f32[-1]", "f32[*",
                                      "seq(f32[*]", "seq()", "set(f32[*])", "[2]", "f32[2 3]"})
    EXPECT_EQ(parse(text), std::nullopt) << text;
}

TEST(Type, NestingIsBounded) {
  Type type = Type::unranked(DType::f32);
  std::string text = "f32[*]";
  for (int i = 0; i < 16; ++i) {
    type = i % 2 == 0 ? Type::sequence(type) : Type::optional(type);
    text = (i % 2 == 0 ? "seq(" : "opt(") + text + ")";
  }
  EXPECT_EQ(parse(text), type);
  EXPECT_EQ(test::refusal_of([&] { (void)Type::sequence(type); }),
            "unsupported: a type nested more than 16 deep");
  EXPECT_EQ(parse("seq(" + text + ")"), std::nullopt);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "seq(";
  EXPECT_EQ(parse(deep), std::nullopt);
}

TEST(Type, AnswersOnlyForItsKind) {
  const Type tensor = Type::tensor(DType::i8, {2, 3});
  EXPECT_TRUE(tensor.is_tensor());
  EXPECT_EQ(tensor.tensor().rank(), 2);
  EXPECT_EQ(tensor.tensor().concrete(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(Type::tensor(DType::i8, {n}).tensor().concrete(), std::nullopt);
  EXPECT_EQ(Type::unranked(DType::i8).tensor().concrete(), std::nullopt);
  EXPECT_EQ(test::refusal_of([&] { (void)Type::unranked(DType::i8).tensor().shape(); }),
            "internal: the rank of a i8 tensor is not known");
  EXPECT_EQ(test::refusal_of([&] { (void)tensor.element(); }),
            "internal: a sequence or optional was wanted, found a tensor");
  EXPECT_EQ(test::refusal_of([&] { (void)Type().tensor(); }),
            "internal: a tensor was wanted, found no type");
  EXPECT_EQ(Type::sequence(tensor).element(), tensor);
  EXPECT_TRUE(Type().is_none());
}

TEST(Type, EqualityLooksInside) {
  const Type a = Type::tensor(DType::f32, {n}), b = Type::tensor(DType::f32, {n + 0});
  EXPECT_EQ(a, b);
  EXPECT_EQ(Type::sequence(a), Type::sequence(b));
  EXPECT_FALSE(Type::sequence(a) == Type::optional(a));
  EXPECT_FALSE(a == Type::tensor(DType::f16, {n}));
  EXPECT_FALSE(a == Type::unranked(DType::f32));
  EXPECT_FALSE(a == Type());
  EXPECT_EQ(Type(), Type());
}

TEST(Type, SymbolsAreFoundAndReplacedInside) {
  const Type type = Type::optional(Type::sequence(Type::tensor(DType::f32, {n, n + 1})));
  std::set<std::string, std::less<>> names;
  collect_symbols(type, names);
  EXPECT_EQ(names, (std::set<std::string, std::less<>>{"n"}));
  const Type bound = substitute(type, [](std::string_view) { return std::optional<Dim>(4); });
  EXPECT_EQ(cat(bound), "opt(seq(f32[4,5]))");
  EXPECT_EQ(substitute(Type(), [](std::string_view) { return std::nullopt; }), Type());
}

}  // namespace hone::type_test
