#include "device/cuda/emit/instructions.hpp"

namespace hone::cuda::emitter {

double instructions_of(const Expr& stage) {
  constexpr double kStore = 8, kFew = 4, kUnit = 10, kErf = 18, kSeveral = 24;
  double all = kStore;
  visit(stage, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::call) return;
    switch (expr.function()) {
      case Function::add:
      case Function::sub:
      case Function::mul:
      case Function::min:
      case Function::max:
      case Function::negate:
      case Function::absolute: all += 1; break;
      case Function::exp:
      case Function::sqrt:
      case Function::div: all += kUnit; break;
      case Function::erf: all += kErf; break;
      case Function::equal:
      case Function::less:
      case Function::less_equal:
      case Function::select: all += kFew; break;
      default: all += kSeveral;
    }
  });
  return all;
}

}  // namespace hone::cuda::emitter
