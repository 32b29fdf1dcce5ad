#include "ir/dim/dim.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace hone::dim_test {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

Dim dim(std::string_view text) {
  std::string_view rest = text;
  const auto result = parse_dim(rest);
  EXPECT_TRUE(result.has_value()) << text;
  EXPECT_EQ(rest, "") << text;
  return result.value_or(Dim(-1));
}

std::string canonical(std::string_view text) { return cat(dim(text)); }

Code code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return Code{};
}

const Dim n = Dim::symbol("n"), m = Dim::symbol("m"), h = Dim::symbol("h"), w = Dim::symbol("w");

TEST(Dim, ConstantsStayNumbers) {
  EXPECT_TRUE(Dim().is(0));
  EXPECT_TRUE((Dim(2) * Dim(3) + Dim(4) - Dim(1)).is(9));
  EXPECT_TRUE(floor_div(Dim(-7), 2).is(-4));
  EXPECT_TRUE(ceil_div(Dim(-7), 2).is(-3));
  EXPECT_TRUE(mod(Dim(-7), 2).is(1));
  EXPECT_TRUE(min(Dim(3), 5).is(3));
  EXPECT_TRUE(max(Dim(3), 5).is(5));
  EXPECT_TRUE((n - n).is_constant());
  EXPECT_EQ((n + 1).constant(), std::nullopt);
  EXPECT_EQ(Dim(7).constant(), 7);
  EXPECT_EQ(Dim(7).complexity(), 0);
  EXPECT_LT(n.complexity(), (n + 1).complexity());
  EXPECT_LT(n.complexity(), (Dim(2) * n).complexity());
}

TEST(Dim, OneFormForRearrangedSumsAndProducts) {
  EXPECT_EQ((n + m) + h, h + (m + n));
  EXPECT_EQ((n * m) * h, h * (m * n));
  EXPECT_EQ((n + m) * (n - m), n * n - m * m);
  EXPECT_EQ(Dim(2) * n + n, Dim(3) * n);
  EXPECT_EQ(cat(Dim(2) * n * h + m - 4), "2*h*n+m-4");
  EXPECT_EQ(cat(h - n), "h-n");
  EXPECT_NE(n + 1, n + 2);
  EXPECT_NE(n, m);
  EXPECT_TRUE((n <=> n) == 0);
  EXPECT_TRUE((n <=> m) == (0 <=> (m <=> n)));
}

TEST(Dim, SymbolsAreFound) {
  EXPECT_EQ(n.as_symbol(), "n");
  EXPECT_EQ((n + 1).as_symbol(), std::nullopt);
  EXPECT_EQ((n * n).as_symbol(), std::nullopt);
  EXPECT_EQ(Dim(3).as_symbol(), std::nullopt);
  std::set<std::string, std::less<>> names;
  dim("floordiv(n+m,2)*min(h,4)+1").collect_symbols(names);
  EXPECT_EQ(names, (std::set<std::string, std::less<>>{"h", "m", "n"}));
}

TEST(Dim, DivisionTakesMultiplesOut) {
  EXPECT_EQ(floor_div(Dim(2) * n, 2), n);
  EXPECT_EQ(floor_div(n + Dim(4) * m + 9, 4), m + 2 + floor_div(n + 1, 4));
  EXPECT_EQ(canonical("floordiv(6*n+3,9)"), "floordiv(2*n+1,3)");
  EXPECT_EQ(canonical("floordiv(2*n+1,4)"), "floordiv(n,2)");
  EXPECT_EQ(floor_div(n, -2), floor_div(Dim(0) - n, 2));
  EXPECT_EQ(floor_div(n, 1), n);
  EXPECT_EQ(floor_div(n, -1), Dim(0) - n);
  EXPECT_EQ(floor_div(n, n + 1), Dim(0));
  EXPECT_EQ(floor_div(0, n), Dim(0));
}

