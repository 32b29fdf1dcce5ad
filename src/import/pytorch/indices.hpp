#pragma once

#include "import/pytorch/call.hpp"

namespace hone::pytorch {

/// The begin of the data along the axes that are longer than the places', but for `axis`.
Value* cut_to_places(Call& call, Value* data, const Value* places, int64_t axis);

}  // namespace hone::pytorch
