#pragma once
// Windows that slide along an axis, as numbers of places.

#include "import/builder/plain_window.hpp"
#include "import/pytorch/call.hpp"

namespace hone::pytorch {

struct Windows {
  Dim windows;  // how many
  int64_t elements = 1, stride = 1, dilation = 1;
};
/// i64[windows, elements]: window * stride + element * dilation.
Value* window_places(Call& call, const Windows& windows);

/// What PyTorch gives once or for each spatial axis, as pads at both ends.
std::vector<int64_t> both_ends(const std::vector<int64_t>& pads);

}  // namespace hone::pytorch