TEST(Dim, NestedDivisionsFlatten) {
  EXPECT_EQ(canonical("floordiv(floordiv(n,2),3)"), "floordiv(n,6)");
  EXPECT_EQ(canonical("floordiv(floordiv(h+1,2)+1,2)"), "floordiv(h+3,4)");
  EXPECT_EQ(canonical("floordiv(floordiv(n,m),h)"), "floordiv(n,h*m)");
  EXPECT_EQ(canonical("floordiv(floordiv(n,m),2)"), "floordiv(n,2*m)");
}

TEST(Dim, CeilingAndModuloAreFloorDivisions) {
  EXPECT_EQ(cat(ceil_div(n, 2)), "floordiv(n+1,2)");
  EXPECT_EQ(Dim(0) - floor_div(Dim(0) - n, 2), ceil_div(n, 2));
  EXPECT_EQ(cat(mod(n, 4)), "n-4*floordiv(n,4)");
  EXPECT_EQ(mod(mod(n, 4), 4), mod(n, 4));
  EXPECT_EQ(floor_div(mod(n, 4), 4), Dim(0));
  // Padding to a multiple of the window, as exported from Python's n + (4 - n % 4) % 4.
  EXPECT_EQ(n + mod(Dim(4) - mod(n, 4), 4), Dim(4) * ceil_div(n, 4));
  EXPECT_EQ(n + mod(w - mod(n, w), w), w * ceil_div(n, w));
}

TEST(Dim, ProductsDivideExactly) {
  const Dim c = Dim::symbol("c");
  EXPECT_EQ(exact_div(n * c * h * w, c * h * w), n);
  EXPECT_EQ(floor_div(n * c * h * w, c * h * w), n);
  EXPECT_EQ(exact_div(Dim(6) * n * h, Dim(3) * h), Dim(2) * n);
  EXPECT_EQ(exact_div(n * n - m * m, n + m), n - m);
  EXPECT_EQ(exact_div((n + 1) * (h + 2), h + 2), n + 1);
  EXPECT_EQ(exact_div(n * m, h), std::nullopt);
  EXPECT_EQ(exact_div(n + 1, 2), std::nullopt);
  EXPECT_EQ(exact_div(n, 0), std::nullopt);
  EXPECT_EQ(exact_div(kMin, -1), std::nullopt);
  EXPECT_EQ(exact_div(0, n), Dim(0));
  EXPECT_EQ(canonical("floordiv(n*c*h*w,8*n)"), "floordiv(c*h*w,8)");
  EXPECT_EQ(product({n, 2, m, 3}), Dim(6) * n * m);
  EXPECT_EQ(product({}), Dim(1));
  EXPECT_EQ(product({kMax, kMax, 0}), Dim(0));
}

TEST(Dim, ExtremaKeepOnlyWhatCanMatter) {
  EXPECT_EQ(max(n, 0), n);
  EXPECT_EQ(min(n, n + 1), n);
  EXPECT_EQ(min(n, n), n);
  EXPECT_EQ(min(n, kMax), n);
  EXPECT_EQ(max(n, kMin), n);
  EXPECT_EQ(min(min(n, 4), 6), min(n, 4));
  EXPECT_EQ(min(n, min(m, h)), min(min(h, n), m));
  EXPECT_EQ(cat(min(n, 4)), "min(n,4)");
  EXPECT_EQ(canonical("min(7,n,9,m)"), "min(m,n,7)");
  EXPECT_EQ(min(n + 1, m + 1), min(n, m) + 1);
  EXPECT_EQ(min(n + h, m + h), min(n, m) + h);
  EXPECT_EQ(min(Dim(2) * n, Dim(2) * m), Dim(2) * min(n, m));
  EXPECT_EQ(max(Dim(0) - n, Dim(0) - m), Dim(0) - min(n, m));
  EXPECT_EQ(min(floor_div(n, 2), n), floor_div(n, 2));
  EXPECT_EQ(max(max(n, 1), min(m, 1)), max(n, 1));
  EXPECT_EQ(max(min(n, 5), min(n, 4)), min(n, 5));
  EXPECT_EQ(min(floor_div(n, 2), Dim(2) * floor_div(n, 4)), Dim(2) * floor_div(n, 4));
  EXPECT_EQ(max(max(n - 4, 0), 0), max(n, 4) - 4);
  EXPECT_EQ(max(Dim(0) - n, Dim(-kMax)), Dim(0) - n);  // mirrored, an open end as well
}

