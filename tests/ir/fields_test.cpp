#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/op.hpp"
#include "ir/test_ops.hpp"

namespace hone::test::fields_test {

std::string literal(const Tensor& tensor) {
  std::string out;
  append_literal(out, tensor);
  return out;
}

/// Reads all of `text` as a literal, else gives an empty tensor.
Tensor read(std::string_view text) {
  const auto tensor = parse_literal(text);
  return tensor && text.empty() ? *tensor : Tensor();
}

void expect_exact(const Tensor& tensor, std::string_view text) {
  EXPECT_EQ(literal(tensor), text);
  const Tensor again = read(text);
  ASSERT_FALSE(again.empty()) << text;
  EXPECT_TRUE(same_bits(tensor, again)) << text;
}

Tensor f32_bits(uint32_t bits) {
  Tensor tensor(DType::f32, {});
  tensor.put(0, bits);
  return tensor;
}

TEST(Literal, Integers) {
  expect_exact(Tensor::ints({1, -1}), "i64[2]{1,-1}");
  expect_exact(Tensor::scalar(DType::i32, 3), "i32{3}");
  expect_exact(Tensor::ints({std::numeric_limits<int64_t>::min()}), "i64[1]{-9223372036854775808}");
  expect_exact(Tensor::ints({-1}, DType::u64), "u64[1]{18446744073709551615}");
  expect_exact(Tensor::ints({-8, 7, -1}, DType::i4), "i4[3]{-8,7,-1}");
  expect_exact(Tensor::ints({15, 0, 3}, DType::u4), "u4[3]{15,0,3}");
  expect_exact(Tensor::ints({-2, 1, 0, 1, -1}, DType::i2), "i2[5]{-2,1,0,1,-1}");
  expect_exact(Tensor::ints({1, 0}, DType::boolean), "bool[2]{true,false}");
}

TEST(Literal, Floats) {
  expect_exact(Tensor::scalar(DType::f32, 0.5), "f32{0.5}");
  expect_exact(f32_bits(0x80000000u), "f32{-0}");
  expect_exact(f32_bits(std::bit_cast<uint32_t>(0.1f)), "f32{0.1}");
  expect_exact(Tensor::scalar(DType::f64, 0.1), "f64{0.1}");
  expect_exact(Tensor::scalar(DType::f16, 0.1), "f16{0.1}");
  expect_exact(Tensor::scalar(DType::bf16, 100), "bf16{100}");
  expect_exact(Tensor::scalar(DType::f8e4m3fn, 448), "f8e4m3fn{448}");
  expect_exact(Tensor::scalar(DType::f32, std::numeric_limits<double>::infinity()), "f32{inf}");
  expect_exact(Tensor::scalar(DType::f16, -std::numeric_limits<double>::infinity()), "f16{-inf}");
}

TEST(Literal, NanPayloads) {
  expect_exact(f32_bits(0x7fc00000u), "f32{nan}");
  expect_exact(f32_bits(0x7fc00001u), "f32{nan:0x7fc00001}");
  expect_exact(f32_bits(0xffc00000u), "f32{nan:0xffc00000}");
  expect_exact(f32_bits(0x7f800001u), "f32{nan:0x7f800001}");  // signaling
  EXPECT_TRUE(read("f32{nan:0x3f800000}").empty()) << "not a NaN";
  EXPECT_TRUE(read("f16{nan:0x7fc00001}").empty()) << "too wide";
  EXPECT_TRUE(read("i32{nan}").empty());
  EXPECT_TRUE(read("f4e2m1{nan}").empty()) << "has no NaN";
}

TEST(Literal, ComplexAndStrings) {
  Tensor complex(DType::c64, {2});
  for (int i = 0; i < 4; ++i) complex.put(i, static_cast<float>(i) - 1.5f);
  expect_exact(complex, "c64[2]{(-1.5,-0.5),(0.5,1.5)}");
  expect_exact(Tensor::of_strings({2}, {"a \"b\"\n", "\x01\xff\xc3\xa4"}),
               "str[2]{\"a \\\"b\\\"\\n\",\"\\x01\\xff\xc3\xa4\"}");
}

TEST(Literal, EmptyShapes) {
  expect_exact(Tensor(DType::f32, {2, 0}), "f32[2,0]{}");
  expect_exact(Tensor(DType::i64, {0}), "i64[0]{}");
}

TEST(Literal, EveryBitPatternOfNarrowFloats) {
  for (const DType type :
       {DType::f16, DType::bf16, DType::f8e4m3fn, DType::f8e4m3fnuz, DType::f8e5m2,
        DType::f8e5m2fnuz, DType::f8e8m0, DType::f6e2m3, DType::f6e3m2, DType::f4e2m1}) {
    const int width = bits(type);
    for (uint32_t pattern = 0; pattern < (1u << width); pattern += width == 16 ? 17 : 1) {
      Tensor tensor(type, {1});
      std::memcpy(tensor.mutable_bytes().data(), &pattern, width == 16 ? 2 : 1);
      const Tensor again = read(literal(tensor));
      ASSERT_FALSE(again.empty()) << literal(tensor);
      ASSERT_TRUE(same_bits(tensor, again)) << literal(tensor) << " from " << pattern;
    }
  }
}

TEST(Literal, RefusesWhatDoesNotFit) {
  for (const char* text : {"f32[2]{1}",
                           "f32[1]{1,2}",
                           "u8{300}",
                           "i8{-129}",
                           "i4{8}",
                           "u64{-1}",
                           "f32[1000000000000]{}",
                           "f32[9223372036854775807,9223372036854775807]{}",
                           "f32[-1]{}",
                           "f32{",
                           "f32[2]{1,,2}",
                           "f99{1}",
                           "str{a}",
                           "bool{1}",
                           "f32{1e}",
                           "",
                           "f32",
                           "f32[",
                           "c64{1}",
                           "str[1]{\"a}"})
    EXPECT_TRUE(read(text).empty()) << text;
}

TEST(Quoted, RoundTrips) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  for (const std::string& text : {std::string(), std::string("a b"), every}) {
    std::string quoted;
    append_quoted(quoted, text);
    EXPECT_EQ(quoted.find('\n'), std::string::npos);
    std::string_view rest = quoted;
    EXPECT_EQ(parse_quoted(rest), text);
    EXPECT_TRUE(rest.empty());
  }
  for (std::string_view bad : {"", "a", "\"a", "\"\\q\"", "\"\\x1\"", "\"\\xzz\"", "\"\\"})
    EXPECT_EQ(parse_quoted(bad), std::nullopt);
}

