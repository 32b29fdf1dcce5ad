#include "ops/arithmetic.hpp"

#include "ir/op_class.hpp"

namespace hone {
namespace {

/// floor(a / b) is a / b truncated where a >= 0 and b > 0; where b divides a, always.
std::optional<Dim> truncated_quotient(const Dim& a, const Dim& b, const Ranges& ranges) {
  if (a.is_constant() && b.is_constant()) return Dim(Div{}.of(*a.constant(), *b.constant()));
  if (std::optional<Dim> exact = exact_div(a, b)) return exact;
  if (b.bounds(ranges).low < 1) return std::nullopt;
  if (a.bounds(ranges).low >= 0) return floor_div(a, b);
  if (a.bounds(ranges).high <= 0) return Dim(0) - floor_div(Dim(0) - a, b);
  return std::nullopt;
}

uint64_t integer_power(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1, base *= base)
    if ((exponent & 1) != 0) result *= base;
  return result;
}

int64_t integer_power(int64_t base, int64_t exponent, bool signed_exponent) {
  if (signed_exponent && exponent < 0) {
    if (base == 1) return 1;
    return base == -1 ? ((exponent & 1) != 0 ? -1 : 1) : 0;
  }
  return static_cast<int64_t>(
      integer_power(static_cast<uint64_t>(base), static_cast<uint64_t>(exponent)));
}

}  // namespace

void Add::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> { return *d[0] + *d[1]; });
}

void Sub::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> { return *d[0] - *d[1]; });
}

void Mul::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) -> std::optional<Dim> { return *d[0] * *d[1]; });
}

void Div::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference& known) {
    return truncated_quotient(*d[0], *d[1], known.ranges());
  });
}

void Mod::dims(Inference& c) const {
  // Both kinds agree where nothing is negative.
  known_broadcast(c, [](auto d, const Inference& known) -> std::optional<Dim> {
    if (d[0]->bounds(known.ranges()).low < 0 || d[1]->bounds(known.ranges()).low < 1)
      return std::nullopt;
    return mod(*d[0], *d[1]);
  });
}

void Pow::infer(Inference& c) const {
  const DType type = check_elements(c, Elements::numbers, 0, 0);
  check_elements(c, Elements::numbers, 1, 1);
  infer_broadcast(c, type);
}

void Pow::eval(Evaluation& c) const {
  const Tensor &base = c.input(0), &exponent = c.input(1);
  const Sizes shape = broadcast_shape(c, 0, 2);
  Tensor& out = c.output(0, base.dtype(), shape);
  const StridedWalk walk = broadcast_walk(shape, std::array{base.shape(), exponent.shape()});
  if (is_float(base.dtype()) || is_float(exponent.dtype())) {
    map_elements<double, 2>(out, {&base, &exponent}, walk,
                            [](double a, double b) { return std::pow(a, b); });
    return;
  }
  const bool is_signed_exponent = is_signed(exponent.dtype());
  map_elements<int64_t, 2>(out, {&base, &exponent}, walk, [=](int64_t a, int64_t b) {
    return integer_power(a, b, is_signed_exponent);
  });
}

template <class T>
void Variadic<T>::eval(Evaluation& c) const {
  constexpr bool kFinishes = requires { T::finish(0.0, 1); };
  const int n = c.inputs();
  std::vector<Sizes> shapes;
  for (int k = 0; k < n; ++k) shapes.push_back(c.input(k).shape());
  const Sizes shape = broadcast_shape(c, 0, n);
  Tensor& out = c.output(0, c.input(0).dtype(), shape);
  const StridedWalk walk = broadcast_walk(shape, shapes);
  with_domain(out.dtype(), [&]<class D>(D) {
    std::array<D, kRow> sum, row;
    walk.runs([&](int64_t at, int64_t count, const int64_t* offsets, const int64_t* steps) {
      for (int64_t done = 0; done < count; done += kRow) {
        const int64_t now = std::min(kRow, count - done);
        for (int k = 0; k < n; ++k) {
          D* into = k == 0 ? sum.data() : row.data();
          load_row(c.input(k), offsets[k] + done * steps[k], steps[k], now, into);
          if (k == 0) continue;
          for (size_t i = 0; i < static_cast<size_t>(now); ++i) sum[i] = T::join(sum[i], row[i]);
        }
        if constexpr (kFinishes) {
          if constexpr (std::is_floating_point_v<D>)
            for (size_t i = 0; i < static_cast<size_t>(now); ++i) sum[i] = T::finish(sum[i], n);
        }
        store_row(out, at + done, now, sum.data());
      }
    });
  });
}

template struct Variadic<Max>;
template struct Variadic<Min>;
template struct Variadic<Sum>;
template struct Variadic<Mean>;

void Max::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) {
    Dim result = *d[0];
    for (const Dim* dim : d.subspan(1)) result = max(result, *dim);
    return std::optional(result);
  });
}

void Min::dims(Inference& c) const {
  known_broadcast(c, [](auto d, const Inference&) {
    Dim result = *d[0];
    for (const Dim* dim : d.subspan(1)) result = min(result, *dim);
    return std::optional(result);
  });
}

void PRelu::infer(Inference& c) const {
  const DType type = check_elements(c, kElements, 0, 1);
  if (const TensorType& x = c.tensor(0), &slope = c.tensor(1); x.has_rank() && slope.has_rank()) {
    c.check(slope.rank() <= x.rank(), "slope ", slope, " has more dimensions than ", x);
    for (int i = 1; i <= slope.rank(); ++i) {
      const Dim& own = slope.shape()[static_cast<size_t>(slope.rank() - i)];
      c.broadcasts_to(own, x.shape()[static_cast<size_t>(x.rank() - i)]);
    }
  }
  infer_same_shape(c, type);
}

void PRelu::eval(Evaluation& c) const {
  const std::vector<int64_t>&x = c.input(0).shape(), &slope = c.input(1).shape();
  bool fits = slope.size() <= x.size();
  for (size_t i = 1; fits && i <= slope.size(); ++i)
    fits = slope[slope.size() - i] == 1 || slope[slope.size() - i] == x[x.size() - i];
  c.check(fits, "slope ", shape_text(slope), " does not broadcast to ", shape_text(x));
  Binary<PRelu>::eval(c);
}

void Pow::express(Expression& e) const {
  const int rank = static_cast<int>(e.result_shape().size());
  const Expr base = e.broadcast(0, rank), exponent = e.broadcast(1, rank);
  const DType type = base.dtype();
  if (type == exponent.dtype()) return e.set(0, call(Function::power, base, exponent));
  if (!is_float(type) && !is_float(exponent.dtype()))
    return e.decline("Pow of two integer types wraps in 64 bits");
  const Expr power =
      call(Function::power, Expr::cast(DType::f64, base), Expr::cast(DType::f64, exponent));
  e.set(0, Expr::cast(type, power));
}

void register_arithmetic(OpRegistry& registry) {
  registry.add<Add>(), registry.add<Sub>(), registry.add<Mul>(), registry.add<Div>();
  registry.add<Mod>(), registry.add<Pow>(), registry.add<PRelu>();
  registry.add<Max>(), registry.add<Min>(), registry.add<Sum>(), registry.add<Mean>();
}

}  // namespace hone
