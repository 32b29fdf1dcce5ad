#pragma once
// AttrValue: what a node states beside its inputs.

#include <optional>
#include <string_view>
#include <vector>

#include "import/tensorflow/proto.hpp"

namespace hone::tensorflow {

struct Attribute {
  std::optional<std::string_view> text, tensor, function;  // function: its name
  std::optional<int64_t> integer, type;
  std::optional<float> real;
  std::optional<bool> flag;
  std::optional<StatedShape> shape;
  std::optional<std::string_view> placeholder;  // an attribute of the function around
  // Of a list.
  std::vector<std::string_view> texts;
  std::vector<int64_t> integers, types;
  std::vector<float> reals;
  std::vector<StatedShape> shapes;
};

Attribute decode_attribute(std::string_view message, const Limits& limits);

}  // namespace hone::tensorflow
