// Scan of opset 8: over a batch, whose members may be shorter than the longest. Wanted values are
// ONNX Runtime 1.31's.

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test::scan_test {

using Doubles = std::vector<double>;

/// A running sum from `start` on of x [batch, places], and the doubled sums.
std::vector<Tensor> running_sums(const Tensor& start, const Tensor& x, const Tensor& lengths,
                                 const std::vector<int64_t>& directions = {}) {
  const Proto step = graph(
      {.nodes = {node("Add", {"sum", "each"}, {"next"}), node("Add", {"next", "next"}, {"twice"})},
       .inputs = {value("sum", {}), value("each", {})},
       .outputs = {value("next", {}), value("twice", {})}});
  const std::string length = lengths.empty() ? "" : "n";
  std::vector<Proto> attributes{integer("num_scan_inputs", 1), body("body", step)};
  if (!directions.empty()) attributes.push_back(integers("directions", directions));
  std::vector<Proto> inputs{value("start", {"b"}), value("x", {"b", "t"})};
  if (!lengths.empty()) inputs.push_back(value("n", {"b"}, 7));
  const Proto scan =
      graph({.nodes = {node("Scan", {length, "start", "x"}, {"last", "all"}, "", attributes)},
             .inputs = inputs,
             .outputs = {untyped("last"), untyped("all")}});
  const Imported imported = import_text(model({.graph = scan, .opsets = {{"", 8}}}));
  std::vector<Tensor> given{start, x};
  if (!lengths.empty()) given.push_back(lengths);
  return evaluate(*imported.graph, given);
}

Tensor floats_of(std::vector<int64_t> shape, const Doubles& values) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.set_number(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Doubles numbers_of(const Tensor& tensor) {
  Doubles numbers;
  for (int64_t i = 0; i < tensor.count(); ++i) numbers.push_back(tensor.number(i));
  return numbers;
}

const Tensor kStart = floats_of({2}, {0, 10});
const Tensor kPlaces = floats_of({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(BatchedScan, EveryMemberOnItsOwn) {
  const std::vector<Tensor> y = running_sums(kStart, kPlaces, {});
  EXPECT_EQ(numbers_of(y[0]), (Doubles{6, 25}));
  EXPECT_EQ(numbers_of(y[1]), (Doubles{2, 6, 12, 28, 38, 50}));
}

TEST(BatchedScan, ShorterMembersEndInZeros) {
  const std::vector<Tensor> y = running_sums(kStart, kPlaces, Tensor::ints({2, 3}, DType::i64));
  EXPECT_EQ(numbers_of(y[0]), (Doubles{3, 25}));
  EXPECT_EQ(y[1].shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(numbers_of(y[1]), (Doubles{2, 6, 0, 28, 38, 50}));
}

TEST(BatchedScan, BackwardsBeginsAtTheEndOfEachMember) {
  const std::vector<Tensor> y =
      running_sums(kStart, kPlaces, Tensor::ints({2, 1}, DType::i64), {1});
  EXPECT_EQ(numbers_of(y[0]), (Doubles{3, 14}));
  EXPECT_EQ(numbers_of(y[1]), (Doubles{4, 6, 0, 28, 0, 0}));
}

}  // namespace hone::test::scan_test