TEST(Dim, Evaluates) {
  const Bindings bindings{{"n", 7}, {"m", 3}, {"z", 0}};
  EXPECT_EQ(dim("2*n*m+1").evaluate(bindings), 43);
  EXPECT_EQ(dim("floordiv(n,m)+min(n,m)+max(n,m,9)").evaluate(bindings), 14);
  EXPECT_EQ(dim("n+unknown").evaluate(bindings), std::nullopt);
  EXPECT_EQ(dim("floordiv(n,z)").evaluate(bindings), std::nullopt);
  EXPECT_EQ((Dim(kMax) * n).evaluate(bindings), std::nullopt);
  EXPECT_EQ((Dim(kMax) * n * Dim::symbol("z")).evaluate(bindings), 0);
  EXPECT_EQ((n + kMax).evaluate(bindings), std::nullopt);
}

TEST(Dim, Substitutes) {
  const auto replace = [](std::string_view name) -> std::optional<Dim> {
    if (name == "n") return Dim(2) * m;
    return std::nullopt;
  };
  EXPECT_EQ(floor_div(n, 2).substitute(replace), m);
  EXPECT_EQ((n * n + h).substitute(replace), Dim(4) * m * m + h);
  EXPECT_EQ(min(n, m).substitute(replace), m);
  EXPECT_EQ(Dim(5).substitute(replace), Dim(5));
  const auto zero = [](std::string_view) { return std::optional<Dim>(0); };
  EXPECT_EQ(code_of([&] { floor_div(h, m).substitute(zero); }), Code::invalid_model);
}

TEST(Dim, BoundsHold) {
  const Ranges ranges{{"n", {1, 32}}, {"m", {2, 5}}};
  const auto expect = [&](std::string_view text, int64_t low, int64_t high) {
    const Interval found = dim(text).bounds(ranges);
    EXPECT_EQ(found.low, low) << text;
    EXPECT_EQ(found.high, high) << text;
  };
  expect("7", 7, 7);
  expect("n", 1, 32);
  expect("h", 0, Interval::kUnbounded);
  expect("n-h", -Interval::kUnbounded, 32);
  expect("3*n-m", -2, 94);
  expect("n*m", 2, 160);
  expect("floordiv(n,m)", 0, 16);
  expect("floordiv(n-40,m)", -20, -2);
  expect("min(n,m)", 1, 5);
  expect("max(n,m)", 2, 32);
  expect("mod(h,4)", 0, 3);
  expect("floordiv(h+1,2)-h", -Interval::kUnbounded, 0);
  expect("h-min(h,m)", 0, Interval::kUnbounded);
}

TEST(Dim, Proves) {
  EXPECT_EQ(provably_equal(n + m, m + n), true);
  EXPECT_EQ(provably_equal(n, n + 1), false);
  EXPECT_EQ(provably_equal(n, m), std::nullopt);
  EXPECT_EQ(provably_equal(n, 3, {{"n", {3, 3}}}), true);
  EXPECT_EQ(provably_equal(n, 3, {{"n", {4, 9}}}), false);
  EXPECT_EQ(provably_less_equal(0, n), true);
  EXPECT_EQ(provably_less_equal(n + 1, n), false);
  EXPECT_EQ(provably_less_equal(n, m), std::nullopt);
  EXPECT_EQ(provably_less_equal(floor_div(n, 3), n), true);
  EXPECT_EQ(provably_less_equal(min(n, 4), 4), true);
  EXPECT_EQ(provably_less_equal(n, max(n, m)), true);
  EXPECT_EQ(provably_equal(kMin, kMax), std::nullopt);  // the difference does not fit
}

