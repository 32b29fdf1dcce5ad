#pragma once
// What to do about an operator that Hone does not run.

#include <string>
#include <string_view>

#include "import/tensorflow/node_reader.hpp"

namespace hone::tensorflow {

std::string advise(std::string_view op, const Importers& importers);

}  // namespace hone::tensorflow
