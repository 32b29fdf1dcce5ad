#include "ops/scatter.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::scatter_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
constexpr auto kAdd = ScatterReduction::add;

TEST(Scatter, Elements) {
  const Tensor x = tensor(DType::f32, {2, 2}, {1, 2, 3, 4});
  const Tensor at = Tensor::ints({1, -2}).reshaped({1, 2});
  const Tensor updates = tensor(DType::f32, {1, 2}, {10, 20});
  EXPECT_EQ(numbers(run(ScatterElements{}, {x, at, updates})), (Doubles{1, 20, 10, 4}));
  const Tensor twice = Tensor::ints({0, 0}).reshaped({1, 2});
  EXPECT_EQ(numbers(run(ScatterElements{.axis = 1}, {x, twice, updates})), (Doubles{20, 2, 3, 4}));
  EXPECT_EQ(numbers(run(ScatterElements{.axis = -1, .reduction = kAdd}, {x, twice, updates})),
            (Doubles{31, 2, 3, 4}));
  const Tensor far = Tensor::ints({2, 0}).reshaped({1, 2});
  EXPECT_EQ(refusal_of([&] {
              run(ScatterElements{}, {x, far, updates});
            }),
            "invalid_model: index 2 is out of range for size 2 (ScatterElements %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(ScatterElements{}, {x, i64({0}), f32({1})});
            }),
            "invalid_model: the data has shape [2,2], the indices [1], wanted the same rank "
            "(ScatterElements %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(ScatterElements{}, {x, at, i64({1, 2}).reshaped({1, 2})});
            }),
            "invalid_model: the data is f32, the updates are i64 (ScatterElements %y0)");
}

TEST(Scatter, Coordinates) {
  const Tensor x = tensor(DType::i8, {3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor rows = Tensor::ints({2, 0}).reshaped({2, 1});
  const Tensor updates = tensor(DType::i8, {2, 2}, {7, 8, 9, 127});
  EXPECT_EQ(run(ScatterND{}, {x, rows, updates}).integers(), (Ints{9, 127, 3, 4, 7, 8}));
  const ScatterND most{.reduction = ScatterReduction::max};
  EXPECT_EQ(run(most, {x, rows, updates}).integers(), (Ints{9, 127, 3, 4, 7, 8}));
  // Integers wrap to their width.
  EXPECT_EQ(run(ScatterND{.reduction = kAdd}, {x, rows, updates}).integers(),
            (Ints{10, -127, 3, 4, 12, 14}));
  const Tensor words = Tensor::of_strings({2}, {"a", "b"});
  EXPECT_EQ(
      run(ScatterND{}, {words, Tensor::ints({-1}).reshaped({1, 1}), Tensor::of_strings({1}, {"c"})})
          .strings(),
      (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(refusal_of([&] {
              run(ScatterND{}, {x, rows, x});
            }),
            "invalid_model: sizes 3 and 2 differ, wanted the same (ScatterND %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(ScatterND{}, {x, i64({3, 0}), tensor(DType::i8, {}, {1})});
            }),
            "invalid_model: index 3 is out of range for size 3 (ScatterND %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(ScatterND{}, {x, Tensor(DType::i64, {}), updates});
            }),
            "invalid_model: the indices are a scalar (ScatterND %y0)");
}

TEST(Scatter, UnsignedNumbersCompareAsSuch) {
  const Tensor x = Tensor::ints({-1}, DType::u64), one = Tensor::ints({1}, DType::u64);
  const ScatterElements most{.reduction = ScatterReduction::max};
  const ScatterElements least{.reduction = ScatterReduction::min};
  EXPECT_EQ(run(most, {x, i64({0}), one}).integer(0), -1);
  EXPECT_EQ(run(least, {x, i64({0}), one}).integer(0), 1);
}

TEST(Scatter, CachesTakeUpdatesBySample) {
  const Tensor cache = tensor(DType::f32, {2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const Tensor update = tensor(DType::f32, {2, 2, 1}, {10, 20, 30, 40});
  EXPECT_EQ(numbers(run(TensorScatter{}, {cache, update})), (Doubles{10, 20, 3, 30, 40, 6}));
  EXPECT_EQ(numbers(run(TensorScatter{}, {cache, update, i64({1, 0})})),
            (Doubles{1, 10, 20, 30, 40, 6}));
  const TensorScatter circular{.axis = 1, .mode = TensorScatter::Mode::circular};
  EXPECT_EQ(numbers(run(circular, {cache, update, i64({2, 4})})), (Doubles{20, 2, 10, 4, 30, 40}));
  EXPECT_EQ(numbers(run(circular, {cache, update, i64({INT64_MAX, INT64_MIN})})),
            numbers(run(circular, {cache, update, i64({1, 1})})));
  const auto error = [&](const TensorScatter& op, const std::vector<Tensor>& operands) {
    return refusal_of([&] { run(op, operands); });
  };
  EXPECT_NE(error({}, {cache, update, i64({0, 2})}).find("write index 2"), std::string::npos);
  EXPECT_EQ(error({}, {cache, update, i64({0, -1})}),
            "invalid_model: write index -1 + 2 runs over a cache of 3 (TensorScatter %y0)");
  EXPECT_EQ(error({}, {cache, update, i64({0, INT64_MAX})}),
            "invalid_model: write index 9223372036854775807 + 2 runs over a cache of 3 "
            "(TensorScatter %y0)");
  EXPECT_EQ(error({}, {cache, update, i64({0})}),
            "invalid_model: operand 2 is i64[1], wanted 2 elements (TensorScatter %y0)");
  EXPECT_NE(error({.axis = 0}, {cache, update}).find("batch"), std::string::npos);
  EXPECT_EQ(error({}, {update, cache}),
            "invalid_model: size 3 is larger than 2 (TensorScatter %y0)");
}

TEST(Scatter, CachesOfAnyTypeAndOfNoElements) {
  const Tensor words = Tensor::of_strings({1, 2, 1}, {"a", "b"});
  EXPECT_EQ(run(TensorScatter{}, {words, Tensor::of_strings({1, 1, 1}, {"c"}), i64({1})}).strings(),
            (std::vector<std::string>{"a", "c"}));
  const Tensor none(DType::f32, {0, 3, 1});
  EXPECT_EQ(run(TensorScatter{}, {none, Tensor(DType::f32, {0, 2, 1})}).shape(), none.shape());
  const Tensor closed(DType::f32, {2, 0, 1});
  EXPECT_EQ(run(TensorScatter{.mode = TensorScatter::Mode::circular}, {closed, closed, i64({5, 5})})
                .shape(),
            closed.shape());
  const Dim n = Dim::symbol("n"), s = Dim::symbol("s");
  EXPECT_EQ(cat(type_of(TensorScatter{},
                        {Type::tensor(DType::i4, {n, 8, 2}), Type::tensor(DType::i4, {n, s, 2})})),
            "i4[n,8,2]");
}

}  // namespace hone::test::scatter_test