TEST(Dim, OverflowIsAnError) {
  EXPECT_EQ(code_of([] { Dim(kMax) + Dim(1); }), Code::invalid_model);
  EXPECT_EQ(code_of([] { Dim(kMin) - Dim(1); }), Code::invalid_model);
  EXPECT_EQ(code_of([] { Dim(kMax) * n* Dim(2); }), Code::invalid_model);
  EXPECT_EQ(code_of([] { floor_div(n, 0); }), Code::invalid_model);
  EXPECT_EQ(code_of([] { floor_div(Dim(kMin), -1); }), Code::invalid_model);
  EXPECT_EQ(Dim(-1) - Dim(kMin), Dim(kMax));
}

/// The sum of `count` symbols.
Dim sum_of(int count) {
  Dim sum;
  for (int i = 0; i < count; ++i) sum = sum + Dim::symbol(cat("s", i));
  return sum;
}

TEST(Dim, BeyondTheLimitsIsTooLong) {
  EXPECT_FALSE(sum_of(256).is_too_long());
  EXPECT_TRUE(sum_of(257).is_too_long());
  Dim product(1), tree = n, nest = n;
  for (int i = 0; i < 100; ++i) product = product * n;
  EXPECT_TRUE(product.is_too_long());
  for (int i = 0; i < 60; ++i) tree = floor_div(tree * tree + 1, m + 3);  // doubles each time
  EXPECT_TRUE(tree.is_too_long());
  for (int i = 0; i < 60; ++i) nest = max(floor_div(nest, m) + 1, Dim::symbol(cat("s", i)));
  EXPECT_TRUE(nest.is_too_long());
}

TEST(Dim, WhatIsTooLongStaysSoAndIsNothing) {
  const Dim lost = sum_of(300);
  EXPECT_EQ(cat(lost), "(too long to write)");
  for (const Dim& each :
       {lost + 1, lost - lost, lost - 7, 3 * lost, lost * n, floor_div(lost, 4), floor_div(n, lost),
        ceil_div(lost, n), mod(lost, 2), min(lost, n), max(3, lost), hone::product({n, lost}),
        lost.substitute([](std::string_view) { return Dim(1); })})
    EXPECT_TRUE(each.is_too_long());
  EXPECT_EQ(lost * 0, Dim(0));
  EXPECT_EQ(hone::product({lost, 0}), Dim(0));
  EXPECT_FALSE(lost == lost);
  EXPECT_FALSE(lost.as_symbol());
  EXPECT_FALSE(lost.constant());
  EXPECT_EQ(lost.evaluate({{"too long", 3}}), std::nullopt);
  EXPECT_EQ(exact_div(lost, 2), std::nullopt);
  EXPECT_EQ(exact_div(n, lost), std::nullopt);
  EXPECT_EQ(provably_equal(lost, lost), std::nullopt);
  EXPECT_EQ(provably_less_equal(0, lost), std::nullopt);
  std::string text = cat(lost);
  std::string_view rest = text;
  EXPECT_EQ(parse_dim(rest), std::nullopt);
  text = "s";
  for (int i = 0; i < 300; ++i) text += cat("+s", i);
  rest = text;
  EXPECT_EQ(parse_dim(rest), std::nullopt);
}

TEST(Dim, LongDimsOfWhichLittleIsLeft) {
  const Dim sum = sum_of(256);
  EXPECT_EQ(sum - sum_of(255), Dim::symbol("s255"));
  EXPECT_EQ(exact_div(sum * n, n), sum);
  EXPECT_EQ(min(sum, sum + 1), sum);
  EXPECT_EQ(max(sum, sum_of(255)), sum);
}

