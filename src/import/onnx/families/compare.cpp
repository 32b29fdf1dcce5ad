#include "ops/compare.hpp"

#include "import/onnx/plain.hpp"

namespace hone::onnx {

void register_compare(Importers& importers) {
  add_plain<Equal>(importers, 7), add_plain<Greater>(importers, 7);
  add_plain<Less>(importers, 7);
  add_plain<GreaterOrEqual>(importers), add_plain<LessOrEqual>(importers);
  add_plain<Where>(importers);
}

}  // namespace hone::onnx
