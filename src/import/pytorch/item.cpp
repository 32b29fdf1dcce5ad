#include "import/pytorch/item.hpp"

#include "base/text.hpp"

namespace hone::pytorch {
namespace {

struct Numbered {
  int64_t number;
  DType dtype;
};
// (Source: c10/core/ScalarType.h.)
constexpr Numbered kTypes[] = {
    {0, DType::u8},        {1, DType::i8},          {2, DType::i16},         {3, DType::i32},
    {4, DType::i64},       {5, DType::f16},         {6, DType::f32},         {7, DType::f64},
    {9, DType::c64},       {10, DType::c128},       {11, DType::boolean},    {12, DType::i8},
    {13, DType::u8},       {14, DType::i32},        {15, DType::bf16},       {23, DType::f8e5m2},
    {24, DType::f8e4m3fn}, {25, DType::f8e5m2fnuz}, {26, DType::f8e4m3fnuz}, {27, DType::u16},
    {28, DType::u32},      {29, DType::u64}};

}  // namespace

Item list_of(std::vector<Item> items, bool is_tuple) {
  auto list = std::make_shared<List>();
  list->items = std::move(items);
  list->is_tuple = is_tuple;
  return list;
}

std::string kind_of(const Item& item) {
  if (item.is_none()) return "None";
  if (item.as<bool>() != nullptr) return "a bool";
  if (item.as<Dim>() != nullptr) return "an int";
  if (item.as<double>() != nullptr) return "a float";
  if (item.as<std::string>() != nullptr) return "a text";
  if (item.as<TensorRef>() != nullptr) return "a tensor";
  if (item.as<LateNumber>() != nullptr) return "a number that only running tells";
  if (item.as<Function>() != nullptr) return "a function";
  if (item.as<std::shared_ptr<Dict>>() != nullptr) return "a dictionary";
  if (item.as<std::shared_ptr<LateList>>() != nullptr) return "a list that a loop fills";
  if (const auto* object = item.as<std::shared_ptr<Object>>())
    return cat("an object of ", (*object)->type);
  return cat("a list of ", uint64_t{item.list()->size()});
}

Item* Object::find(std::string_view name) {
  for (auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

bool same_key(const Item& a, const Item& b) {
  if (a.is.index() != b.is.index()) return false;
  if (const auto* dim = a.as<Dim>()) return *dim == *b.as<Dim>();
  if (const auto* text = a.as<std::string>()) return *text == *b.as<std::string>();
  if (const auto* flag = a.as<bool>()) return *flag == *b.as<bool>();
  if (const auto* real = a.as<double>()) return *real == *b.as<double>();
  return a.is_none();
}

Item* Dict::find(const Item& key) {
  for (auto& [own, value] : entries)
    if (same_key(own, key)) return &value;
  return nullptr;
}

std::optional<DType> dtype_of_number(int64_t number) {
  for (const Numbered& each : kTypes)
    if (each.number == number) return each.dtype;
  return std::nullopt;
}

std::optional<int64_t> number_of_dtype(DType dtype) {
  for (const Numbered& each : kTypes)
    if (each.dtype == dtype) return each.number;
  return std::nullopt;
}

}  // namespace hone::pytorch
