#pragma once
// The sizes that a model leaves open: what the user says of them, what the tool assumes of the
// others, and how it tells so. Every figure that needs a number takes it from here.

#include <optional>
#include <set>
#include <string>

#include "ir/graph.hpp"

namespace hone::report {

using Symbols = std::set<std::string, std::less<>>;

/// 1 for a size that an input has first (a batch, most often), 64 for every other, within what the
/// model says of them; where it cannot run at these, the next power of two at which it can.
class OpenSizes {
 public:
  OpenSizes() = default;
  /// `given`: symbols that the user gave a size.
  OpenSizes(const Graph& graph, Bindings given);

  const Bindings& given() const { return given_; }
  /// Of each of these symbols: what was given, else what is assumed. `times`: the assumed ones so
  /// many times as large.
  Bindings of(const Symbols& names, int64_t times = 1) const;
  /// The same of all symbols of the inputs; and what is assumed of these.
  Bindings of_inputs() const { return of(inputs_); }
  const Bindings& assumed_of_inputs() const { return assumed_; }
  /// nullopt: it has no value at these sizes.
  std::optional<int64_t> value(const Dim& dim) const;
  /// " where n = 1, s = 64": what is assumed of these symbols; empty: nothing.
  std::string where(const Symbols& names) const;

 private:
  int64_t assumed(std::string_view name) const;

  Bindings given_, assumed_;  // assumed_: of symbols of inputs
  Symbols inputs_;
  int64_t other_ = 1;  // what is assumed of a symbol that no input has
};

/// "48.2 KiB", at the sizes; the expression where it has no value there; "nothing" for 0 and less.
std::string bytes_at(const Dim& bytes, const OpenSizes& sizes);

}  // namespace hone::report
