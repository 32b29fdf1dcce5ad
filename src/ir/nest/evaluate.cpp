#include "ir/nest/evaluate.hpp"

#include <map>

#include "base/text.hpp"
#include "ir/stages/scalar.hpp"

namespace hone {
namespace {

/// A buffer's elements. Registers keep floats as they were computed; everything else rounds.
struct Storage {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  Tensor rounded;
  std::vector<Scalar> exact;   // of registers
  std::vector<bool> is_there;  // per element; empty: all of an input's

  Scalar get(int64_t i) const {
    if (!exact.empty()) return exact[static_cast<size_t>(i)];
    return is_float(dtype) ? Scalar{rounded.number(i), 0} : Scalar{0, rounded.integer(i)};
  }
  void set(int64_t i, Scalar value) {
    if (!is_there.empty()) is_there[static_cast<size_t>(i)] = true;
    if (!exact.empty()) exact[static_cast<size_t>(i)] = value;
    else if (is_float(dtype)) rounded.set_number(i, value.real);
    else rounded.set_integer(i, value.integer);
  }
};

class Interpreter {
 public:
  Interpreter(const Nest& nest, const Bindings& symbols) : nest_(nest), symbols_(symbols) {}

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    size_t next = 0;
    for (const NestBuffer& buffer : nest_.parameters) {
      if (buffer.scope == Scope::output) {
        allocate(buffer);
        continue;
      }
      check(next < inputs.size(), Code::internal, "nest ", nest_.name, ": no input ", buffer.name);
      const Tensor& input = inputs[next++];
      check(input.dtype() == buffer.dtype && input.shape() == sizes(buffer), Code::internal,
            "nest ", nest_.name, ": ", buffer.name, " is ", describe(input));
      storage_[buffer.name] = {buffer.dtype, input.shape(), input, {}, {}};
    }
    run(nest_.body);
    std::vector<Tensor> outputs;
    for (const NestBuffer& buffer : nest_.parameters) {
      if (buffer.scope != Scope::output) continue;
      Storage& storage = storage_[buffer.name];
      for (size_t i = 0; i < storage.is_there.size(); ++i)
        check(storage.is_there[i], Code::internal, "nest ", nest_.name, ": nothing wrote element ",
              i, " of ", buffer.name);
      outputs.push_back(std::move(storage.rounded));
    }
    return outputs;
  }

 private:
  int64_t value_of(const Dim& dim) const {
    const auto value = dim.evaluate(symbols_, variables_);
    check(value.has_value(), Code::internal, "nest ", nest_.name, ": ", dim, " cannot be computed");
    return *value;
  }

  std::vector<int64_t> sizes(const NestBuffer& buffer) const {
    std::vector<int64_t> shape;
    for (const Dim& size : buffer.shape) shape.push_back(value_of(size));
    return shape;
  }

  void allocate(const NestBuffer& buffer) {
    Storage storage{buffer.dtype, sizes(buffer), {}, {}, {}};
    storage.rounded = Tensor(buffer.dtype, storage.shape);
    const auto count = static_cast<size_t>(storage.rounded.count());
    if (buffer.scope == Scope::registers) storage.exact.resize(count);
    storage.is_there.resize(count);
    storage_[buffer.name] = std::move(storage);
  }

  void run(const Block& block) {
    for (const Statement& statement : block)
      std::visit([&](const auto& form) { this->run(form); }, statement.form);
  }

  void run(const Allocate& made) { allocate(made.buffer); }

  void run(const NestLoop& loop) {
    const int64_t turns = value_of(loop.extent);
    const bool backward = loop.mode == Mode::parallel || loop.mode == Mode::vector;
    for (int64_t i = 0; i < turns; ++i) {
      variables_[loop.variable] = backward ? turns - 1 - i : i;
      run(loop.body);
    }
    variables_.erase(loop.variable);
  }

  void run(const Store& store) {
    Storage& into = storage_.at(store.buffer);
    std::vector<int64_t> place;
    for (const Dim& dim : store.place) place.push_back(value_of(dim));
    const Scalar value = evaluate(store.value);
    const auto offset = offset_of(store.buffer, into, place);
    check(offset.has_value(), Code::internal, "nest ", nest_.name, ": ", store.buffer, "[",
          join(place, ", "), "] is written and lies outside of ", shape_text(into.shape));
    if (!store.fold) return into.set(*offset, value);
    into.set(*offset, combine(*store.fold, read(store.buffer, into, *offset), value, into.dtype));
  }

