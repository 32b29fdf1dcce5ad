#include "ir/bodies/turns.hpp"

#include "base/size.hpp"
#include "ir/bodies/structural.hpp"

namespace hone {
namespace {

/// The body's own symbol for a size of a state that turns change.
class Varying {
 public:
  explicit Varying(const Inference& c) {
    for (int i = 0; i < c.inputs(); ++i)
      if (c.has(i)) collect_symbols(c.type(i), taken_);
  }
  Dim operator()(int state, size_t dim) const {
    std::string name = cat("state", state, "_d", dim);
    while (taken_.contains(name)) name += '_';
    return Dim::symbol(name);
  }

 private:
  std::set<std::string, std::less<>> taken_;
};

/// `start` with the sizes that an earlier inference found to change.
Type as_before(Type start, const Type& before, int state, const Varying& varying) {
  if (!start.is_tensor() || !start.tensor().has_rank()) return start;
  if (!before.is_tensor() || !before.tensor().has_rank() ||
      before.tensor().rank() != start.tensor().rank())
    return start;
  Dims dims = start.tensor().shape();
  for (size_t d = 0; d < dims.size(); ++d)
    if (before.tensor().shape()[d] == varying(state, d)) dims[d] = varying(state, d);
  return Type::tensor(start.tensor().dtype, std::move(dims));
}

/// What holds before a turn (`now`) and after it (`next`).
Type holds(const Inference& c, const Type& now, const Type& next, int state,
           const Varying& varying) {
  // What is in the optional at first may be handed on as it is.
  const bool unwrapped = now.kind() == Type::Kind::optional && next.kind() != Type::Kind::optional;
  const auto both = join(now, unwrapped ? Type::optional(next) : next);
  c.check(both.has_value(), "state ", state, " is ", now, ", the body makes ", next, " of it");
  if (!both->is_tensor()) return without_symbols(*both);
  if (!now.tensor().has_rank() || !next.tensor().has_rank() ||
      now.tensor().rank() != next.tensor().rank())
    return Type::unranked(now.tensor().dtype);
  Dims dims = now.tensor().shape();
  for (size_t d = 0; d < dims.size(); ++d)
    if (dims[d] != next.tensor().shape()[d]) dims[d] = varying(state, d);
  return Type::tensor(now.tensor().dtype, std::move(dims));
}

/// What any state of this dtype fits.
Type of_open_sizes(const Type& type) {
  if (type.is_tensor()) return Type::unranked(type.tensor().dtype);
  const Type element = of_open_sizes(type.element());
  return type.kind() == Type::Kind::sequence ? Type::sequence(element) : Type::optional(element);
}

/// Rounds, and nodes in all of them, that are inferred for the sake of exact types. A change moves
/// on by one state a round, so a body that hands its states around takes a round for each.
constexpr int kExactRounds = 16;
constexpr size_t kExactNodes = 100'000;

}  // namespace

void infer_states(Inference& c, const Body& body, BodyInference& inner, const States& states) {
  const Varying varying(c);
  std::vector<Type> types;
  for (int i = 0; i < states.count; ++i) {
    const size_t input = states.first_input + static_cast<size_t>(i);
    types.push_back(as_before(inner.inside(c.type(states.first_operand + i), input),
                              body->inputs()[input]->type, i, varying));
  }
  size_t inferred = 0;
  bool settled = false;
  for (int round = 0; !settled; ++round) {
    if (round >= kExactRounds && inferred > kExactNodes)
      for (Type& type : types) type = of_open_sizes(type);
    inferred += types.size() + body->nodes().size();
    for (size_t i = 0; i < types.size(); ++i) inner.set_input(states.first_input + i, types[i]);
    inner.infer();
    settled = true;
    for (int i = 0; i < states.count; ++i) {
      Type& type = types[static_cast<size_t>(i)];
      Type both =
          holds(c, type, inner.output(states.first_output + static_cast<size_t>(i)), i, varying);
      settled &= both == type;
      type = std::move(both);
    }
  }
  for (int i = 0; i < states.count; ++i) {
    const Type& type = types[static_cast<size_t>(i)];
    if (!type.is_tensor() || !type.tensor().has_rank()) {
      c.set(i, type);
      continue;
    }
    Dims dims = c.tensor(states.first_operand + i).shape();
    for (size_t d = 0; d < dims.size(); ++d)
      if (type.tensor().shape()[d] == varying(i, d)) dims[d] = c.fresh(i, static_cast<int>(d));
    c.set(i, type.tensor().dtype, std::move(dims));
  }
}

Type stacked(Inference& c, int output, const Type& slice, const BodyInference& inner, int64_t axis,
             const Dim& turns) {
  c.check(slice.is_tensor(), "a turn adds ", slice, " to result ", output, ", wanted a tensor");
  if (!slice.tensor().has_rank()) return Type::unranked(slice.tensor().dtype);
  const int along = c.axis(axis, slice.tensor().rank() + 1);
  Dims dims;
  for (const Dim& size : slice.tensor().shape()) {
    const auto place = static_cast<int>(dims.size());
    dims.push_back(inner.translate(size).value_or(c.fresh(output, place + (place >= along))));
  }
  dims.insert(dims.begin() + along, turns);
  return Type::tensor(slice.tensor().dtype, std::move(dims));
}

namespace {

/// Elements before and behind axis `axis` of a shape: product of the sizes.
int64_t elements(const std::vector<int64_t>& shape, size_t from, size_t to) {
  int64_t count = 1;
  for (size_t i = from; i < to; ++i) count = checked_mul(count, shape[i]);
  return count;
}

}  // namespace

void Slices::give(Evaluation& c, int output, int64_t axis, bool backwards) const {
  const Value* value = c.node().output(static_cast<size_t>(output));
  if (value == nullptr) return;
  if (slices_.empty()) {
    std::vector<int64_t> shape{0};
    if (value->type.tensor().has_rank()) {
      shape.clear();
      for (const Dim& dim : value->type.tensor().shape())
        shape.push_back(dim.evaluate(c.symbols()).value_or(0));
      shape[static_cast<size_t>(c.axis(axis, static_cast<int>(shape.size())))] = 0;
    }
    c.output(output, value->type.tensor().dtype, shape);
    return;
  }
  const Tensor& first = slices_.front();
  c.check(first.is_tensor() && first.dtype() != DType::string, "a turn adds ", describe(first),
          " to result ", output, ", wanted a dense tensor");
  for (size_t turn = 1; turn < slices_.size(); ++turn) {
    const Tensor& slice = slices_[turn];
    c.check(slice.is_tensor() && slice.dtype() == first.dtype() && slice.shape() == first.shape(),
            "turn ", turn, " adds ", describe(slice), " to result ", output, ", the first one ",
            describe(first));
  }
  std::vector<int64_t> shape = first.shape();
  const auto along = static_cast<size_t>(c.axis(axis, first.rank() + 1));
  const auto turns = static_cast<int64_t>(slices_.size());
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(along), turns);
  Tensor& to = c.output(output, first.dtype(), shape);
  if (to.count() == 0) return;
  const int64_t outer = elements(shape, 0, along);
  const int64_t inner = elements(shape, along + 1, shape.size());
  for (int64_t turn = 0; turn < turns; ++turn) {
    const Tensor& slice = slices_[static_cast<size_t>(turn)];
    const int64_t place = backwards ? turns - 1 - turn : turn;
    for (int64_t row = 0; row < outer; ++row)
      copy_elements(to.dtype(), slice.bytes().data(), row * inner, inner, to.mutable_bytes().data(),
                    (row * turns + place) * inner);
  }
}

Tensor one_element(const Type& type, int64_t value) {
  const TensorType& tensor = type.tensor();
  const bool scalar = !tensor.has_rank() || tensor.rank() == 0;
  Tensor made(tensor.dtype, scalar ? std::vector<int64_t>() : std::vector<int64_t>{1});
  made.set_integer(0, value);
  return made;
}

Tensor slice_of(const Tensor& x, int axis, int64_t index) {
  const auto along = static_cast<size_t>(axis);
  std::vector<int64_t> shape = x.shape();
  const int64_t outer = elements(shape, 0, along), size = shape[along];
  const int64_t inner = elements(shape, along + 1, shape.size());
  shape.erase(shape.begin() + axis);
  Tensor slice(x.dtype(), shape);
  if (slice.count() == 0) return slice;
  for (int64_t row = 0; row < outer; ++row)
    copy_elements(x.dtype(), x.bytes().data(), (row * size + index) * inner, inner,
                  slice.mutable_bytes().data(), row * inner);
  return slice;
}

}  // namespace hone
