// Shape ops in closed terms: index maps.

#include "ops/shape.hpp"
#include "ops/common/views.hpp"

namespace hone {

void Reshape::express(Expression& e) const { express_reshape(e); }
void Flatten::express(Expression& e) const { express_reshape(e); }
void Squeeze::express(Expression& e) const { express_reshape(e); }
void Unsqueeze::express(Expression& e) const { express_reshape(e); }
void Identity::express(Expression& e) const { e.set(0, e.here()); }
void EnsureShape::express(Expression& e) const { e.set(0, e.here()); }

void Expand::express(Expression& e) const {
  e.set(0, e.broadcast(0, static_cast<int>(e.result_shape().size())));
}

}  // namespace hone
