#include "ops/compare.hpp"

#include "import/onnx/legacy.hpp"
#include "import/onnx/plain.hpp"

namespace hone::onnx {

void register_compare(Importers& importers) {
  add_broadcasting<Equal>(importers), add_broadcasting<Greater>(importers);
  add_broadcasting<Less>(importers);
  add_plain<GreaterOrEqual>(importers), add_plain<LessOrEqual>(importers);
  add_plain<Where>(importers);
}

}  // namespace hone::onnx
