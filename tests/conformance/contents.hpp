#pragma once
// What the suite stores as an input or output: a tensor, a sequence of tensors, an optional.

#include <filesystem>

#include "ir/tensor.hpp"
#include "ir/type.hpp"

namespace hone {

/// Reads a TensorProto, SequenceProto or OptionalProto, whichever `type` asks for.
Tensor read_contents(const std::filesystem::path& path, const Type& type);

}  // namespace hone
