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
struct List {
  std::vector<Item> items;
  bool is_tuple = false;
};

struct Item {
  std::variant<None, bool, Dim, double, std::string, TensorRef, LateNumber, std::shared_ptr<List>>
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

Item list_of(std::vector<Item> items, bool is_tuple = false);
/// "a tensor", "a list of 3": for messages.
std::string kind_of(const Item& item);

/// How elements are numbered as c10::ScalarType does, and back; nullopt: Hone has no such type.
std::optional<DType> dtype_of_number(int64_t number);
std::optional<int64_t> number_of_dtype(DType dtype);

}  // namespace hone::pytorch
