#pragma once
// Checked size arithmetic: the only place where sizes and counts from a file are multiplied.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hone {

std::optional<int64_t> try_add(int64_t a, int64_t b);
std::optional<int64_t> try_mul(int64_t a, int64_t b);

/// As above; Error(invalid_model) "size overflows 63 bits: A x B" when it does not fit.
int64_t checked_add(int64_t a, int64_t b);
int64_t checked_mul(int64_t a, int64_t b);

/// The product of `dims` (1 when empty); 0 wins over overflow. A negative dim:
/// Error(invalid_model), nullopt.
int64_t element_count(std::span<const int64_t> dims);
std::optional<int64_t> try_element_count(std::span<const int64_t> dims);

/// `value` >= 0 rounded up to a multiple of `alignment` (a power of two). Checked.
int64_t align_up(int64_t value, int64_t alignment);

/// Floor and ceiling division and the modulo that goes with floor; b != 0. Checked (INT64_MIN /
/// -1).
int64_t floor_div(int64_t a, int64_t b);
int64_t ceil_div(int64_t a, int64_t b);
int64_t floor_mod(int64_t a, int64_t b);
/// The next multiple of b from a on.
inline int64_t ceil_to(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

}  // namespace hone
