// Sizes computed in floats, as exporters trace int(length ** 0.5) or ceil(scale * size): import
// cannot tell them, folding can. What reads them, and what reads the sizes of the results.

#include <algorithm>

#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/resize.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "support/random_drawing.hpp"

namespace hone::test {
namespace {

using Numbers = std::vector<int64_t>;

/// Draws such nodes one behind the other; every step may be refused, then all behind it are.
class SizeChain {
 public:
  explicit SizeChain(Drawing& drawing)
      : drawing_(drawing), drawn_(drawing.drawn()), rng_(drawing.source().rng) {}

  void draw() {
    Value* x = recent(drawn_);
    // A size of 0 that is computed is a size to Reshape, the number 0 is not: folding tells them
    // apart no more.
    if (drawn_.of(x).rank() == 0 || drawn_.of(x).count() == 0) return;
    Value* y = rng_.percent(70) ? resized(x) : x;
    for (int64_t left = rng_.between(1, 3); y != nullptr && left > 0; --left) {
      Value* next = follower(y);
      if (next != nullptr && rng_.percent(50)) y = next;
    }
  }

 private:
  Value* add(Op op, std::vector<Value*> operands, size_t results = 1) {
    if (std::find(operands.begin(), operands.end(), nullptr) != operands.end()) return nullptr;
    return put(std::move(op), std::move(operands), results);
  }
  Value* put(Op op, std::vector<Value*> operands, size_t results = 1) {
    Node* node =
        drawing_.add(std::move(op), std::move(operands), std::vector<std::string>(results, "v"));
    return node == nullptr ? nullptr : node->output();
  }
  Value* add(std::string_view op, std::vector<Value*> operands, size_t results = 1) {
    return add(drawing_.op_named(op), std::move(operands), results);
  }
  Value* integers(const Numbers& numbers) {
    Tensor tensor(DType::i64, {std::ssize(numbers)});
    for (size_t i = 0; i < numbers.size(); ++i)
      tensor.set_integer(static_cast<int64_t>(i), numbers[i]);
    return drawn_.constant(std::move(tensor));
  }
  template <class F>
  Value* floats(const Numbers& numbers, F&& of) {
    Tensor tensor(DType::f32, {std::ssize(numbers)});
    for (size_t i = 0; i < numbers.size(); ++i)
      tensor.set_number(static_cast<int64_t>(i), of(static_cast<double>(numbers[i])));
    return drawn_.constant(std::move(tensor));
  }
  Value* scalar(DType type, double number) { return drawn_.constant(Tensor::scalar(type, number)); }
  Value* integer(Value* x) { return x == nullptr ? nullptr : add(Cast{DType::i64}, {x}); }

  /// The numbers, such that they are known once constants are folded, or never before running.
  Value* computed(const Numbers& numbers) {
    const bool square =
        std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n > 1; });
    switch (rng_.below(7)) {
      case 0: return integer(add("Ceil", {floats(numbers, [](double n) { return n - 0.25; })}));
      case 1:
        return integer(
            add("Floor", {add("Mul", {floats(numbers, [](double n) { return 2 * n + 1; }),
                                      scalar(DType::f32, 0.5)})}));
      case 2:
        if (square) return integer(add("Sqrt", {floats(numbers, [](double n) { return n * n; })}));
        return integer(floats(numbers, [](double n) { return n; }));
      case 3: return integer(floats(numbers, [](double n) { return n < 0 ? n - 0.5 : n + 0.5; }));
      case 4: return chosen(numbers);
      case 5: return repeated(numbers);
      default: return of_size(numbers);
    }
  }

  Value* chosen(const Numbers& numbers) {
    Tensor condition(DType::boolean, {std::ssize(numbers)});
    Numbers a = numbers, b = numbers;
    for (size_t i = 0; i < numbers.size(); ++i) {
      condition.set_integer(static_cast<int64_t>(i), rng_.below(2));
      (condition.integer(static_cast<int64_t>(i)) != 0 ? b : a)[i] += 1;
    }
    const auto same = [](double n) { return n; };
    return integer(
        add("Where", {drawn_.constant(std::move(condition)), floats(a, same), floats(b, same)}));
  }

  /// All alike but one, as repeat_interleave writes its repeats.
  Value* repeated(const Numbers& numbers) {
    const auto other = std::find_if(numbers.begin(), numbers.end(),
                                    [&](int64_t n) { return n != numbers.front(); });
    const int64_t place = other == numbers.end() ? 0 : other - numbers.begin();
    const int64_t rest = place == 0 ? numbers.back() : numbers.front();
    const int64_t own = other == numbers.end() ? numbers.front() : *other;
    for (int64_t i = 0; i < std::ssize(numbers); ++i)
      if (numbers[static_cast<size_t>(i)] != (i == place ? own : rest)) return integers(numbers);
    Value* hot =
        add("OneHot", {integers({place}), scalar(DType::i64, static_cast<double>(numbers.size())),
                       integers({rest, own})});
    return add(Reshape{}, {hot, integers({-1})});
  }

