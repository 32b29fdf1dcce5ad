#include "ir/type.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace hone {
namespace {

constexpr int kTypeDepth = 16;  // sequences of optionals of ...: files nest at most two

std::string_view name(Type::Kind kind) {
  switch (kind) {
    case Type::Kind::none: return "no type";
    case Type::Kind::tensor: return "a tensor";
    case Type::Kind::sequence: return "a sequence";
    case Type::Kind::optional: return "an optional";
  }
  return "a damaged type";
}

int depth(const Type& type) {
  int levels = 0;
  for (const Type* at = &type; !at->is_none() && !at->is_tensor(); at = &at->element()) ++levels;
  return levels;
}

void check_depth(const Type& element) {
  check(depth(element) < kTypeDepth, Code::unsupported, "a type nested more than ", kTypeDepth,
        " deep");
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// "[*]" or "[d,d,...]".
std::optional<TensorType> parse_shape(DType dtype, std::string_view& text) {
  if (!take(text, "[")) return std::nullopt;
  if (take(text, "*]")) return TensorType{dtype, std::nullopt};
  Dims dims;
  if (take(text, "]")) return TensorType{dtype, std::move(dims)};
  do {
    while (take(text, " ")) continue;
    auto dim = parse_dim(text);
    if (!dim || dim->constant().value_or(0) < 0) return std::nullopt;
    dims.push_back(*std::move(dim));
  } while (take(text, ","));
  if (!take(text, "]")) return std::nullopt;
  return TensorType{dtype, std::move(dims)};
}

std::optional<Type> parse_type(std::string_view& text, int levels) {
  if (take(text, "?")) return Type();
  for (const bool sequence : {true, false}) {
    if (!take(text, sequence ? "seq(" : "opt(")) continue;
    if (levels == 0) return std::nullopt;
    auto element = parse_type(text, levels - 1);
    if (!element || !take(text, ")")) return std::nullopt;
    return sequence ? Type::sequence(*std::move(element)) : Type::optional(*std::move(element));
  }
  const auto dtype = parse_dtype(text.substr(0, text.find('[')));
  if (!dtype) return std::nullopt;
  text.remove_prefix(std::min(text.find('['), text.size()));
  auto tensor = parse_shape(*dtype, text);
  if (!tensor) return std::nullopt;
  return Type(*std::move(tensor));
}

}  // namespace

const Dims& TensorType::shape() const {
  check(dims.has_value(), Code::internal, "the rank of a ", dtype, " tensor is not known");
  return *dims;
}

std::optional<std::vector<int64_t>> TensorType::concrete() const {
  if (!dims) return std::nullopt;
  std::vector<int64_t> sizes;
  sizes.reserve(dims->size());
  for (const Dim& dim : *dims) {
    if (!dim.is_constant()) return std::nullopt;
    sizes.push_back(*dim.constant());
  }
  return sizes;
}

Type Type::sequence(Type element) {
  check_depth(element);
  Type type;
  type.kind_ = Kind::sequence;
  type.element_ = std::make_shared<const Type>(std::move(element));
  return type;
}

Type Type::optional(Type element) {
  Type type = sequence(std::move(element));
  type.kind_ = Kind::optional;
  return type;
}

const TensorType& Type::tensor() const {
  check(is_tensor(), Code::internal, "a tensor was wanted, found ", name(kind_));
  return tensor_;
}

const Type& Type::element() const {
  check(element_ != nullptr, Code::internal, "a sequence or optional was wanted, found ",
        name(kind_));
  return *element_;
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_) return false;
  if (a.is_none()) return true;
  if (a.is_tensor()) return a.tensor_ == b.tensor_;
  return a.element_ == b.element_ || *a.element_ == *b.element_;
}

std::optional<Type> join(const Type& a, const Type& b) {
  if (a == b) return a;
  if (a.kind() != b.kind() || a.is_none()) return std::nullopt;
  if (a.is_tensor()) {
    if (a.tensor().dtype != b.tensor().dtype) return std::nullopt;
    return Type::unranked(a.tensor().dtype);
  }
  auto element = join(a.element(), b.element());
  if (!element) return std::nullopt;
  return a.kind() == Type::Kind::sequence ? Type::sequence(*std::move(element))
                                          : Type::optional(*std::move(element));
}

Type without_symbols(const Type& type) {
  if (type.is_none()) return type;
  if (type.is_tensor())
    return type.tensor().concrete() ? type : Type::unranked(type.tensor().dtype);
  Type element = without_symbols(type.element());
  return type.kind() == Type::Kind::sequence ? Type::sequence(std::move(element))
                                             : Type::optional(std::move(element));
}

void append(std::string& out, const TensorType& type) {
  append(out, type.dtype);
  if (!type.dims) {
    out += "[*]";
    return;
  }
  out += '[';
  out += join(*type.dims, ",");
  out += ']';
}

void append(std::string& out, const Type& type) {
  if (type.is_none()) {
    out += '?';
  } else if (type.is_tensor()) {
    append(out, type.tensor());
  } else {
    out += type.kind() == Type::Kind::sequence ? "seq(" : "opt(";
    append(out, type.element());
    out += ')';
  }
}

std::optional<Type> parse_type(std::string_view& text) { return parse_type(text, kTypeDepth); }

Type substitute(const Type& type,
                const std::function<std::optional<Dim>(std::string_view)>& replacement) {
  if (type.is_none()) return type;
  if (!type.is_tensor()) {
    Type element = substitute(type.element(), replacement);
    return type.kind() == Type::Kind::sequence ? Type::sequence(std::move(element))
                                               : Type::optional(std::move(element));
  }
  TensorType tensor = type.tensor();
  if (tensor.dims)
    for (Dim& dim : *tensor.dims) dim = dim.substitute(replacement);
  return tensor;
}

void collect_symbols(const Type& type, std::set<std::string, std::less<>>& names) {
  if (type.is_none()) return;
  if (!type.is_tensor()) return collect_symbols(type.element(), names);
  if (const auto& dims = type.tensor().dims)
    for (const Dim& dim : *dims) dim.collect_symbols(names);
}

}  // namespace hone
