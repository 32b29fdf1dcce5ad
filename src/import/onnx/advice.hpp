#pragma once
// What to say of an operator that Hone cannot import.

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

struct Advice {
  std::string what, suggestion;
};
Advice advise(std::string_view domain, std::string_view op, int version,
              const Importers& importers);

}  // namespace hone::onnx
