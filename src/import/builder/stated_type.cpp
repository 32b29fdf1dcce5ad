#include "import/builder/stated_type.hpp"

#include "base/error.hpp"

namespace hone::builder {

Type closed_type(const StatedType& stated) {
  if (stated.kind == Type::Kind::sequence)
    return Type::sequence(closed_type(stated.element.front()));
  if (stated.kind == Type::Kind::optional)
    return Type::optional(closed_type(stated.element.front()));
  check(stated.kind == Type::Kind::tensor, Code::invalid_model, "its type is not stated");
  if (!stated.dims) return Type::unranked(stated.dtype);
  Dims dims;
  for (const StatedDim& dim : *stated.dims) {
    if (!dim.value) return Type::unranked(stated.dtype);
    dims.emplace_back(*dim.value);
  }
  return Type::tensor(stated.dtype, std::move(dims));
}

Type OpenType::of(const StatedType& stated) {
  // An element's sizes define no symbols: there may be no element, or several that differ.
  if (stated.kind != Type::Kind::tensor) return closed_type(stated);
  if (!stated.dims) return Type::unranked(stated.dtype);
  Dims dims;
  for (const StatedDim& dim : *stated.dims) {
    if (dim.value) dims.emplace_back(*dim.value);
    else if (!dim.name.empty()) dims.push_back(Dim::symbol(dim.name));
    else dims.push_back(fresh(dims.size()));
  }
  return Type::tensor(stated.dtype, std::move(dims));
}

Dim OpenType::fresh(size_t axis) {
  // A symbol stands in the types of many values: it has the begin of a long name only.
  const std::string_view begin = input_.substr(0, 256);
  std::string name = cat(begin, "_", axis);
  for (int i = 1; !symbols_.insert(name).second; ++i) name = cat(begin, "_", axis, "_", i);
  return Dim::symbol(name);
}

void collect_names(const StatedType& type, SymbolNames& names) {
  if (type.dims)
    for (const StatedDim& dim : *type.dims)
      if (!dim.name.empty()) names.emplace(dim.name);
  for (const StatedType& element : type.element) collect_names(element, names);
}

}  // namespace hone::builder
