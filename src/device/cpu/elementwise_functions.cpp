// Elementwise ops of one operand that are functions of device/cpu/vector_functions.hpp where they
// are of f32 and the instruction set has these; else the op's own function of one element.

#include "device/cpu/double_rows.hpp"
#include "device/cpu/elementwise.hpp"
#include "device/cpu/scalar_rows.hpp"
#include "device/cpu/vector_functions.hpp"
#include "ops/activation.hpp"
#include "ops/math.hpp"

namespace hone::cpu {
namespace {

using Types = std::vector<DType>;

template <auto kFunction>
void map_vectors(const void*, const RowFunctions&, const Row& row) {
  (vector_functions()->*kFunction)(row.count, row.in<float>(0), row.out<float>());
}

void leaky(const void* op, const RowFunctions&, const Row& row) {
  vector_functions()->leaky(row.count, static_cast<const LeakyRelu*>(op)->alpha, row.in<float>(0),
                            row.out<float>());
}
void elu(const void* op, const RowFunctions&, const Row& row) {
  const float alpha = static_cast<const Elu*>(op)->alpha;
  vector_functions()->elu(row.count, 1, alpha, 1, row.in<float>(0), row.out<float>());
}
void selu(const void* op, const RowFunctions&, const Row& row) {
  const auto& fields = *static_cast<const Selu*>(op);
  vector_functions()->elu(row.count, fields.gamma, fields.gamma * fields.alpha, 1, row.in<float>(0),
                          row.out<float>());
}
void celu(const void* op, const RowFunctions&, const Row& row) {
  const float alpha = static_cast<const Celu*>(op)->alpha;
  vector_functions()->elu(row.count, 1, alpha, 1 / alpha, row.in<float>(0), row.out<float>());
}

template <class Op, RowFunction kVectors>
RowFunction function_of(const void* op, const Types& types, DType result) {
  bool fits = types[0] == DType::f32 && vector_functions() != nullptr;
  if constexpr (std::is_same_v<Op, Celu>) fits &= static_cast<const Celu*>(op)->alpha > 0;
  if constexpr (std::is_same_v<Op, Sqrt>)
    if (types[0] == DType::f64) return map_doubles<&DoubleFunctions::sqrt>;
  return fits ? kVectors : scalar_function<Op, double>(op, types, result);
}

/// `operations`: of an element, in vectors.
template <class Op, RowFunction kVectors>
void add(ElementwiseOps& ops, double operations) {
  ops[&op_class<Op>()] = {function_of<Op, kVectors>, operations};
}

}  // namespace

void add_functions(ElementwiseOps& ops) {
  using F = VectorFunctions;
  add<Log, map_vectors<&F::log>>(ops, 8), add<Softplus, map_vectors<&F::softplus>>(ops, 16);
  add<Sin, map_vectors<&F::sin>>(ops, 8), add<Cos, map_vectors<&F::cos>>(ops, 8);
  add<Tan, map_vectors<&F::tan>>(ops, 12), add<Atan, map_vectors<&F::atan>>(ops, 10);
  add<Asin, map_vectors<&F::asin>>(ops, 10), add<Acos, map_vectors<&F::acos>>(ops, 10);
  add<Sinh, map_vectors<&F::sinh>>(ops, 12), add<Cosh, map_vectors<&F::cosh>>(ops, 10);
  add<Asinh, map_vectors<&F::asinh>>(ops, 18), add<Acosh, map_vectors<&F::acosh>>(ops, 18);
  add<Atanh, map_vectors<&F::atanh>>(ops, 14), add<Softsign, map_vectors<&F::softsign>>(ops, 4);
  add<Sqrt, map_vectors<&F::sqrt>>(ops, 4), add<Reciprocal, map_vectors<&F::reciprocal>>(ops, 4);
  add<Floor, map_vectors<&F::floor>>(ops, 1), add<Ceil, map_vectors<&F::ceil>>(ops, 1);
  add<Round, map_vectors<&F::round>>(ops, 1), add<LeakyRelu, leaky>(ops, 2);
  add<Elu, elu>(ops, 8), add<Selu, selu>(ops, 8), add<Celu, celu>(ops, 8);
}

}  // namespace hone::cpu
