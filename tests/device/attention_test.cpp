// Attention against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::attention_test {

TEST_P(KernelTest, Attention) {
  const std::vector<Bindings> sizes = each("n", {1, 7, 50, 400});
  expect_kernel("cpu.attention", {"%q: f32[2,4,n,8], %k: f32[2,4,n,8], %v: f32[2,4,n,5]",
                                  "Attention(%q, %k, %v)", "", "%y", sizes});
  expect_kernel(
      "cpu.attention",
      {"%q: f32[2,n,24], %k: f32[2,9,12], %v: f32[2,9,10], %m: f32[2,1,n,9]",
       "Attention(%q, %k, %v, %m) q_num_heads=4 kv_num_heads=2 scale=0.3", "", "%y", sizes});
  expect_kernel("cpu.attention", {"%q: f32[1,4,6,8], %k: f32[1,2,9,8], %v: f32[1,2,9,8]",
                                  "Attention(%q, %k, %v, @m) scale=2", "@m : f32[4,6,9]"});
  // A mask that is shorter hides the other keys.
  expect_kernel("cpu.attention",
                {"%q: f32[1,1,5,8], %k: f32[1,1,9,8], %v: f32[1,1,9,8], %m: f32[4]",
                 "Attention(%q, %k, %v, %m)"});
  // A number swallows small scores whole, and no parts of large ones.
  expect_kernel("cpu.attention", {"%q: f32[1,1,40,8], %k: f32[1,1,2,8], %v: f32[1,1,2,8]",
                                  "Attention(%q, %k, %v, f32[1,2]{-1e9,-1e9}) scale=1",
                                  "",
                                  "%y",
                                  {{}},
                                  {{"q", {2, 20}}}});
  // Booleans choose; of two keys a query often sees none.
  const std::string two = "%q: f32[2,n,8], %k: f32[2,2,8], %v: f32[2,2,8], %m: bool[2,1,n,2]";
  for (const char* fields : {"", "fill=-1e9", "zero_unseen=true", "zero_nan=true"})
    expect_kernel("cpu.attention",
                  {two, cat("Attention(%q, %k, %v, %m) q_num_heads=2 ", "kv_num_heads=2 ", fields),
                   "", "%y", sizes});
  const std::string operands = "%q: f32[1,1,5,8], %k: f32[1,1,9,8], %v: f32[1,1,9,8]";
  expect_kernel("cpu.attention",
                {cat(operands, ", %m: bool[1,1,5,4]"), "Attention(%q, %k, %v, %m) fill=1"});
  for (const char* fields : {"", "zero_unseen=true", "zero_nan=true"})
    for (const char* mask : {"f32[3,1]{0,-inf,nan}", "bool[1,1]{false}", "f32[1,1]{-inf}"})
      expect_kernel("cpu.attention", {"%q: f32[1,1,3,8], %k: f32[1,1,1,8], %v: f32[1,1,1,8]",
                                      cat("Attention(%q, %k, %v, ", mask, ") ", fields)});
  // Heads that a model claims are not there: no product of sizes overflows.
  const KernelCase many{"%q: f32[b,s,d], %k: f32[b,s,d], %v: f32[b,s,d]",
                        "Attention(%q, %k, %v) q_num_heads=9223372036854775807 "
                        "kv_num_heads=9223372036854775807",
                        "",
                        "%y",
                        {{{"b", 1}, {"s", 3}, {"d", 8}}}};
  EXPECT_NE(kernel_error("cpu.attention", many).find("wanted 9223372036854775807 heads"),
            std::string::npos);
}