  void run(const BlockProduct& contract) {
    Storage& into = storage_.at(contract.into);
    each(contract.row, [&](int64_t row) {
      each(contract.column, [&](int64_t column) {
        const auto offset = offset_of(contract.into, into, {row, column});
        check(offset.has_value(), Code::internal, "nest ", nest_.name, ": a contraction leaves ",
              contract.into);
        each_depth(contract, 0, [&] {
          const Scalar product =
              combine(Function::mul, evaluate(contract.a), evaluate(contract.b), into.dtype);
          into.set(*offset,
                   combine(Function::add, read(contract.into, into, *offset), product, into.dtype));
        });
      });
    });
  }

  void each(const Axis& axis, const std::function<void(int64_t)>& turn) {
    const std::string name(*axis.variable.as_variable());
    const int64_t turns = value_of(axis.extent);
    for (int64_t i = 0; i < turns; ++i) {
      variables_[name] = i;
      turn(i);
    }
    variables_.erase(name);
  }

  void each_depth(const BlockProduct& contract, size_t axis, const std::function<void()>& turn) {
    if (axis == contract.depth.size()) return turn();
    each(contract.depth[axis], [&](int64_t) { each_depth(contract, axis + 1, turn); });
  }

  static std::optional<int64_t> offset_of(std::string_view name, const Storage& storage,
                                          const std::vector<int64_t>& place) {
    check(place.size() == storage.shape.size(), Code::internal, name, " has ", storage.shape.size(),
          " axes");
    int64_t offset = 0;
    for (size_t axis = 0; axis < place.size(); ++axis) {
      if (place[axis] < 0 || place[axis] >= storage.shape[axis]) return std::nullopt;
      offset = offset * storage.shape[axis] + place[axis];
    }
    return offset;
  }

  Scalar read(std::string_view name, const Storage& storage, int64_t offset) const {
    check(storage.is_there.empty() || storage.is_there[static_cast<size_t>(offset)], Code::internal,
          "nest ", nest_.name, ": element ", offset, " of ", name, " is read before it is written");
    return storage.get(offset);
  }

  Scalar load(const Expr& expr) {
    const std::string& name = std::get<BufferName>(expr.source()).text;
    const Storage& from = storage_.at(name);
    std::vector<int64_t> place;
    for (const Expr& index : expr.operands()) place.push_back(evaluate(index).integer);
    const auto offset = offset_of(name, from, place);
    if (offset) return read(name, from, *offset);
    check(expr.outside().has_value(), Code::internal, "nest ", nest_.name, ": ", name, "[",
          join(place, ", "), "] is read and lies outside of ", shape_text(from.shape));
    return {*expr.outside(), static_cast<int64_t>(*expr.outside())};
  }

  Scalar call(const Expr& expr) {
    const auto& operands = expr.operands();
    if (expr.function() == Function::select)
      return evaluate(operands[evaluate(operands[0]).integer != 0 ? 1 : 2]);
    const Scalar a = evaluate(operands[0]);
    const Scalar b = operands.size() > 1 ? evaluate(operands[1]) : Scalar{};
    return combine(expr.function(), a, b, operands[0].dtype());
  }

  Scalar evaluate(const Expr& expr) {
    switch (expr.kind()) {
      case Expr::Kind::number: return {expr.number(), expr.integer()};
      case Expr::Kind::index: return {0, value_of(expr.dim())};
      case Expr::Kind::load: return load(expr);
      case Expr::Kind::call: return call(expr);
      case Expr::Kind::cast: {
        const Expr& operand = expr.operands()[0];
        return cast(evaluate(operand), operand.dtype(), expr.dtype());
      }
      case Expr::Kind::reduce: break;
    }
    fail(Code::internal, "nest ", nest_.name, ": a reduction within an expression");
  }

  const Nest& nest_;
  const Bindings& symbols_;
  Bindings variables_;
  std::map<std::string, Storage, std::less<>> storage_;
};

}  // namespace

std::vector<Tensor> evaluate(const Nest& nest, const Bindings& symbols,
                             const std::vector<Tensor>& inputs) {
  return Interpreter(nest, symbols).run(inputs);
}

}  // namespace hone
