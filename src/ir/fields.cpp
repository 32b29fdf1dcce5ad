#include "ir/fields.hpp"

#include <algorithm>
#include <bit>

#include "base/text.hpp"
#include "ir/graph.hpp"
#include "ir/text/scanner.hpp"

namespace hone {
namespace {

constexpr std::string_view kNone = "none";  // an optional field that is not set, an empty tensor

// One pair of overloads for each type of field.

bool same(int64_t a, int64_t b) { return a == b; }
bool same(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }
bool same(bool a, bool b) { return a == b; }
bool same(DType a, DType b) { return a == b; }
bool same(const Type& a, const Type& b) { return a == b; }
bool same(const std::string& a, const std::string& b) { return a == b; }
bool same(const Dim& a, const Dim& b) { return a == b; }
bool same(const std::optional<int64_t>& a, const std::optional<int64_t>& b) { return a == b; }
bool same(const std::optional<Dims>& a, const std::optional<Dims>& b) { return a == b; }
bool same(const Tensor& a, const Tensor& b) {
  return a.empty() || b.empty() ? a.empty() == b.empty() : same_bits(a, b);
}
bool same(const Body& a, const Body& b) {
  return a == b || (a != nullptr && b != nullptr && same_structure(*a, *b));
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return same(x, y); });
}

Tensor scalar_of(float& place) {
  return Tensor::borrow_mutable(DType::f32, {}, std::as_writable_bytes(std::span(&place, 1)),
                                nullptr);
}

void write(std::string& out, int64_t value) { append(out, value); }
void write(std::string& out, bool value) { append(out, value); }
void write(std::string& out, DType value) { append(out, value); }
void write(std::string& out, const Type& value) {
  if (value.is_none()) out += kNone;
  else append(out, value);
}
void write(std::string& out, const Dim& value) { append(out, value); }
void write(std::string& out, float value) {
  const size_t start = out.size();
  append_literal(out, scalar_of(value));  // f32{...}: NaN shows its bits
  out.erase(start, std::string_view("f32{").size());
  out.pop_back();
}
void write(std::string& out, const std::string& value) { append_name(out, value); }
void write(std::string& out, const Tensor& value) {
  if (value.empty()) out += kNone;
  else append_literal(out, value);
}
void write(std::string& out, const Body& value) {
  if (value == nullptr) out += kNone;
  else append(out, "graph");
}
template <class T>
void write(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    write(out, values[i]);
  }
  out += ']';
}
template <class T>
void write(std::string& out, const std::optional<T>& value) {
  if (value) write(out, *value);
  else out += kNone;
}

bool read(std::string_view& text, int64_t& value) {
  const auto read = parse_int(take_token(text));
  if (read) value = *read;
  return read.has_value();
}
bool read(std::string_view& text, float& value) {
  const std::string literal = cat("f32{", take_token(text), "}");
  std::string_view rest = literal;
  const auto read = parse_literal(rest);
  if (read) value = read->at<float>(0);
  return read.has_value();
}
bool read(std::string_view& text, bool& value) {
  const auto token = take_token(text);
  value = token == "true";
  return value || token == "false";
}
bool read(std::string_view& text, DType& value) {
  const auto read = parse_dtype(take_token(text));
  if (read) value = *read;
  return read.has_value();
}
bool read(std::string_view& text, std::string& value) {
  skip_spaces(text);
  if (!text.starts_with('"')) {
    value = take_token(text);
    return !value.empty() && std::all_of(value.begin(), value.end(), is_name_char);
  }
  auto read = parse_quoted(text);
  if (read) value = std::move(*read);
  return read.has_value();
}
bool read(std::string_view& text, Dim& value) {
  skip_spaces(text);
  auto read = parse_dim(text);
  if (read) value = std::move(*read);
  return read.has_value();
}
bool take_none(std::string_view& text) {
  skip_spaces(text);
  if (text.substr(0, text.find_first_of(" ,])}")) != kNone) return false;
  text.remove_prefix(kNone.size());
  return true;
}
bool read(std::string_view& text, Type& value) {
  if (take_none(text)) {
    value = Type();
    return true;
  }
  auto read = parse_type(text);
  if (read) value = *std::move(read);
  return read.has_value();
}
bool read(std::string_view& text, Tensor& value) {
  if (take_none(text)) {
    value = Tensor();
    return true;
  }
  auto read = parse_literal(text);
  if (read) value = std::move(*read);
  return read.has_value();
}
bool read(std::string_view&, Body&) { return false; }  // a block of lines: ir/text/parse.cpp
template <class T>
bool read(std::string_view& text, std::vector<T>& values) {
  values.clear();
  if (!take(text, '[')) return false;
  while (!take(text, ']')) {
    if (!values.empty() && !take(text, ',')) return false;
    T value{};
    if (!read(text, value)) return false;
    values.push_back(std::move(value));
  }
  return true;
}
template <class T>
bool read(std::string_view& text, std::optional<T>& value) {
  value.reset();
  return take_none(text) || read(text, value.emplace());
}

}  // namespace

bool equal(const FieldRef& a, const FieldRef& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&]<class T>(const T& place) {
        if constexpr (std::is_same_v<T, EnumField>)
          return *place.value == *std::get<EnumField>(b).value;
        else return same(*place, *std::get<T>(b));
      },
      a);
}

void append_field(std::string& out, const FieldRef& field) {
  std::visit(
      [&]<class T>(const T& place) {
        if constexpr (std::is_same_v<T, EnumField>) {
          check(*place.value < place.names.size(), Code::internal, "an enum field has value ",
                *place.value, ", wanted less than ", place.names.size());
          out += place.names[*place.value];
        } else {
          write(out, *place);
        }
      },
      field);
}

bool parse_field(std::string_view& text, const FieldRef& field) {
  return std::visit(
      [&]<class T>(const T& place) {
        if constexpr (std::is_same_v<T, EnumField>) {
          const auto token = take_token(text);
          const auto found = std::find(place.names.begin(), place.names.end(), token);
          if (found == place.names.end()) return false;
          *place.value = static_cast<uint8_t>(found - place.names.begin());
          return true;
        } else {
          return read(text, *place);
        }
      },
      field);
}

void collect_symbols(const FieldList& fields, std::set<std::string, std::less<>>& names) {
  for (const Field& field : fields.list()) {
    if (const auto* dim = std::get_if<Dim*>(&field.ref)) (*dim)->collect_symbols(names);
    if (const auto* type = std::get_if<Type*>(&field.ref)) collect_symbols(**type, names);
    const auto* dims = std::get_if<std::optional<Dims>*>(&field.ref);
    if (dims == nullptr || !**dims) continue;
    for (const Dim& dim : ***dims) dim.collect_symbols(names);
  }
}

}  // namespace hone
