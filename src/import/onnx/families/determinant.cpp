#include "ops/determinant.hpp"

#include "import/onnx/plain.hpp"

namespace hone::onnx {

void register_determinant(Importers& importers) { add_plain<Det>(importers, 11); }

}  // namespace hone::onnx
