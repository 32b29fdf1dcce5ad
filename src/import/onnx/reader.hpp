#pragma once

#include <string>
#include <string_view>

#include "import/import.hpp"
#include "import/onnx/tensor_reader.hpp"

namespace hone::onnx {

/// Reads the model in `bytes`, whose contents `tensors` gives. The graph's weights may point into
/// both; names are copied.
Imported import_model(std::string_view bytes, TensorReader& tensors, const std::string& file_name,
                      const ImportOptions& options);

}  // namespace hone::onnx
