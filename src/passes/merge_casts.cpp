// A cast of a cast is one where the type between holds every value.

#include "ops/cast.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Binary digits that the type's numbers may have: of integers without the sign.
int digits(DType type) {
  switch (type) {
    case DType::boolean: return 1;
    case DType::f16: return 11;
    case DType::bf16: return 8;
    case DType::f32: return 24;
    case DType::f64: return 53;
    default: return is_integer(type) ? bits(type) - (is_signed(type) ? 1 : 0) : 0;
  }
}

/// Every value of `from` is one of `to`.
bool holds(DType from, DType to) {
  if (from == to) return true;
  if (digits(from) == 0 || digits(to) == 0) return false;
  if (is_float(from)) {
    const bool wide = to == DType::f64 || (to == DType::f32 && from != DType::f64);
    return is_float(to) && wide;
  }
  if (to == DType::boolean) return false;
  // f16 has an exponent for 15 digits and a fraction of 11.
  if (is_float(to)) return digits(from) <= digits(to);
  return digits(from) <= digits(to) && (!is_signed(from) || is_signed(to));
}

}  // namespace

bool merge_casts(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (node.op.as<Cast>() == nullptr || options.keep(node)) continue;
    const Node* before = producer_of<Cast>(node.inputs[0]);
    if (before == nullptr || options.keep(*before)) continue;
    const auto from = dtype_of(before->inputs[0]), between = dtype_of(node.inputs[0]);
    if (!from || !between || !holds(*from, *between)) continue;
    node.origin = origins_of({before, &node});
    graph.set_input(&node, 0, before->inputs[0]);
    changed = true;
  }
  return changed;
}

}  // namespace hone
