#include "passes/pointwise.hpp"

#include <unordered_set>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone {
namespace {

using Classes = std::unordered_set<const OpClass*>;

template <class... Ops>
Classes classes() {
  return {&op_class<Ops>()...};
}

}  // namespace

bool is_broadcasting(const Op& op) {
  static const Classes kClasses = classes<Add, Sub, Mul, Div, Mod, Pow, Max, Min, Sum, Mean, Equal,
                                          Greater, GreaterOrEqual, Less, LessOrEqual, Where, And,
                                          Or, Xor, BitwiseAnd, BitwiseOr, BitwiseXor, BitShift>();
  return kClasses.contains(&op.op_class());
}

bool is_unary(const Op& op) {
  static const Classes kClasses =
      classes<Relu, LeakyRelu, ThresholdedRelu, Elu, Selu, Celu, Sigmoid, HardSigmoid, HardSwish,
              Softplus, Softsign, Gelu, Mish, Swish, Shrink, Cast, Not, BitwiseNot, Abs, Neg, Sign,
              Exp, Log, Sqrt, Reciprocal, Erf, Floor, Ceil, Round, Sin, Cos, Tan, Asin, Acos, Atan,
              Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, IsNaN, IsInf>();
  return kClasses.contains(&op.op_class());
}

}  // namespace hone