TEST_P(KernelTest, AttentionReadsPartsOfOneProduct) {
  const std::vector<Bindings> sizes = {
      {{"b", 1}, {"n", 1}}, {{"b", 3}, {"n", 7}}, {{"b", 2}, {"n", 60}}};
  const auto run = [&](const std::string& inputs, const std::vector<std::string>& before,
                       const std::string& node, const std::vector<std::string>& also = {}) {
    KernelCase given{inputs, node, "", "%y", sizes};
    given.before = before;
    given.also = also;
    EXPECT_TRUE(kernels_run(given).contains("cpu.attention")) << node;
  };
  const std::string rows = "Attention(%q, %k, %v) q_num_heads=4 kv_num_heads=2";
  run("%x: f32[b,n,64]", {"%q, %k, %v = Split(%x) axis=2 split=[32,16,16]"}, rows);
  run("%x: f32[b,n,64]",
      {"%q = Slice(%x) starts=[32] ends=[64] axes=[2]",
       "%k = Slice(%x) starts=[0] ends=[16] axes=[2]",
       "%v = Slice(%x) starts=[16] ends=[32] axes=[2]"},
      rows);
  // As ViT has it: turned as a whole, taken apart, and the heads put together again.
  const std::vector<std::string> turned = {"%r = Reshape(%x) shape=[b,n,3,4,8]",
                                           "%t = Transpose(%r) perm=[2,0,3,1,4]",
                                           "%i = Slice(%t) starts=[0] ends=[1] axes=[0]",
                                           "%j = Slice(%t) starts=[1] ends=[2] axes=[0]",
                                           "%l = Slice(%t) starts=[2] ends=[3] axes=[0]",
                                           "%q = Reshape(%i) shape=[b,4,n,8]",
                                           "%k = Reshape(%j) shape=[b,4,n,8]",
                                           "%v = Reshape(%l) shape=[b,4,n,8]"};
  run("%x: f32[b,n,96]", turned, "Attention(%q, %k, %v)");
  std::vector<std::string> joined = turned;
  joined.insert(joined.end(), {"%a = Attention(%q, %k, %v)", "%u = Transpose(%a) perm=[2,0,1,3]"});
  run("%x: f32[b,n,96]", joined, "Reshape(%u) shape=[b*n,32]");
  // Keys and values with those of the past, which are wanted as well.
  run("%x: f32[b,n,32], %c: f32[b,2,5,8], %d: f32[b,2,5,8]",
      {"%q, %k, %v = Split(%x) axis=2 split=[16,8,8]", "%q4 = Reshape(%q) shape=[b,n,2,8]",
       "%qt = Transpose(%q4) perm=[0,2,1,3]", "%k4 = Reshape(%k) shape=[b,1,n,8]",
       "%v4 = Reshape(%v) shape=[b,1,n,8]", "%ke = Expand(%k4, i64[4]{1,2,1,1})",
       "%ve = Expand(%v4, i64[4]{1,2,1,1})", "%a, %pk, %pv = Attention(%qt, %ke, %ve, _, %c, %d)"},
      "Transpose(%a) perm=[0,2,1,3]", {"%pk", "%pv"});
}

TEST_P(KernelTest, AttentionRefusesPartsThatDoNotLieInRows) {
  KernelCase given{"%x: f32[2,4,8,5]", "Attention(%q, %q, %q)", "", "%y"};
  given.before = {"%q = Transpose(%x) perm=[0,1,3,2]"};
  EXPECT_EQ(refusal("cpu.attention", given), "an operand is no view of one that is given");
  KernelCase behind{"%x: f32[2,4,8,5]", "Transpose(%a) perm=[0,1,3,2]", "", "%y"};
  behind.before = {"%a = Attention(%x, %x, %x)"};
  EXPECT_EQ(refusal("cpu.attention", behind), "views behind it tear heads apart");
  KernelCase wanted{"%x: f32[2,5,24]", "Attention(%q, %k, %v) q_num_heads=1 kv_num_heads=1", "",
                    "%y"};
  wanted.before = {"%q, %k, %v = Split(%x) axis=2 split=[8,8,8]"};
  wanted.also = {"%k"};
  EXPECT_EQ(refusal("cpu.attention", wanted), "what a view makes is wanted, too");
}

TEST_P(KernelTest, AttentionThatSeesAPart) {
  const std::vector<Bindings> sizes = {{{"n", 1}, {"m", 1}},   {{"n", 1}, {"m", 40}},
                                       {{"n", 7}, {"m", 5}},   {{"n", 5}, {"m", 7}},
                                       {{"n", 50}, {"m", 50}}, {{"n", 200}, {"m", 210}}};
  const std::string operands = "%q: f32[2,4,n,8], %k: f32[2,2,m,8], %v: f32[2,2,m,5]";
  for (const char* fields : {"is_causal=true", "left_window_size=3", "right_window_size=2",
                             "softcap=2", "is_causal=true left_window_size=2 softcap=0.5",
                             "left_window_size=0 right_window_size=0 zero_unseen=true",
                             "is_causal=true left_window_size=1 zero_nan=true"}) {
    SCOPED_TRACE(fields);
    expect_kernel("cpu.attention",
                  {operands, cat("Attention(%q, %k, %v) ", fields), "", "%y", sizes});
    expect_kernel("cpu.attention", {operands + ", %s: f32[n,m]",
                                    cat("Attention(%q, %k, %v, %s) ", fields), "", "%y", sizes});
    expect_kernel("cpu.attention",
                  {operands + ", %s: bool[2,1,n,m]",
                   cat("Attention(%q, %k, %v, %s) zero_unseen=true ", fields), "", "%y", sizes});
  }
}

