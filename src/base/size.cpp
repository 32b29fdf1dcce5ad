#include "base/size.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/error.hpp"

namespace hone {

std::optional<int64_t> try_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::optional<int64_t> try_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

int64_t checked_add(int64_t a, int64_t b) {
  const auto sum = try_add(a, b);
  check(sum.has_value(), Code::invalid_model, "size overflows 63 bits: ", a, " + ", b);
  return *sum;
}

int64_t checked_mul(int64_t a, int64_t b) {
  const auto product = try_mul(a, b);
  check(product.has_value(), Code::invalid_model, "size overflows 63 bits: ", a, " x ", b);
  return *product;
}

std::optional<int64_t> try_element_count(std::span<const int64_t> dims) {
  if (std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim < 0; }))
    return std::nullopt;
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  std::optional<int64_t> count = 1;
  for (const int64_t dim : dims) {
    count = try_mul(*count, dim);
    if (!count) return count;
  }
  return count;
}

int64_t element_count(std::span<const int64_t> dims) {
  const auto count = try_element_count(dims);
  if (count) return *count;
  const auto negative = std::find_if(dims.begin(), dims.end(), [](int64_t d) { return d < 0; });
  check(negative == dims.end(), Code::invalid_model, "negative dimension in [", join(dims, ","),
        "]");
  fail(Code::invalid_model, "size overflows 63 bits: the elements of [", join(dims, ","), "]");
}

int64_t align_up(int64_t value, int64_t alignment) {
  check(alignment > 0 && std::has_single_bit(static_cast<uint64_t>(alignment)) && value >= 0,
        Code::internal, "cannot align ", value, " to ", alignment);
  return checked_add(value, alignment - 1) & ~(alignment - 1);
}

int64_t floor_div(int64_t a, int64_t b) {
  check(b != 0, Code::internal, "division of ", a, " by zero");
  if (b == -1) return checked_mul(a, -1);
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t ceil_div(int64_t a, int64_t b) {
  check(b != 0, Code::internal, "division of ", a, " by zero");
  if (b == -1) return checked_mul(a, -1);
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) == (b < 0) ? quotient + 1 : quotient;
}

int64_t floor_mod(int64_t a, int64_t b) {
  check(b != 0, Code::internal, "division of ", a, " by zero");
  if (b == -1) return 0;
  const int64_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

}  // namespace hone
