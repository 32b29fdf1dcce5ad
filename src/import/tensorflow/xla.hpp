#pragma once
// What operators of XLA, which jax2tf writes, have in common: numbers of axes as messages,
// functions as reducers. (Source: xla/xla_data.proto.)

#include <map>
#include <string_view>
#include <vector>

#include "import/tensorflow/node_reader.hpp"

namespace hone::tensorflow {

/// The repeated numbers of a message in the node's attribute, by field; one number is a list of
/// one.
class AxisNumbers {
 public:
  AxisNumbers(const NodeReader& node, std::string_view attribute);
  const std::vector<int64_t>& list(uint32_t field) const;
  /// 0 where it is not there.
  int64_t one(uint32_t field) const;

 private:
  std::map<uint32_t, std::vector<int64_t>> fields_;
};

/// The operators that a function applies, those of functions that it calls included.
std::vector<std::string_view> operators_of(const NodeReader& node, std::string_view function);

/// Axes of a list are in [0, rank), none twice. Leaves the node otherwise.
void check_axes(const NodeReader& node, const std::vector<int64_t>& axes, int64_t rank);
/// [0, rank) without `axes`.
std::vector<int64_t> other_axes(const std::vector<int64_t>& axes, int64_t rank);
Value* transposed(NodeReader& node, Value* x, std::vector<int64_t> perm);
/// Where each axis stands in `perm`.
std::vector<int64_t> inverse(const std::vector<int64_t>& perm);
/// `low` and `high` elements of `fill` around each axis (negative: cut off), `interior` between
/// two.
Value* padded(NodeReader& node, Value* x, Value* fill, const std::vector<int64_t>& low,
              const std::vector<int64_t>& high, const std::vector<int64_t>& interior);

}  // namespace hone::tensorflow
