#pragma once
// What a program of PyTorch computes with: tensors, numbers, texts and lists of them. Whole numbers
// are dims, so that arithmetic on sizes is done while importing.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "import/builder/frame.hpp"

namespace hone::pytorch {

struct Cell;
/// A tensor by identity: writing in place shows in all that hold it.
using TensorRef = std::shared_ptr<Cell>;

struct None {
  friend bool operator==(None, None) = default;
};
/// A number that only running tells: a tensor without axes.
struct LateNumber {
  Value* value = nullptr;
  const builder::Frame* frame = nullptr;
};

struct Item;
struct Object;  // of a class that a program brings with it
struct Dict;
struct LateList;  // script/late.hpp
/// A function of a program, by its full name.
struct Function {
  std::string name;
  friend bool operator==(const Function&, const Function&) = default;
};
struct List {
  std::vector<Item> items;
  bool is_tuple = false;
};

struct Item {
  std::variant<None, bool, Dim, double, std::string, TensorRef, LateNumber, std::shared_ptr<List>,
               std::shared_ptr<Object>, std::shared_ptr<Dict>, std::shared_ptr<LateList>, Function>
      is = None{};

  Item() = default;
  template <class T>
  requires(!std::same_as<std::decay_t<T>, Item>) Item(T value) : is(std::move(value)) {}  // NOLINT
  Item(int64_t value) : is(Dim(value)) {}                                                 // NOLINT
  Item(int value) : is(Dim(int64_t{value})) {}                                            // NOLINT

  template <class T>
  const T* as() const {
    return std::get_if<T>(&is);
  }
  bool is_none() const { return as<None>() != nullptr; }
  const std::vector<Item>* list() const {
    const auto* found = as<std::shared_ptr<List>>();
    return found == nullptr ? nullptr : &(*found)->items;
  }
};

struct Object {
  std::string type;  // "__torch__.torch.nn.modules.conv.Conv2d"
  std::string path;  // where it hangs in the network: "layer1.0.conv1"
  std::vector<std::pair<std::string, Item>> attributes;

  Item* find(std::string_view name);  // null: none
};

struct Dict {
  std::vector<std::pair<Item, Item>> entries;  // in the order of their coming

  Item* find(const Item& key);
};

/// Equal numbers, texts, Nones.
bool same_key(const Item& a, const Item& b);

Item list_of(std::vector<Item> items, bool is_tuple = false);
/// "a tensor", "a list of 3": for messages.
std::string kind_of(const Item& item);

/// How elements are numbered as c10::ScalarType does, and back; nullopt: Hone has no such type.
std::optional<DType> dtype_of_number(int64_t number);
std::optional<int64_t> number_of_dtype(DType dtype);

}  // namespace hone::pytorch