TEST(Dim, TextReadsBack) {
  for (const std::string_view text :
       {"0", "-5", "n", "-n+3", "2*h*n+m-4", "floordiv(n,2)", "min(n,4)", "floordiv(h+3,4)",
        "-9223372036854775808*n-9223372036854775808", "9223372036854775807", "n*floordiv(h,w)",
        "'a b'", "'it\\'s \\\\ \\x0a\\x7f'", "'3d'", "''", "batch.size_1", "max(h,min(m,4),2)"})
    EXPECT_EQ(canonical(text), text);
  EXPECT_EQ(dim("'caf\xc3\xa9'").as_symbol(), "caf\xc3\xa9");
  EXPECT_EQ(canonical("( n + 1 )*2"), "2*n+2");
  EXPECT_EQ(canonical("mod( n, 2 )"), "n-2*floordiv(n,2)");
}

TEST(Dim, ReadsOnlyItsOwnPart) {
  std::string_view text = "n+1 <= m";
  EXPECT_EQ(parse_dim(text), n + 1);
  EXPECT_EQ(text, " <= m");
  text = "3,4]";
  EXPECT_EQ(parse_dim(text), Dim(3));
  EXPECT_EQ(text, ",4]");
}

TEST(Dim, RefusesBrokenText) {
  for (const std::string_view text :
       {"", " n", "+", "n+", "n*", "floordiv(n)", "floordiv(n,0)", "floordiv(n,2", "min()",
        "sqrt(n)", "'open", "'bad\\q'", "'\\x4", "9223372036854775808", "-9223372036854775809",
        "9223372036854775807+1", "(n", "-"}) {
    std::string_view rest = text;
    EXPECT_EQ(parse_dim(rest), std::nullopt) << text;
  }
  const std::string deep(100'000, '(');
  std::string_view rest = deep;
  EXPECT_EQ(parse_dim(rest), std::nullopt);
}

TEST(Dim, VariablesAreNoSymbols) {
  const Dim i = Dim::variable("n");
  EXPECT_FALSE(i == n);
  EXPECT_EQ(cat(2 * i + n), "n+2*$n");
  EXPECT_EQ(i.as_symbol(), std::nullopt);
  EXPECT_EQ(i.as_variable(), "n");
  EXPECT_EQ(n.as_variable(), std::nullopt);
  std::set<std::string, std::less<>> symbols, variables;
  (i + m).collect_symbols(symbols);
  (i + m).collect_variables(variables);
  EXPECT_EQ(join(symbols, ","), "m");
  EXPECT_EQ(join(variables, ","), "n");
  EXPECT_EQ((10 * i + n).evaluate({{"n", 7}}, {{"n", 2}}), 27);
  EXPECT_EQ((10 * i + n).evaluate({{"n", 7}}), std::nullopt);
  const auto to_3 = [](std::string_view) { return std::optional<Dim>(3); };
  EXPECT_EQ(floor_div(i, 4 * n).substitute(to_3), floor_div(i, 12));
  EXPECT_EQ(floor_div(i, 4 * n).substitute_variables(to_3), floor_div(3, 4 * n));
  EXPECT_EQ((i - n).bounds({{"n", {2, 4}}}, {{"n", {0, 9}}}).high, 7);
  EXPECT_EQ(min(i, n).bounds({}, {{"n", {0, 9}}}).high, 9);
}

TEST(Dim, VariablesAreReadWherePlacesAre) {
  for (const std::string_view text : {"$i", "n+2*$i.0", "-n*floordiv($f,n)+$f", "min(n-8*$io,8)"}) {
    std::string_view rest = text;
    const auto place = parse_place(rest);
    ASSERT_TRUE(place && rest.empty()) << text;
    EXPECT_EQ(cat(*place), text);
    rest = text;
    const auto size = parse_dim(rest);
    EXPECT_FALSE(size && rest.empty()) << text;
  }
}

}  // namespace hone::dim_test
