#include "ops/logic.hpp"

#include "ir/op_class.hpp"

namespace hone {
namespace {

/// 1 or 0 where the contents of a bool are decided.
std::optional<bool> decided(const Dim& dim) {
  const std::optional<int64_t> value = dim.constant();
  if (!value) return std::nullopt;
  return *value != 0;
}

}  // namespace

void And::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> {
    const auto a = decided(*d[0]), b = decided(*d[1]);
    if (a && b) return Dim(*a && *b);
    return std::nullopt;
  });
}

void Or::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> {
    const auto a = decided(*d[0]), b = decided(*d[1]);
    if (a && b) return Dim(*a || *b);
    return std::nullopt;
  });
}

void Xor::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> {
    const auto a = decided(*d[0]), b = decided(*d[1]);
    if (a && b) return Dim(*a != *b);
    return std::nullopt;
  });
}

void Not::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> {
    if (const auto x = decided(*d[0])) return Dim(!*x);
    return std::nullopt;
  });
}

void BitShift::infer(Inference& c) const {
  infer_broadcast(c, check_elements(c, Elements::integers, 0, 1));
}

void BitShift::eval(Evaluation& c) const {
  const DType type = c.input(0).dtype();
  const auto width = static_cast<uint64_t>(bits(type));
  eval_broadcast<2, Elements::integers>(c, type, [=, this](auto a, auto b) {
    using D = decltype(a);
    const auto by = static_cast<uint64_t>(b);  // a negative number is a huge one
    if (by >= width) return static_cast<D>(direction == Direction::right && a < 0 ? -1 : 0);
    if (direction == Direction::right) return static_cast<D>(a >> by);
    return static_cast<D>(static_cast<uint64_t>(a) << by);
  });
}

void register_logic(OpRegistry& registry) {
  registry.add<And>(), registry.add<Or>(), registry.add<Xor>(), registry.add<Not>();
  registry.add<BitwiseAnd>(), registry.add<BitwiseOr>(), registry.add<BitwiseXor>();
  registry.add<BitwiseNot>(), registry.add<BitShift>();
}

}  // namespace hone
