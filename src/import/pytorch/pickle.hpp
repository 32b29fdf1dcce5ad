#pragma once
// What a pickle describes, without doing any of it: nothing is called, nothing is imported. An
// object that a pickle would make by a call is kept as the name of what would be called and its
// arguments. (Source: Python 3.11, Lib/pickletools.py.)

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone::pytorch {

struct Pickled {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,  ///< or bytes
    list,
    tuple,
    dict,        ///< items: a key, its value, the next key ...
    global,      ///< text: "torch.FloatStorage"
    object,      ///< items: what would be called, its arguments; entries set in it follow
    persistent,  ///< items: what stands for something outside of the pickle
  };
  Kind kind = Kind::none;
  int64_t integer = 0;  // of a boolean 0 or 1
  double real = 0;
  std::string text;
  std::vector<const Pickled*> items;
  const Pickled* state = nullptr;  // of an object

  bool is(Kind wanted) const { return kind == wanted; }
  /// Of a dict or an object with entries; null: none.
  const Pickled* find(std::string_view key) const;
  /// The name of what an object would be made by; "": it is none.
  std::string_view callee() const;
};

class Pickle {
 public:
  /// Error(invalid_model) naming what is damaged. Error(unsupported): an opcode that no file of
  /// weights needs.
  Pickle(std::span<const std::byte> bytes, std::string name);
  const Pickled& root() const { return *root_; }
  /// How many bytes the pickle has; others may follow.
  size_t size() const { return size_; }

 private:
  friend class PickleReader;
  std::deque<Pickled> values_;
  const Pickled* root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace hone::pytorch
