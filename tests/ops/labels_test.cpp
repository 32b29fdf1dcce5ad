#include "ops/labels.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::labels_test {

using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;

Tensor words(const Strings& strings) {
  return Tensor::of_strings({static_cast<int64_t>(strings.size())}, strings);
}

TEST(LabelEncoder, LooksUpStringsAndNumbers) {
  const Tensor ten = Tensor::scalar(DType::i64, 10);
  EXPECT_EQ(
      run(LabelEncoder{}, {words({"b", "x", "a"}), words({"a", "b"}), i64({1, 2}), ten}).integers(),
      (Ints{2, 10, 1}));
  const Tensor grid = tensor(DType::i32, {2, 1}, {7, -7});
  const Tensor found = run(LabelEncoder{}, {grid, tensor(DType::i32, {1}, {-7}), words({"yes"}),
                                            Tensor::of_strings({}, {"no"})});
  EXPECT_EQ(found.strings(), (Strings{"no", "yes"}));
  EXPECT_EQ(found.shape(), (Ints{2, 1}));
}

TEST(LabelEncoder, NaNIsAKeyAndTheLastOfEqualsCounts) {
  const Tensor keys = f32({NAN, 1, 1, 0});
  EXPECT_EQ(numbers(run(LabelEncoder{}, {f32({1, -NAN, -0.0, 2}), keys, f32({5, 6, 7, 8}),
                                         Tensor::scalar(DType::f32, -1)})),
            (std::vector<double>{7, 5, 8, -1}));
}

TEST(LabelEncoder, Edges) {
  const Tensor one = Tensor::scalar(DType::i64, 1), none(DType::i64, {0});
  EXPECT_EQ(run(LabelEncoder{}, {i64({4}), none, none, one}).integers(), (Ints{1}));
  EXPECT_EQ(run(LabelEncoder{}, {Tensor(DType::i64, {2, 0}), none, none, one}).count(), 0);
  EXPECT_EQ(refusal_of([&] {
              run(LabelEncoder{}, {i64({4}), f32({4}), i64({1}), one});
            }),
            "invalid_model: operand 0 is i64 but operand 1 is f32 (LabelEncoder %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(LabelEncoder{}, {i64({4}), i64({4}), i64({1, 2}), one});
            }),
            "invalid_model: operand 2 is i64[2], wanted 1 elements (LabelEncoder %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(LabelEncoder{}, {i64({4}), i64({4}), i64({1}), none});
            }),
            "invalid_model: the value for the rest has 0 elements, wanted 1 (LabelEncoder %y0)");
}

TEST(OneHotEncoder, MarksTheCategory) {
  const Tensor y = run(OneHotEncoder{}, {i64({2, 9, 1}), i64({1, 2})});
  EXPECT_EQ(y.shape(), (Ints{3, 2}));
  EXPECT_EQ(y.integers(), (Ints{0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(run(OneHotEncoder{}, {words({"b"}), words({"a", "b"})}).integers(), (Ints{0, 1}));
  EXPECT_EQ(refusal_of([] {
              run(OneHotEncoder{.zeros = false}, {i64({3}), i64({1, 2})});
            }),
            "invalid_model: element 0 is none of the 2 categories (OneHotEncoder %y0)");
  EXPECT_EQ(cat(type_of(OneHotEncoder{}, {Type::tensor(DType::i64, {Dim::symbol("n")}),
                                          Type::tensor(DType::i64, {4})})),
            "f32[n,4]");
}

}  // namespace hone::test::labels_test
