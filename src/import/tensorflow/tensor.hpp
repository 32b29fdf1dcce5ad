#pragma once
// TensorProto: the contents of constants.

#include <string_view>

#include "import/builder/model_file.hpp"
#include "ir/limits.hpp"
#include "ir/tensor.hpp"

namespace hone::tensorflow {

/// The contents; they stay in `file` where they lie there as they are. Error(unsupported) for types
/// that Hone does not have, Error(invalid_model) for what contradicts itself. Complex numbers are
/// unsupported where `pairs` is null; else it says whether these are such: pairs of reals along one
/// axis more at the end.
Tensor decode_tensor(std::string_view message, const builder::ModelFile& file, const Limits& limits,
                     bool* pairs = nullptr);

}  // namespace hone::tensorflow
