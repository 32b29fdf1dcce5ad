// RNN, GRU and LSTM against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::recurrent_test {

const std::vector<Bindings> kSizes = {
    {{"s", 5}, {"b", 1}}, {{"s", 3}, {"b", 14}}, {{"s", 0}, {"b", 2}}, {{"s", 2}, {"b", 0}}};

KernelCase recurrent(const std::string& inputs, const std::string& node, const std::string& weights,
                     const std::string& results) {
  KernelCase made{inputs, node, weights, results, kSizes};
  made.tolerance = 2e-5;
  return made;
}

/// Weights of `gates` gates over 7 inputs and a state of 19.
std::string weights(int gates, int directions) {
  const std::string d = cat(directions, ","), rows = cat(gates * 19, ",");
  return cat("@w : f32[", d, rows, "7]\n  @r : f32[", d, rows, "19]\n  @c : f32[", d, gates * 38,
             "]");
}

TEST_P(KernelTest, LSTM) {
  const std::string x = "%x: f32[s,b,7]", states = ", %h: f32[2,b,19], %m: f32[2,b,19]";
  expect_kernel("cpu.recurrent",
                recurrent(x, "LSTM(%x, @w, @r, @c)", weights(4, 1), "%y, %yh, %yc"));
  expect_kernel("cpu.recurrent",
                recurrent(x, "LSTM(%x, @w, @r) direction=reverse clip=0.3", weights(4, 1), "%y"));
  expect_kernel("cpu.recurrent",
                recurrent(x + states, "LSTM(%x, @w, @r, @c, _, %h, %m, @p) direction=bidirectional",
                          weights(4, 2) + "\n  @p : f32[2,57]", "_, %yh, %yc"));
  expect_kernel("cpu.recurrent", recurrent("%x: f32[b,s,7], %h: f32[b,1,19]",
                                           "LSTM(%x, @w, @r, @c, _, %h) layout=1 input_forget=true "
                                           "activations=[\"HardSigmoid\",\"Relu\",\"Softsign\"]",
                                           weights(4, 1), "%y, _, %yc"));
}

TEST_P(KernelTest, GRU) {
  const std::string x = "%x: f32[s,b,7]";
  for (const char* fields : {"", " linear_before_reset=true", " clip=0.5 direction=reverse"})
    expect_kernel("cpu.recurrent",
                  recurrent(x, cat("GRU(%x, @w, @r, @c)", fields), weights(3, 1), "%y, %yh"));
  expect_kernel("cpu.recurrent", recurrent(x + ", %h: f32[2,b,19]",
                                           "GRU(%x, @w, @r, _, _, %h) direction=bidirectional "
                                           "linear_before_reset=true",
                                           weights(3, 2), "%y, %yh"));
}

TEST_P(KernelTest, RNN) {
  expect_kernel("cpu.recurrent",
                recurrent("%x: f32[b,s,7]", "RNN(%x, @w, @r, @c) direction=bidirectional layout=1",
                          weights(1, 2), "%y, %yh"));
}

TEST_P(KernelTest, SequencesOfTheirOwnLength) {
  KernelCase given =
      recurrent("%x: f32[4,b,7], %l: i32[b]", "LSTM(%x, @w, @r, @c, %l) direction=bidirectional",
                weights(4, 2), "%y, %yh, %yc");
  given.sizes = each("b", {1, 3, 20});
  given.bounds = {{"l", {0, 4}}};
  expect_kernel("cpu.recurrent", given);
  given.node = "GRU(%x, @w, @r, @c, %l) direction=reverse";
  given.weights = weights(3, 1);
  given.results = "%y, %yh";
  expect_kernel("cpu.recurrent", given);
  given.bounds = {{"l", {5, 5}}};
  given.sizes = each("b", {2});
  EXPECT_NE(kernel_error("cpu.recurrent", given).find("sequence 0 has length 5"),
            std::string::npos);
}

TEST_P(KernelTest, DeepRecurrence) {
  KernelCase given{"%x: f32[3,2,40]", "GRU(%x, @w, @r)",
                   "@w : f32[1,1200,40]\n  @r : f32[1,1200,400]"};
  given.bounds = {{"w", {-0.2, 0.2}}, {"r", {-0.05, 0.05}}};
  given.tolerance = 2e-5;
  expect_kernel("cpu.recurrent", given);
}

TEST_P(KernelTest, RecurrentWeightsThatAreComputed) {
  const std::string x = "%x: f32[s,b,7]";
  expect_kernel("cpu.recurrent", recurrent(x + ", %w: f32[2,76,7], %r: f32[2,76,19]",
                                           "LSTM(%x, %w, %r, @c) direction=bidirectional",
                                           "@c : f32[2,152]", "%y, %yh, %yc"));
  expect_kernel("cpu.recurrent", recurrent(x + ", %w: f32[2,57,7], %r: f32[2,57,19]",
                                           "GRU(%x, %w, %r) direction=bidirectional", "", "%y"));
  expect_kernel("cpu.recurrent",
                recurrent(x + ", %r: f32[1,57,19]", "GRU(%x, @w, %r) linear_before_reset=true",
                          "@w : f32[1,57,7]", "%y"));
  expect_kernel("cpu.recurrent",
                recurrent(x + ", %w: f32[1,19,7]", "RNN(%x, %w, @r)", "@r : f32[1,19,19]", "%y"));
}

TEST(Recurrent, RefusesWhatItCannotRun) {
  const std::string x = "%x: f32[s,b,7], %w: f32[1,76,i]";
  EXPECT_EQ(refusal("cpu.recurrent", recurrent(x, "LSTM(%x, %w, @r)", "@r : f32[1,76,19]", "%y")),
            "a weight is of open sizes");
  EXPECT_EQ(refusal("cpu.recurrent", recurrent("%x: f64[s,b,7]", "RNN(%x, @w, @r)",
                                               "@w : f64[1,19,7]\n  @r : f64[1,19,19]", "%y")),
            "f32 with lengths in i32 only");
}

}  // namespace hone::test::recurrent_test
