#include "ops/labels.hpp"

#include <bit>
#include <cmath>
#include <unordered_map>

#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

/// Equal numbers of one dtype have equal codes; NaN equals itself, 0 equals -0.
uint64_t code_of(const Tensor& x, int64_t i) {
  if (!is_float(x.dtype())) return static_cast<uint64_t>(x.integer(i));
  const double value = x.number(i);
  if (std::isnan(value)) return ~uint64_t{0};
  return value == 0 ? 0 : std::bit_cast<uint64_t>(value);
}

/// Where each key stands; of equal ones the last.
class Places {
 public:
  explicit Places(const Tensor& keys) : strings_(keys.dtype() == DType::string) {
    for (int64_t i = 0; i < keys.count(); ++i) {
      if (strings_) by_text_[keys.strings()[static_cast<size_t>(i)]] = i;
      else by_code_[code_of(keys, i)] = i;
    }
  }

  std::optional<int64_t> find(const Tensor& x, int64_t i) const {
    if (strings_) {
      const auto found = by_text_.find(x.strings()[static_cast<size_t>(i)]);
      return found == by_text_.end() ? std::nullopt : std::optional(found->second);
    }
    const auto found = by_code_.find(code_of(x, i));
    return found == by_code_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  bool strings_;
  std::unordered_map<std::string, int64_t> by_text_;
  std::unordered_map<uint64_t, int64_t> by_code_;
};

void check_keys(const Inference& c, int keys) {
  c.check(!is_complex(c.dtype(0)), "cannot look up ", c.dtype(0));
  same_dtype(c, 0, keys);
  rank_is(c, keys, 1);
}

}  // namespace

void LabelEncoder::infer(Inference& c) const {
  check_keys(c, 1);
  same_dtype(c, 2, 3);
  rank_is(c, 2, 1);
  if (c.tensor(1).has_rank()) vector_of(c, 2, c.tensor(1).shape()[0]);
  c.set(0, TensorType{c.dtype(2), c.tensor(0).dims});
}

void LabelEncoder::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &keys = c.input(1), &values = c.input(2), &otherwise = c.input(3);
  c.check(values.count() == keys.count(), "there are ", keys.count(), " keys and ", values.count(),
          " values");
  c.check(otherwise.count() == 1, "the value for the rest has ", otherwise.count(),
          " elements, wanted 1");
  const Places places(keys);
  ElementWriter y(c, 0, values.dtype(), x.shape());
  for (int64_t i = 0; i < x.count(); ++i) {
    const auto place = places.find(x, i);
    if (place) y.copy(i, values, *place);
    else y.copy(i, otherwise, 0);
  }
  y.finish();
}

void OneHotEncoder::infer(Inference& c) const {
  check_keys(c, 1);
  const TensorType &x = c.tensor(0), &categories = c.tensor(1);
  if (!x.has_rank()) return c.set(0, Type::unranked(DType::f32));
  Dims dims = x.shape();
  dims.push_back(categories.has_rank() ? categories.shape()[0] : c.fresh(0, x.rank()));
  c.set(0, DType::f32, std::move(dims));
}

void OneHotEncoder::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &categories = c.input(1);
  const Places places(categories);
  std::vector<int64_t> shape = x.shape();
  shape.push_back(categories.count());
  ElementWriter y(c, 0, DType::f32, shape);
  for (int64_t i = 0; i < x.count(); ++i) {
    const auto place = places.find(x, i);
    c.check(zeros || place.has_value(), "element ", i, " is none of the ", categories.count(),
            " categories");
    if (place) y.tensor().put(i * categories.count() + *place, 1.0f);
  }
  y.finish();
}

void register_labels(OpRegistry& registry) {
  registry.add<LabelEncoder>();
  registry.add<OneHotEncoder>();
}

}  // namespace hone
