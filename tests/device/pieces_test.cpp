// Ops that move elements, several at once.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::pieces_test {

constexpr const char* kKernel = "cpu.pieces";

KernelCase moved(const std::string& inputs, const std::vector<std::string>& before,
                 const std::string& node) {
  KernelCase given{inputs, node, "", "%y", each("n", {0, 1, 3})};
  given.before = before;
  return given;
}

TEST(Pieces, WindowsThatAreShifted) {
  const std::vector<std::string> roll = {"%a = Slice(%x) starts=[3] ends=[8] axes=[1]",
                                         "%b = Slice(%x) starts=[0] ends=[3] axes=[1]",
                                         "%c = Concat(%a, %b) axis=1",
                                         "%d = Slice(%c) starts=[1] ends=[8] axes=[2]",
                                         "%e = Slice(%c) starts=[0] ends=[1] axes=[2]",
                                         "%f = Concat(%d, %e) axis=2",
                                         "%g = Reshape(%f) shape=[n,2,4,2,4,16]",
                                         "%h = Transpose(%g) perm=[0,1,3,2,4,5]"};
  expect_kernel(kKernel, moved("%x: f32[n,8,8,16]", roll, "Reshape(%h) shape=[4*n,16,16]"));
  std::vector<std::string> with = roll;
  with.push_back("%i = Reshape(%h) shape=[4*n,16,16]");
  expect_kernel(kKernel, moved("%x: f32[n,8,8,16], %z: f32[4*n,16,16]", with, "Add(%z, %i)"));
  expect_kernel(kKernel, moved("%x: f16[n,8,8,32]",
                               {"%a = Slice(%x) starts=[3] ends=[8] axes=[1]",
                                "%b = Slice(%x) starts=[0] ends=[3] axes=[1]"},
                               "Concat(%a, %b) axis=1"));
}

TEST(Pieces, SeveralOperands) {
  expect_kernel(kKernel, moved("%x: f32[n,2,16], %z: f32[n,3,16]", {"%c = Concat(%x, %z) axis=1"},
                               "Transpose(%c) perm=[1,0,2]"));
  expect_kernel(kKernel, moved("%x: i64[n,6,8]", {"%a, %b, %c = Split(%x) axis=1 split=[1,2,3]"},
                               "Concat(%c, %a, %b) axis=1"));
  expect_kernel(kKernel, moved("%x: f32[n,16]", {"%a = Unsqueeze(%x) axes=[1]"},
                               "Expand(%a) shape=[n,4,16]"));
}

TEST(Pieces, SizesAtWhichTheyAreShort) {
  KernelCase given = moved("%x: f32[n,k+16]",
                           {"%a = Slice(%x) starts=[16] ends=[1000000000] axes=[1]",
                            "%b = Slice(%x) starts=[0] ends=[16] axes=[1]"},
                           "Concat(%a, %b) axis=1");
  given.sizes.clear();
  for (const int64_t k : {0, 1, 17, 48, 985})
    for (const int64_t n : {0, 1, 5}) given.sizes.push_back({{"n", n}, {"k", k}});
  given.expected = {{"k", 48}};
  expect_kernel(kKernel, given);
  given.inputs = "%x: f32[n,k+16], %z: f32[n,k+16]";
  given.before.push_back("%c = Concat(%a, %b) axis=1");
  given.node = "Add(%c, %z)";
  expect_kernel(kKernel, given);
}

TEST(Pieces, AnOperandWithoutElements) {
  KernelCase given = moved("%x: f32[n,m,16], %z: f32[n,k,16]", {"%c = Concat(%x, %z) axis=1"},
                           "Transpose(%c) perm=[1,0,2]");
  given.sizes = {{{"n", 2}, {"m", 0}, {"k", 3}}, {{"n", 2}, {"m", 3}, {"k", 0}}};
  given.expected = {{"m", 4}, {"k", 4}};
  expect_kernel(kKernel, given);
}

TEST(Pieces, SaysWhatItDoesNotRun) {
  EXPECT_EQ(refusal(kKernel, moved("%x: f32[n,16]", {}, "Transpose(%x)")),
            "several ops that move elements only");
  EXPECT_EQ(refusal(kKernel, moved("%x: f32[n,8,4]", {"%t = Transpose(%x) perm=[1,0,2]"},
                                   "Reshape(%t) shape=[8*n,4]")),
            "what they leave whole is shorter than 64 bytes");
  EXPECT_EQ(
      refusal(kKernel, moved("%x: f32[n,8,16]", {"%t = Transpose(%x) perm=[1,0,2]"}, "Relu(%t)")),
      "more than ops that move elements, and a sum");
  EXPECT_EQ(refusal(kKernel, moved("%x: f32[n,16]", {"%v = Reshape(%x) shape=[n,4,4]"},
                                   "Reshape(%v) shape=[4*n,4]")),
            "nothing is moved");
  EXPECT_EQ(refusal(kKernel, moved("%x: f32[n,6,16], %z: f32[n,16]",
                                   {"%a = Slice(%x) starts=[0] ends=[2] axes=[1]",
                                    "%b = Unsqueeze(%z) axes=[1]"},
                                   "Concat(%a, %x) axis=1")),
            "more than ops that move elements, and a sum");
}

}  // namespace hone::test::pieces_test
