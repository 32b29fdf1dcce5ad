#include "import/tensorflow/attribute.hpp"

#include "import/protobuf.hpp"

namespace hone::tensorflow {
namespace {

std::string_view function_name(std::string_view message) {
  std::string_view name;
  for (Message m(message, "NameAttrList"); m.next();)
    if (m.field() == 1) name = m.bytes();
  return name;
}

void decode_list(std::string_view message, Attribute& attribute, const Limits& limits) {
  const auto most = static_cast<size_t>(limits.interface);
  for (Message m(message, "AttrValue.ListValue"); m.next();) switch (m.field()) {
      case 2: attribute.texts.push_back(m.bytes()); break;
      case 3: m.integers(attribute.integers, most, "numbers in one attribute"); break;
      case 4: m.reals(attribute.reals); break;
      case 6: m.integers(attribute.types, most, "types in one attribute"); break;
      case 7: attribute.shapes.push_back(decode_shape(m.bytes(), limits)); break;
      default: break;
    }
}

}  // namespace

Attribute decode_attribute(std::string_view message, const Limits& limits) {
  Attribute attribute;
  for (Message m(message, "AttrValue"); m.next();) switch (m.field()) {
      case 1: decode_list(m.bytes(), attribute, limits); break;
      case 2: attribute.text = m.bytes(); break;
      case 3: attribute.integer = m.integer(); break;
      case 4: attribute.real = m.real(); break;
      case 5: attribute.flag = m.integer() != 0; break;
      case 6: attribute.type = m.integer(); break;
      case 7: attribute.shape = decode_shape(m.bytes(), limits); break;
      case 8: attribute.tensor = m.bytes(); break;
      case 9: attribute.placeholder = m.bytes(); break;
      case 10: attribute.function = function_name(m.bytes()); break;
      default: break;
    }
  return attribute;
}

}  // namespace hone::tensorflow
