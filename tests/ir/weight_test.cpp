#include "ir/weight.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace hone {
namespace {

TEST(Weight, WhatDoesNotFitSaysSoEachTime) {
  const auto weight = Weight::random(DType::f32, {int64_t{1} << 45}, 1, 1);
  for (int i = 0; i < 2; ++i) {
    try {
      weight->tensor();
      ADD_FAILURE() << "made";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::out_of_memory) << error.message();
    }
  }
  EXPECT_NE(weight->hash(), Hash());
}

TEST(Weight, ThreadsMakeTheSame) {
  const auto weight = Weight::random(DType::bf16, {33, 3}, 5, 2);
  std::vector<const std::byte*> seen(4);
  std::vector<std::thread> threads;
  for (const std::byte*& each : seen)
    threads.emplace_back([&] { each = weight->tensor().bytes().data(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::byte* each : seen) EXPECT_EQ(each, weight->tensor().bytes().data());
  const auto again = Weight::random(DType::bf16, {33, 3}, 5, 2);
  EXPECT_TRUE(same_bits(weight->tensor(), again->tensor()));
  EXPECT_NE(weight->tensor().number(0), weight->tensor().number(98));
}

}  // namespace
}  // namespace hone
