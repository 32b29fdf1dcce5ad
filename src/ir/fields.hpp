#pragma once
// The fields of an op, named once: equality, hash, text and file forms derive from the list.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "ir/tensor.hpp"
#include "ir/type.hpp"

namespace hone {

class Graph;
using Body = std::shared_ptr<const Graph>;

/// One field: its name and a pointer to its place in the op's struct. The closed set of field
/// types:
///   int64_t, float, bool, string, DType, Type, an enum (text by names), Dim, Tensor (a literal
///   constant), vectors of int64_t, float and string, optional Dims (a parameter that may be an
///   operand instead), optional int64_t, a closed Body.
struct EnumField {
  uint8_t* value;                           // enums have uint8_t underneath
  std::span<const std::string_view> names;  // by value
};
using FieldRef =
    std::variant<int64_t*, float*, bool*, std::string*, DType*, Type*, EnumField, Dim*, Tensor*,
                 std::vector<int64_t>*, std::vector<float>*, std::vector<std::string>*,
                 std::optional<std::vector<Dim>>*, std::optional<int64_t>*, Body*>;
struct Field {
  std::string_view name;
  FieldRef ref;
};

/// Collects the fields of one op struct:
///   void fields(FieldList& f) const { f("pads", pads), f("auto_pad", auto_pad, kAutoPadNames); }
class FieldList {
 public:
  template <class T>
  FieldList& operator()(std::string_view name, const T& place) {
    fields_.push_back({name, FieldRef(const_cast<T*>(&place))});
    return *this;
  }
  /// An enum whose underlying type is uint8_t; `names` lives forever and has one entry per value.
  template <class E>
  requires std::is_enum_v<E> FieldList& operator()(std::string_view name, const E& place,
                                                   std::span<const std::string_view> names) {
    static_assert(std::is_same_v<std::underlying_type_t<E>, uint8_t>);
    fields_.push_back({name, EnumField{reinterpret_cast<uint8_t*>(const_cast<E*>(&place)), names}});
    return *this;
  }
  const std::vector<Field>& list() const& { return fields_; }
  void list() const&& = delete;  // the list of a temporary would dangle

 private:
  std::vector<Field> fields_;
};

/// Same text, so same meaning: floats by bits, bodies by structure.
bool equal(const FieldRef& a, const FieldRef& b);
/// Appends the field's text: 3, 1e-5, true, "linear" as linear, [1,2], f32[2]{1,2}. Bodies: see
/// ir/text/text.hpp.
void append_field(std::string& out, const FieldRef& field);
/// Reads what append_field wrote from the front of `text` into the place; false: not of this type.
bool parse_field(std::string_view& text, const FieldRef& field);

/// Literal text of a small tensor: f32{0.5}, i64[2]{1,-1}, str[1]{"a"}, f32[2,0]{}.
void append_literal(std::string& out, const Tensor& tensor);
std::optional<Tensor> parse_literal(std::string_view& text);
/// "quoted \"text\" with \\ \n \t \xNN escapes".
void append_quoted(std::string& out, std::string_view text);
std::optional<std::string> parse_quoted(std::string_view& text);

/// Dimensions named in an op's fields (parameters with symbols in them), for uses of symbols.
void collect_symbols(const FieldList& fields, std::set<std::string, std::less<>>& names);

}  // namespace hone
