// GroupQueryAttention against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::group_query_test {

const std::string kOperands = "%q: f32[b,n,48], %k: f32[b,n,24], %v: f32[b,n,24], ";
const std::string kCaches = "%a: f32[b,2,p,12], %c: f32[b,2,p,12], ";
const std::string kHeads = "num_heads=4 kv_num_heads=2 ";

/// Lengths between those that `total` keys, `fresh` of them new, allow.
std::map<std::string, ElementBounds> lengths(int64_t fresh, int64_t total) {
  return {{"l", {static_cast<double>(fresh - 1), static_cast<double>(total - 1)}}};
}

TEST_P(KernelTest, GroupQueryPrompts) {
  for (const int64_t n : {1, 5, 66})
    for (const char* fields : {"", "causal=false", "local_window_size=3", "softcap=2 scale=0.7",
                               "smooth_softmax=true", "local_window_size=1 causal=false"}) {
      SCOPED_TRACE(cat(n, " ", fields));
      const KernelCase given{
          kOperands + "%l: i32[b]",
          cat("GroupQueryAttention(%q, %k, %v, _, _, %l, i32[]{", n, "}) ", kHeads, fields),
          "",
          "%y, %pk, %pv",
          {{{"b", n > 5 ? 1 : 3}, {"n", n}}},
          {{"l", {0, static_cast<double>(n - 1)}}}};
      expect_kernel("cpu.group_query", given);
    }
}

TEST_P(KernelTest, GroupQueryWithCache) {
  struct {
    int64_t fresh, past, total;
  } const all[] = {{1, 20, 13}, {1, 20, 21}, {1, 290, 288}, {4, 9, 13}, {40, 50, 88}};
  for (const auto& [fresh, past, total] : all)
    for (const char* fields :
         {"", "local_window_size=6", "do_rotary=true",
          "do_rotary=true rotary_interleaved=true smooth_softmax=true", "softcap=1.5"})
      for (const char* results : {"%y, %pk, %pv", "%y, _, %pv", "%y"}) {
        if (fields[0] != 0 && results[2] != ',') continue;  // once is enough
        SCOPED_TRACE(cat(fresh, " ", past, " ", total, " ", fields, " ", results));
        const std::string operands =
            kOperands + kCaches + "%l: i64[b], %cos: f32[300,5], %sin: f32[300,5]";
        const KernelCase given{operands,
                               cat("GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[1]{", total,
                                   "}, %cos, %sin) ", kHeads, fields),
                               "",
                               results,
                               {{{"b", fresh > 4 ? 1 : 2}, {"n", fresh}, {"p", past}}},
                               lengths(fresh, total)};
        expect_kernel("cpu.group_query", given);
      }
}

TEST_P(KernelTest, GroupQueryOfManyHeadsAndBiases) {
  // Heads that share keys, of sizes that no vector has; one head of keys for more than a tile.
  const std::string operands =
      "%q: f32[2,n,476], %k: f32[2,n,34], %v: f32[2,n,34], %a: f32[2,2,50,17], %c: f32[2,2,50,17], "
      "%l: i32[2], ";
  for (const int64_t fresh : {1, 3, 9})
    for (const char* bias : {"%s: f32[2,28,n,45]", "%s: f32[1,1,n,40]", "%s: f32[2,1,1,45]"}) {
      KernelCase given{
          cat(operands, bias),
          "GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{45}, _, _, _, %s, @t) num_heads=28 "
          "kv_num_heads=2",
          "@t : f32[28]",
          "%y, %pk, %pv",
          each("n", {fresh}),
          lengths(fresh, 45)};
      expect_kernel("cpu.group_query", given);
    }
  KernelCase positions{
      kOperands + kCaches + "%l: i32[b], %cos: f32[30,6], %sin: f32[30,6], %i: i64[b,n]",
      "GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{8}, %cos, %sin, %i) "
      "do_rotary=true " +
          kHeads,
      "",
      "%y, %pk, %pv",
      {{{"b", 2}, {"n", 3}, {"p", 9}}},
      lengths(3, 8)};
  positions.bounds["i"] = {0, 29};
  expect_kernel("cpu.group_query", positions);
}

TEST_P(KernelTest, GroupQueryWithCachesOfHalves) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "no instructions for f16";
  for (const int64_t fresh : {1, 3, 30}) {
    KernelCase given{kOperands +
                         "%a: f16[b,2,p,12], %c: f16[b,2,p,12], %l: i32[b], %cos: f32[90,6], "
                         "%sin: f32[90,6]",
                     cat("GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{50}, %cos, %sin) ",
                         "do_rotary=true ", kHeads),
                     "",
                     "%y, %pk, %pv",
                     {{{"b", 2}, {"n", fresh}, {"p", 50}}},
                     lengths(fresh, 50)};
    given.tolerance = 1e-3;  // a half may be rounded to its neighbour
    expect_kernel("cpu.group_query", given);
  }
}

TEST_P(KernelTest, GroupQueryWithCachesOfCodes) {
  if (GetParam() == cpu::Isa::generic) GTEST_SKIP() << "caches of f32 only";
  for (const char* cache : {"i8[b,2,p,36]", "u8[b,2,p,18]"})
    for (const char* scales : {"%ks: f32[1], %vs: f32[]", "%ks: f32[2,1,36], %vs: f32[72]"})
      for (const int64_t fresh : {1, 3, 30})
        for (const char* results : {"%y, %pk, %pv", "%y, _, %pv", "%y"}) {
          SCOPED_TRACE(cat(cache, " ", scales, " ", fresh, " ", results));
          KernelCase given{
              cat("%q: f32[b,n,144], %k: f32[b,n,72], %v: f32[b,n,72], %a: ", cache,
                  ", %c: ", cache, ", %l: i32[b], %cos: f32[90,18], %sin: f32[90,18], ", scales),
              cat("GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{50}, %cos, %sin, "
                  "_, _, _, %ks, %vs) do_rotary=true ",
                  kHeads),
              "",
              results,
              {{{"b", 2}, {"n", fresh}, {"p", 55}}},
              lengths(fresh, 50)};
          given.bounds["ks"] = given.bounds["vs"] = {0.01, 0.2};
          expect_kernel("cpu.group_query", given);
        }
}

TEST_P(KernelTest, GroupQueryRefusesWhatDoesNotFit) {
  const auto error = [](int64_t length, int64_t total, const std::string& more = "") {
    KernelCase given{kOperands + kCaches + "%l: i32[b], %cos: f32[7,6], %sin: f32[7,6]",
                     cat("GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[1]{", total,
                         "}, %cos, %sin) ", more, kHeads),
                     "",
                     "%y, %pk, %pv",
                     {{{"b", 1}, {"n", 2}, {"p", 9}}}};
    given.bounds["l"] = {static_cast<double>(length), static_cast<double>(length)};
    return kernel_error("cpu.group_query", given);
  };
  EXPECT_NE(error(9, 9).find("seqlens_k has 9 with a total_sequence_length of 9"),
            std::string::npos);
  EXPECT_NE(error(0, 9).find("a sample has -1 keys before the new ones"), std::string::npos);
  EXPECT_NE(error(5, 1).find("total_sequence_length is 1 with 9 keys of the past and 2 new ones"),
            std::string::npos);
  EXPECT_NE(error(8, 9, "do_rotary=true ").find("position 7 is out of range for 7 positions"),
            std::string::npos);
}

}  // namespace hone::test::group_query_test
