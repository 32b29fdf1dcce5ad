#pragma once
// Types of values: tensors with symbolic dimensions, sequences and optionals of types.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.hpp"
#include "ir/dim/dim.hpp"

namespace hone {

using Dims = std::vector<Dim>;

/// Dimensions outermost first; nullopt: even the rank is unknown.
struct TensorType {
  DType dtype = DType::f32;
  std::optional<Dims> dims;

  bool has_rank() const { return dims.has_value(); }
  /// Error(internal) when the rank is unknown.
  const Dims& shape() const;
  int rank() const { return static_cast<int>(shape().size()); }
  /// The sizes when every dimension is a number.
  std::optional<std::vector<int64_t>> concrete() const;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

class Type {
 public:
  enum class Kind {
    none,  ///< not inferred yet
    tensor,
    sequence,  ///< of element()
    optional,  ///< of element()
  };

  Type() = default;
  Type(TensorType tensor) : kind_(Kind::tensor), tensor_(std::move(tensor)) {}  // NOLINT
  static Type tensor(DType dtype, Dims dims) { return TensorType{dtype, std::move(dims)}; }
  static Type unranked(DType dtype) { return TensorType{dtype, std::nullopt}; }
  static Type sequence(Type element);
  static Type optional(Type element);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_tensor() const { return kind_ == Kind::tensor; }
  /// Error(internal) when the type is of another kind.
  const TensorType& tensor() const;
  const Type& element() const;
  friend bool operator==(const Type& a, const Type& b);

 private:
  Kind kind_ = Kind::none;
  TensorType tensor_;
  std::shared_ptr<const Type> element_;
};

/// The type of what is of either type: sizes and ranks that differ are unknown. nullopt: of another
/// kind or dtype.
std::optional<Type> join(const Type& a, const Type& b);

/// The type with its tensors unranked where a size is no number: what holds of an element whose
/// sizes nothing defines.
Type without_symbols(const Type& type);

/// "f32[n,3,224,224]", "i64[]", "f32[*]", "seq(f32[*])", "opt(i64[])", "?" for none.
void append(std::string& out, const TensorType& type);
void append(std::string& out, const Type& type);
/// Reads what append wrote from the front of `text`, advancing it.
std::optional<Type> parse_type(std::string_view& text);

/// Every symbol of the type (of elements too) replaced as Dim::substitute does.
Type substitute(const Type& type,
                const std::function<std::optional<Dim>(std::string_view)>& replacement);
void collect_symbols(const Type& type, std::set<std::string, std::less<>>& names);

}  // namespace hone
