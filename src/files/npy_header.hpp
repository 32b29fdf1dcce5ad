#pragma once
// The header of an npy file, read and written. (Source: numpy.lib.format.)

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone {

inline constexpr size_t kMostNpyDims = 64;
/// No header is longer, what stands before its text included.
inline constexpr size_t kLongestNpyHeader = 12 + 65536;

/// Error(usage) about the file, or member of an archive, of this name.
template <class... Parts>
[[noreturn]] void refuse_npy(std::string_view name, const Parts&... parts) {
  fail(Code::usage, name, ": ", parts...);
}

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
  size_t size = 0;  // of all of it: where the elements begin
};

/// From a file, or as much from its start as the header takes. Error(usage) naming `name`.
NpyHeader read_npy_header(std::string_view file, std::string_view name);

/// All bytes before the elements, which are in C order.
std::string npy_header(std::string_view descr, const std::vector<int64_t>& shape);

}  // namespace hone
