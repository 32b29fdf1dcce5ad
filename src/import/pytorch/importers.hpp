#pragma once
// The table of functions that import operators, by overload. An overload is told as
//
//   "conv1d(T input, T weight, T? bias=None, i[1] stride=1, i groups=1)"
//   "conv1d.padding(T input, T weight, T? bias=None, i[1] stride=1, t padding=\"valid\")"
//
// T: a tensor, i: an int, f: a float, s: a number of any kind, b: a bool, t: a text, a: anything;
// behind it [] for a list ([2]: one number may stand for two), ? for what may be None. Element
// types, layouts and memory formats are ints, devices texts. Names without "ns::" are ATen's.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "import/pytorch/item.hpp"

namespace hone::pytorch {

class Call;

struct Parameter {
  std::string name;
  char kind = 'a';
  bool is_list = false, may_be_none = false;
  std::optional<Item> otherwise;  // its default
};

struct Overload {
  using Import = void (*)(Call&);
  /// Of a result that is a view: the base's contents once the view's became `written`. The call is
  /// the one that made the view.
  using WriteBack = Value* (*)(Call&, Value* written, size_t result);

  std::string name;          // "aten::conv1d"
  std::string variant = {};  // "padding"; "": the default one
  std::vector<Parameter> parameters = {};
  Import import = nullptr;
  bool is_view = false;            // results show what the first argument is
  WriteBack write_back = nullptr;  // null: it cannot be written through
  bool quantizes = false;          // says itself how its results are quantized

  std::string full_name() const;  // "aten::conv1d.padding"
};

class Importers {
 public:
  void add(std::string_view overload, Overload::Import import);
  void add_view(std::string_view overload, Overload::Import import,
                Overload::WriteBack write_back = nullptr);
  /// Several overloads, one to each text.
  void add(std::initializer_list<std::string_view> overloads, Overload::Import import);
  /// One that says itself how its results are quantized.
  void add_quantizing(std::string_view overload, Overload::Import import);
  /// What does it where arguments are complex, for all overloads of one of ATen's names: "view".
  void add_complex(std::string_view name, Overload::Import import);

  /// All overloads of a name, in the order of their coming; null: none.
  const std::vector<Overload>* find(std::string_view name) const;
  /// One overload ("": the default one); null: none.
  const Overload* find(std::string_view name, std::string_view variant) const;
  Overload::Import find_complex(std::string_view name) const;  // null: none
  std::vector<std::string_view> names() const;                 // "aten::add", sorted
  std::vector<std::string> overload_names() const;             // "aten::add.Tensor", sorted

 private:
  Overload& insert(std::string_view text);

  std::map<std::string, std::vector<Overload>, std::less<>> overloads_;
  std::map<std::string, Overload::Import, std::less<>> complex_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);
const Importers& all_importers();

/// A name that ends in _ writes its result into its first argument ("relu_" does as "relu" does);
/// the name without it, "": it is none such.
std::string_view out_of_place(std::string_view name);

}  // namespace hone::pytorch
