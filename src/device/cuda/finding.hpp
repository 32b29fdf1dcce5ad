#pragma once
// Ops whose results' sizes are found by looking at their operands, on a GPU.

#include "device/cuda/device.hpp"

namespace hone::cuda {

/// What a node's texts are; empty: a GPU has none for it, `declined` says why.
struct FindingTexts {
  std::string looking, writing;  // writing: empty: it is in the first
  std::string declined;
};
FindingTexts finding_texts_of(const Node& node);

/// Null: there is none for the node.
std::shared_ptr<const Finding> finding_of(const Node& node, Device& device);

}  // namespace hone::cuda