TEST_P(KernelTest, AttentionWithCache) {
  const std::vector<Bindings> sizes = {
      {{"n", 1}, {"p", 0}}, {{"n", 1}, {"p", 40}}, {{"n", 7}, {"p", 5}}, {{"n", 60}, {"p", 130}}};
  const std::string heads =
      "%q: f32[2,4,n,8], %k: f32[2,2,n,8], %v: f32[2,2,n,5], %a: f32[2,2,p,8], %b: f32[2,2,p,5]";
  const std::string rows =
      "%q: f32[2,n,32], %k: f32[2,n,16], %v: f32[2,n,10], %a: f32[2,2,p,8], %b: f32[2,2,p,5]";
  const std::string as_many =
      "%q: f32[2,3,n,19], %k: f32[2,3,n,19], %v: f32[2,3,n,70], %a: f32[2,3,p,19], "
      "%b: f32[2,3,p,70]";
  for (const char* results : {"%y", "%y, %pk, %pv", "%y, _, %pv"})
    for (const char* causal : {"", " is_causal=true"}) {
      SCOPED_TRACE(cat(results, causal));
      expect_kernel("cpu.attention",
                    {heads, cat("Attention(%q, %k, %v, _, %a, %b)", causal), "", results, sizes});
      expect_kernel("cpu.attention",
                    {as_many, cat("Attention(%q, %k, %v, _, %a, %b)", causal), "", results, sizes});
      expect_kernel("cpu.attention",
                    {rows + ", %m: f32[2,1,n,n+p]",
                     cat("Attention(%q, %k, %v, %m, %a, %b) q_num_heads=4 kv_num_heads=2", causal),
                     "", results, sizes});
    }
  // What is there goes out as it came in, by heads.
  expect_kernel("cpu.attention", {"%q: f32[2,n,32], %k: f32[2,n,16], %v: f32[2,n,10]",
                                  "Attention(%q, %k, %v) q_num_heads=4 kv_num_heads=2", "",
                                  "%y, %pk, %pv", each("n", {1, 30})});
}

TEST_P(KernelTest, AttentionToSomeKeys) {
  KernelCase given{"%q: f32[3,2,n,8], %k: f32[3,2,9,8], %v: f32[3,2,9,5], %l: i64[3]",
                   "Attention(%q, %k, %v, _, _, _, %l) is_causal=true zero_unseen=true", "", "%y",
                   each("n", {1, 4})};
  given.bounds["l"] = {0, 9.99};
  expect_kernel("cpu.attention", given);
  given.node = "Attention(%q, %k, %v, _, _, _, %l)";
  expect_kernel("cpu.attention", given);
  given.node = "Attention(%q, %k, %v, _, _, _, i64[3]{0,9,4}) zero_unseen=true left_window_size=3";
  given.inputs = "%q: f32[3,2,n,8], %k: f32[3,2,9,8], %v: f32[3,2,9,5]";
  expect_kernel("cpu.attention", given);
  given.node = "Attention(%q, %k, %v, _, _, _, i64[3]{0,10,4})";
  EXPECT_NE(kernel_error("cpu.attention", given).find("nonpad_kv_seqlen has 10 for 9 keys"),
            std::string::npos);
}

TEST(Attention, RefusesWhatItCannotRun) {
  EXPECT_EQ(refusal("cpu.attention", {"%q: f32[1,1,5,8], %k: f32[1,1,9,8], %v: f32[1,1,9,8]",
                                      "Attention(%q, %k, %v)", "", "%y, _, _, %s"}),
            "the scores are wanted");
}

}  // namespace hone::test::attention_test
