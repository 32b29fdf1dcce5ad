#include "ir/weight.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace hone::weight_test {

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

TEST(Weight, ConvertedKeepsWhatIsStored) {
  const auto stored = Weight::random(DType::f16, {33, 3}, 5, 2);
  const auto weight = Weight::converted(stored, DType::f32);
  EXPECT_EQ(weight->dtype(), DType::f32);
  EXPECT_EQ(weight->bytes(), 33u * 3 * 4);
  EXPECT_EQ(&weight->stored(), stored.get());
  const Tensor once = weight->contents(), again = weight->contents();
  EXPECT_NE(once.bytes().data(), again.bytes().data());  // nobody keeps them
  const std::byte* kept = weight->tensor().bytes().data();
  EXPECT_EQ(weight->contents().bytes().data(), kept);
  EXPECT_TRUE(same_bits(once, weight->tensor()));
  for (int64_t i = 0; i < once.count(); ++i)
    EXPECT_EQ(once.number(i), stored->tensor().number(i)) << i;
  EXPECT_NE(weight->hash(), stored->hash());
  EXPECT_EQ(weight->hash(), Weight::converted(stored, DType::f32)->hash());
  EXPECT_NE(weight->hash(), Weight::converted(stored, DType::f64)->hash());
}

TEST(Weight, ALiteralThatIsConvertedIsOne) {
  const auto weight = Weight::converted(Weight::of(Tensor::scalar(DType::f16, 0.5)), DType::f32);
  EXPECT_TRUE(weight->is_literal());
  EXPECT_FALSE(weight->is_converted());
  EXPECT_EQ(weight->tensor().number(0), 0.5);
}

TEST(Weight, WhatIsConvertedOfNothingSaysSo) {
  const auto weight =
      Weight::converted(Weight::absent(DType::f16, {40}, Hash{1, 2}, "net.onnx"), DType::f32);
  EXPECT_TRUE(weight->is_absent());
  try {
    (void)weight->contents();
    ADD_FAILURE() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::io);
    EXPECT_NE(error.message().find("from net.onnx"), std::string::npos) << error.message();
  }
}

TEST(Weight, AKnownHashIsNotComputed) {
  const auto weight = Weight::of(Tensor::scalar(DType::f32, 1), "file", Hash{3, 4});
  EXPECT_EQ(weight->hash(), (Hash{3, 4}));
}

}  // namespace hone::weight_test
