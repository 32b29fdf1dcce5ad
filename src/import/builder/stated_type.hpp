#pragma once
// Types as files state them.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/type.hpp"

namespace hone::builder {

/// Dimension names stay names; neither name nor value: not stated (or -1).
struct StatedDim {
  std::optional<int64_t> value;
  std::string_view name;
};
struct StatedType {
  Type::Kind kind = Type::Kind::none;
  DType dtype = DType::f32;
  std::optional<std::vector<StatedDim>> dims;  // of a tensor; nullopt: rank not stated
  std::vector<StatedType> element;             // one, of a sequence or optional
};

/// The type without symbols: a tensor whose sizes are not all stated as numbers is unranked.
/// Error(invalid_model): nothing is stated.
Type closed_type(const StatedType& stated);

using SymbolNames = std::set<std::string, std::less<>>;
void collect_names(const StatedType& type, SymbolNames& names);

/// The type of a main graph's input; sizes without a number become symbols. `symbols`: the names
/// that are taken.
class OpenType {
 public:
  OpenType(std::string_view input, SymbolNames& symbols) : input_(input), symbols_(symbols) {}
  Type of(const StatedType& stated);

 private:
  Dim fresh(size_t axis);

  std::string_view input_;
  SymbolNames& symbols_;
};

}  // namespace hone::builder
