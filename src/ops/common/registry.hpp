#pragma once

#include "ir/op.hpp"

namespace hone {

/// Every op family of src/ops (generated from the folder).
void register_all_ops(OpRegistry& registry);

/// All ops there are, the structural ones included; registered once.
const OpRegistry& all_ops();

}  // namespace hone