TEST(OpText, OnlyWhatDiffersFromDefaults) {
  EXPECT_EQ(cat(Op(TestFields{})), "TestFields");
  TestFields op;
  op.count = -3;
  op.scale = std::bit_cast<float>(0x7fc00001u);
  op.flag = true;
  op.text = "two words";
  op.dtype = DType::bf16;
  op.mode = TestMode::cubic;
  op.dim = Dim::symbol("n");
  op.value = Tensor::ints({1, 2});
  op.counts = {1, 2};
  op.scales = {-0.0f, 0.1f};
  op.texts = {"a", "b c", ""};
  op.dims_field = std::nullopt;
  op.limit = std::nullopt;
  EXPECT_EQ(cat(Op(op)),
            "TestFields count=-3 scale=nan:0x7fc00001 flag=true text=\"two words\" dtype=bf16 "
            "mode=cubic dim=n value=i64[2]{1,2} counts=[1,2] scales=[-0,0.1] "
            "texts=[a,\"b c\",\"\"] dims=none limit=none");
  EXPECT_EQ(cat(Op()), "(no op)");
}

TEST(OpText, FieldsReadBack) {
  TestFields wanted;
  wanted.scale = -0.0f;
  wanted.text = "";
  wanted.mode = TestMode::linear;
  wanted.value = Tensor::scalar(DType::f16, 0.1);
  wanted.dims_field = Dims{Dim::symbol("n") + 1, 3};
  wanted.limit = -5;
  FieldList from;
  wanted.fields(from);
  TestFields read;
  FieldList into;
  read.fields(into);
  for (size_t i = 0; i + 1 < from.list().size(); ++i) {  // the last is the body
    std::string text;
    append_field(text, from.list()[i].ref);
    std::string_view rest = text;
    EXPECT_TRUE(parse_field(rest, into.list()[i].ref)) << text;
    EXPECT_TRUE(rest.empty()) << text;
    EXPECT_TRUE(equal(from.list()[i].ref, into.list()[i].ref)) << text;
  }
  EXPECT_TRUE(Op(wanted) == Op(read));
}

TEST(Fields, EqualByBits) {
  float zero = 0.0f, minus = -0.0f, nan = std::nanf(""), same = std::nanf("");
  EXPECT_FALSE(equal(FieldRef(&zero), FieldRef(&minus)));
  EXPECT_TRUE(equal(FieldRef(&nan), FieldRef(&same)));
  int64_t number = 0;
  EXPECT_FALSE(equal(FieldRef(&zero), FieldRef(&number)));
  std::vector<float> a{0.0f}, b{-0.0f}, c{0.0f, 0.0f};
  EXPECT_FALSE(equal(FieldRef(&a), FieldRef(&b)));
  EXPECT_FALSE(equal(FieldRef(&a), FieldRef(&c)));
  Tensor none, empty(DType::f32, {0});
  EXPECT_FALSE(equal(FieldRef(&none), FieldRef(&empty)));
  EXPECT_TRUE(equal(FieldRef(&none), FieldRef(&none)));
}

TEST(Fields, RefusesOtherTypes) {
  TestFields op;
  FieldList list;
  op.fields(list);
  const std::vector<std::string_view> bad = {"x",   "one", "1",   "\"a",   "f99", "round", "+",
                                             "[1]", "[1",  "[a]", "[\"a]", "n",   "seven", "graph"};
  ASSERT_EQ(bad.size(), list.list().size());
  for (size_t i = 0; i < bad.size(); ++i) {
    std::string_view text = bad[i];
    EXPECT_FALSE(parse_field(text, list.list()[i].ref)) << list.list()[i].name << "=" << bad[i];
  }
}

TEST(Fields, SymbolsOfParameters) {
  TestFields op;
  op.dim = Dim::symbol("a") * 2;
  op.dims_field = Dims{Dim::symbol("b"), Dim::symbol("a") + Dim::symbol("c")};
  std::set<std::string, std::less<>> names;
  FieldList list;
  op.fields(list);
  collect_symbols(list, names);
  EXPECT_EQ(names, (std::set<std::string, std::less<>>{"a", "b", "c"}));
}

}  // namespace hone::test::fields_test
