#pragma once

#include <span>

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {

/// A text attribute that is one of `names` (by value of E); anything else is an error of the node.
template <class E>
E read_enum(NodeReader& node, std::string_view attribute, std::span<const std::string_view> names,
            E otherwise) {
  const std::string given = node.text(attribute, names[static_cast<size_t>(otherwise)]);
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == given) return static_cast<E>(i);
  node.invalid("attribute ", attribute, " is \"", given, "\", wanted ", join(names, ", "));
}

}  // namespace hone::onnx
