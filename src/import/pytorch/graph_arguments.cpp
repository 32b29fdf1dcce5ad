// Arguments of nodes of torch.export.

#include "import/pytorch/graph_import.hpp"

namespace hone::pytorch {

Item GraphImport::named(const std::string& name) {
  const auto found = entries_.find(name);
  check(found != entries_.end(), Code::invalid_model, "reads ", builder::quoted(name),
        ", which no node before it gives");
  if (found->second.failed) throw builder::FailedBefore();
  return found->second.item;
}

Item GraphImport::constant_of(const std::string& kind, const Json& value) {
  if (kind == "as_none") return None{};
  if (kind == "as_int") return value.integer();
  if (kind == "as_float") return value.real();
  if (kind == "as_bool") return value.flag();
  if (kind == "as_string") return value.text();
  if (kind == "as_scalar_type") return c10_dtype(value.integer());
  if (kind == "as_layout" || kind == "as_memory_format") return value.integer();
  if (kind == "as_device") return value["type"].text();
  if (kind == "as_operator") return value.text();
  fail(Code::unsupported, "an argument of kind ", shown(kind));
}

Item GraphImport::item(const Json& argument) {
  const auto [kind, value] = argument.only();
  if (kind == "as_tensor") return named(value["name"].text());
  if (kind == "as_sym_int" || kind == "as_sym_bool" || kind == "as_sym_float") {
    if (value.has("as_name")) return named(value["as_name"].text());
    const auto [plain, constant] = value.only();
    return constant_of(plain, constant);
  }
  if (kind == "as_optional_tensor")
    return value.has("as_none") ? Item() : named(value["as_tensor"]["name"].text());
  std::vector<Item> items;
  const auto each = [&](const auto& of) {
    for (const Json& one : value.list()) items.push_back(of(one));
    return list_of(std::move(items));
  };
  if (kind == "as_tensors") return each([&](const Json& one) { return named(one["name"].text()); });
  if (kind == "as_optional_tensors")
    return each([&](const Json& one) {
      return one.has("as_none") ? Item() : named(one["as_tensor"]["name"].text());
    });
  if (kind == "as_sym_ints" || kind == "as_sym_bools" || kind == "as_sym_floats")
    return each([&](const Json& one) {
      if (one.has("as_name")) return named(one["as_name"].text());
      const auto [plain, constant] = one.only();
      return constant_of(plain, constant);
    });
  if (kind == "as_ints") return each([](const Json& one) { return Item(one.integer()); });
  if (kind == "as_floats") return each([](const Json& one) { return Item(one.real()); });
  if (kind == "as_bools") return each([](const Json& one) { return Item(one.flag()); });
  if (kind == "as_strings") return each([](const Json& one) { return Item(one.text()); });
  return constant_of(kind, value);
}

}  // namespace hone::pytorch
