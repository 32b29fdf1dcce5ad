#include "ops/compare.hpp"

#include "ir/op_class.hpp"

namespace hone {
namespace {

bool comparable(DType type) {
  return is_float(type) || is_integer(type) || type == DType::boolean || type == DType::string;
}

}  // namespace

void Equal::infer(Inference& c) const {
  const DType type = c.dtype(0);
  c.check(comparable(type), "operand 0 is ", type, ", wanted numbers, bool or strings");
  c.check(c.dtype(1) == type, "operands are ", type, " and ", c.dtype(1), ", wanted one type");
  infer_broadcast(c, DType::boolean);
}

void Equal::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference& known) -> std::optional<Dim> {
    if (const auto same = provably_equal(*d[0], *d[1], known.ranges())) return Dim(*same);
    return std::nullopt;
  });
}

void Equal::eval(Evaluation& c) const {
  if (c.input(0).dtype() != DType::string)
    return eval_broadcast<2>(c, DType::boolean, [](auto a, auto b) { return a == b; });
  const auto &a = c.input(0).strings(), &b = c.input(1).strings();
  const Sizes shape = broadcast_shape(c, 0, 2);
  Tensor& out = c.output(0, DType::boolean, shape);
  broadcast_walk(shape, std::array{c.input(0).shape(), c.input(1).shape()})
      .elements([&](int64_t at, const int64_t* from) {
        const bool same = a[static_cast<size_t>(from[0])] == b[static_cast<size_t>(from[1])];
        out.set_integer(at, same);
      });
}

void Where::infer(Inference& c) const {
  c.check(c.dtype(0) == DType::boolean, "the condition is ", c.dtype(0), ", wanted bool");
  c.check(c.dtype(1) == c.dtype(2), "operands are ", c.dtype(1), " and ", c.dtype(2),
          ", wanted one type");
  infer_broadcast(c, c.dtype(1));
}

void Where::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference& known) -> std::optional<Dim> {
    const std::optional<int64_t> condition = d[0]->constant();
    if (condition) return *condition != 0 ? *d[1] : *d[2];
    if (provably_equal(*d[1], *d[2], known.ranges()) == true) return *d[1];
    return std::nullopt;
  });
}

void Where::eval(Evaluation& c) const {
  const Tensor &condition = c.input(0), &x = c.input(1), &y = c.input(2);
  const Sizes shape = broadcast_shape(c, 0, 3);
  const StridedWalk walk =
      broadcast_walk(shape, std::array{condition.shape(), x.shape(), y.shape()});
  if (x.dtype() == DType::string) {
    std::vector<std::string> chosen;
    walk.elements([&](int64_t, const int64_t* from) {
      const bool first = condition.integer(from[0]) != 0;
      chosen.push_back(first ? x.strings()[static_cast<size_t>(from[1])]
                             : y.strings()[static_cast<size_t>(from[2])]);
    });
    return c.give(0, Tensor::of_strings(shape, std::move(chosen)));
  }
  Tensor& out = c.output(0, x.dtype(), shape);
  walk.elements([&](int64_t at, const int64_t* from) {
    const bool first = condition.integer(from[0]) != 0;
    const Tensor& chosen = first ? x : y;
    // Bits as they are, so that NaN payloads and both halves of complex numbers survive.
    copy_elements(out.dtype(), chosen.bytes().data(), from[first ? 1 : 2], 1,
                  out.mutable_bytes().data(), at);
  });
}

void Equal::express(Expression& e) const {
  const int rank = static_cast<int>(e.result_shape().size());
  e.set(0, call(Function::equal, e.broadcast(0, rank), e.broadcast(1, rank)));
}

void Where::express(Expression& e) const {
  const int rank = static_cast<int>(e.result_shape().size());
  e.set(0, select(e.broadcast(0, rank), e.broadcast(1, rank), e.broadcast(2, rank)));
}

void register_compare(OpRegistry& registry) {
  registry.add<Equal>(), registry.add<Greater>(), registry.add<GreaterOrEqual>();
  registry.add<Less>(), registry.add<LessOrEqual>(), registry.add<Where>();
}

}  // namespace hone
