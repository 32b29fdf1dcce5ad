#pragma once
// TensorProto: the contents of constants.

#include <string_view>

#include "import/builder/model_file.hpp"
#include "ir/limits.hpp"
#include "ir/tensor.hpp"

namespace hone::tensorflow {

/// The contents; they stay in `file` where they lie there as they are. Error(unsupported) for types
/// that Hone does not have, Error(invalid_model) for what contradicts itself.
Tensor decode_tensor(std::string_view message, const builder::ModelFile& file,
                     const Limits& limits);

}  // namespace hone::tensorflow