  /// By way of some value's size, which may be open.
  Value* of_size(const Numbers& numbers) {
    Value* from = recent(drawn_);
    const Tensor& contents = drawn_.of(from);
    if (contents.rank() == 0) return integers(numbers);
    const int64_t axis = rng_.below(contents.rank());
    const auto size = static_cast<double>(contents.dim(static_cast<int>(axis)));
    Value* length = add(Cast{DType::f32}, {size_of(from, axis)});
    return integer(
        add(rng_.percent(50) ? "Floor" : "Ceil",
            {add("Add", {length, floats(numbers, [&](double n) { return n - size; })})}));
  }

  /// One element.
  Value* size_of(Value* x, int64_t axis) {
    Value* shape = add(Shape{}, {x});
    if (rng_.percent(50)) return add(Gather{}, {shape, integers({axis})});
    Value* number = add(Gather{}, {shape, scalar(DType::i64, static_cast<double>(axis))});
    return add(Unsqueeze{}, {number, integers({0})});
  }

  /// x in other sizes, which are computed.
  Value* resized(Value* x) {
    const Numbers shape = drawn_.of(x).shape();
    const int64_t rank = std::ssize(shape), axis = rng_.below(rank);
    const int64_t size = shape[static_cast<size_t>(axis)];
    Numbers other = shape;
    switch (rng_.below(8)) {
      case 0: {
        Numbers pads(static_cast<size_t>(2 * rank), 0);
        for (int64_t& each : pads) each = rng_.percent(40) ? 1 : 0;
        return add("Pad", {x, computed(pads)});
      }
      case 1:
        return add(Slice{},
                   {x, integers({0}), computed({rng_.between(1, size)}), integers({axis})});
      case 2: {
        for (size_t i = 2; i < other.size(); ++i) other[i] += rng_.below(3);
        Value* sizes = computed(other);
        return sizes == nullptr ? nullptr : put(Resize{}, {x, nullptr, nullptr, sizes});
      }
      case 3:
        other.insert(other.begin(), rng_.between(1, 3));
        return add(Expand{}, {x, computed(other)});
      case 4: {
        Numbers repeats(shape.size(), 1);
        repeats[static_cast<size_t>(axis)] = rng_.between(1, 3);
        return add(Tile{}, {x, computed(repeats)});
      }
      case 5: return add("TopK", {x, computed({rng_.between(1, shape.back())})}, 2);
      case 6: {
        if (size < 2) return nullptr;
        const int64_t first = rng_.between(1, size - 1);
        return add(Split{.axis = axis}, {x, computed({first, size - first})}, 2);
      }
      default:
        if (rng_.percent(50)) std::rotate(other.begin(), other.begin() + axis, other.end());
        else other = {-1, shape.back()};
        return add(Reshape{}, {x, computed(other)});
    }
  }

  /// What reads y's sizes.
  Value* follower(Value* y) {
    const int64_t rank = drawn_.of(y).rank();
    if (rank == 0 || drawn_.of(y).count() == 0) return nullptr;
    const int64_t axis = rng_.below(rank), other = rng_.below(rank);
    Value* minus = integers({-1});
    switch (rng_.below(7)) {
      case 0: return add(Reshape{}, {y, add(Concat{0}, {size_of(y, axis), minus})});
      case 1: {
        Value* front = add(Slice{}, {add(Shape{}, {y}), integers({0}), integers({axis})});
        return add(Reshape{}, {y, add(Concat{0}, {front, minus})});
      }
      case 2: return add(Slice{}, {y, integers({0}), size_of(y, other), integers({axis})});
      case 3:
        return add(Expand{}, {drawn_.constant(drawn_.numbers(DType::f32, {1})),
                              add(Concat{0}, {size_of(y, axis), integers({rng_.between(1, 2)})})});
      case 4: return add("ConstantOfShape", {size_of(y, axis)});
      case 5: {
        Value* shape = add(Shape{}, {y});
        return add(
            "Add",
            {y, add(Expand{}, {drawn_.constant(drawn_.numbers(drawn_.of(y).dtype(), {})), shape})});
      }
      default: {
        Value* half = integer(add("Floor", {add("Mul", {add(Cast{DType::f32}, {size_of(y, axis)}),
                                                        scalar(DType::f32, 0.5)})}));
        return add(Slice{}, {y, half, integers({1 << 20}), integers({axis})});
      }
    }
  }

  Drawing& drawing_;
  DrawnGraph& drawn_;
  Rng& rng_;
};

}  // namespace

void add_size_chain(Drawing& drawing) {
  const auto& classes = drawing.source().classes;
  for (const std::string_view op :
       {"Add", "Ceil", "ConstantOfShape", "Floor", "Mul", "OneHot", "Pad", "Sqrt", "TopK", "Where"})
    if (std::none_of(classes.begin(), classes.end(),
                     [&](const OpClass* each) { return each->name == op; }))
      return;  // few ops are wanted
  SizeChain(drawing).draw();
}

}  // namespace hone::test
