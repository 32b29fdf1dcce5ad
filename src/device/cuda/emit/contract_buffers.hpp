#pragma once
// The buffers of a product's text, and its expressions over them.

#include <map>
#include <string>
#include <vector>

#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/expr_text.hpp"

namespace hone::cuda::emitter {

/// Places of loops and axes, by variable.
using Indices = std::map<std::string, Dim, std::less<>>;

class ContractBuffers {
 public:
  explicit ContractBuffers(const Contraction& given);

  /// Over the text's buffers and variables; the sum is a register called "sum".
  Expr in_text(const Expr& expr, const Indices& at) const;
  /// Loops and axes as quotients and remainders of the variables z, m, n and k.
  Indices indices() const;
  /// Where the result's element is.
  Dims result_place(const Indices& at) const;
  const Place& result() const { return places.at(names.at(given_.stage->value)); }

  Places places;
  std::map<const Value*, std::string> names;
  std::vector<const Value*> parameters;  // inputs, then the result
  std::string declarations, tables;

 private:
  void add_parameter(const Value* value, DType dtype, const Dims& shape, bool is_input);
  void add_inputs(const Expr& expr);
  void add_table(const Value* value);

  const Contraction& given_;
};

/// The dim with variables at these places.
Dim at_places(const Dim& dim, const Indices& at);

}  // namespace hone::cuda::emitter
