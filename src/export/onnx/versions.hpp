#pragma once
// Which version of an operator a node needs, and which attributes it has in it.

#include "export/onnx/model.hpp"
#include "export/onnx/operators.hpp"

namespace hone::onnx {

/// The oldest version of the node's domain that can say it. Error(unsupported): none.
int oldest_version(const NodeModel& node);

/// The node's attributes as version `version` of its domain writes them, defaults left out.
/// Error(unsupported) where that version cannot say them.
std::vector<AttributeModel> attributes_at(const NodeModel& node, int version);

}  // namespace hone::onnx
