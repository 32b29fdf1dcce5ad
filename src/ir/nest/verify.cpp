#include "ir/nest/verify.hpp"

#include <algorithm>
#include <bit>

#include "base/error.hpp"
#include "ir/nest/crossing.hpp"

namespace hone {
namespace {

/// What is written out must stay code that a cache of instructions holds.
constexpr int64_t kMostUnrolled = 64;
constexpr int kMostLanes = 64;

/// Known before the nest runs.
bool is_size(const Dim& dim) {
  std::set<std::string, std::less<>> variables;
  dim.collect_variables(variables);
  return variables.empty() && !dim.is_too_long();
}

bool folds(Function function) {
  constexpr Function kFolds[] = {Function::add, Function::mul,     Function::min,
                                 Function::max, Function::bit_and, Function::bit_or};
  return std::find(std::begin(kFolds), std::end(kFolds), function) != std::end(kFolds);
}

class Verifier {
 public:
  explicit Verifier(const Nest& nest) : nest_(nest), buffers_(buffers_of(nest)) {}

  void run() {
    for (const NestBuffer& buffer : nest_.parameters) {
      check(buffer.scope <= Scope::output, "parameter ", buffer.name, " has the scope ",
            name(buffer.scope));
      define(buffer);
      if (buffer.scope == Scope::input) filled_.insert(buffer.name);
    }
    block(nest_.body);
    const std::string meeting = first_meeting(nest_);
    check(meeting.empty(), meeting);
  }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      hone::fail(Code::internal, "nest ", nest_.name, ": ", cat(parts...));
  }

  void define(const NestBuffer& buffer) {
    check(names_.insert(buffer.name).second, "the name ", buffer.name, " is defined twice");
    check(buffer.dtype != DType::string && !is_complex(buffer.dtype), "buffer ", buffer.name,
          " has elements of ", buffer.dtype);
    for (const Dim& size : buffer.shape) {
      check(is_size(size), "buffer ", buffer.name, " has the size ", size);
      check(buffer.scope != Scope::registers || size.is_constant(), "registers ", buffer.name,
            " have the open size ", size);
    }
    check(buffer.strides.empty() || buffer.scope <= Scope::output, "buffer ", buffer.name,
          " has strides and is no parameter");
    check(buffer.strides.empty() || buffer.strides.size() == buffer.shape.size(), "buffer ",
          buffer.name, " has ", buffer.shape.size(), " axes and ", buffer.strides.size(),
          " strides");
    for (const Dim& stride : buffer.strides)
      check(is_size(stride), "buffer ", buffer.name, " has the stride ", stride);
    in_scope_.insert(buffer.name);
  }

  void block(const Block& block) {
    const auto outer = in_scope_;
    for (const Statement& statement : block)
      std::visit([&](const auto& form) { this->statement(form); }, statement.form);
    in_scope_ = outer;
  }

  void statement(const Allocate& made) {
    check(made.buffer.scope > Scope::output, "buffer ", made.buffer.name, " has the scope ",
          name(made.buffer.scope), " and is no parameter");
    define(made.buffer);
  }

  void define(const Axis& axis) {
    const auto variable = axis.variable.as_variable();
    check(variable.has_value(), axis.variable, " is no variable");
    dim(axis.extent);
    check(names_.insert(std::string(*variable)).second, "the name ", *variable,
          " is defined twice");
    around_.push_back(axis);
  }

  void statement(const NestLoop& loop) {
    const Around before = around_;
    define(Axis{Dim::variable(loop.variable), loop.extent});
    if (loop.mode == Mode::vector) vector(loop);
    if (loop.mode == Mode::unrolled) {
      const auto turns = most_turns(loop.extent, before);
      check(turns && *turns <= kMostUnrolled, "the unrolled loop $", loop.variable,
            " may have more than ", kMostUnrolled, " turns");
    }
    if (loop.mode == Mode::parallel) parallel(loop);
    modes_.push_back(&loop);
    block(loop.body);
    modes_.pop_back();
    around_ = before;
  }

  void vector(const NestLoop& loop) {
    check(std::has_single_bit(static_cast<unsigned>(loop.width)) && loop.width > 1 &&
              loop.width <= kMostLanes,
          "the vector loop $", loop.variable, " has ", loop.width, " lanes");
    for (const Statement& statement : loop.body)
      check(statement.as<NestLoop>() == nullptr && statement.as<BlockProduct>() == nullptr,
            "the vector loop $", loop.variable, " has a loop in it");
  }

  void parallel(const NestLoop& loop) {
    for (const NestLoop* outer : modes_)
      check(outer->mode == Mode::serial || outer->mode == Mode::parallel, "the parallel loop $",
            loop.variable, " is in the ", name(outer->mode), " loop $", outer->variable);
    for (const std::string& written : hone::written(loop)) {
      const auto found = buffers_.find(written);
      check(found == buffers_.end() || bits(found->second.dtype) >= 8,
            "turns of the parallel loop $", loop.variable, " share bytes of ", written);
    }
  }

  void dim(const Dim& dim) const {
    check(!dim.is_too_long(), "a place is too long to write");
    std::set<std::string, std::less<>> variables;
    dim.collect_variables(variables);
    for (const std::string& variable : variables)
      check(std::any_of(around_.begin(), around_.end(),
                        [&](const Axis& axis) { return axis.variable.as_variable() == variable; }),
            "$", variable, " stands where no loop around defines it");
  }

  const NestBuffer& buffer(std::string_view name) const {
    check(in_scope_.contains(name), "there is no buffer ", name, " here");
    return buffers_.find(name)->second;
  }

  /// Some element in some turn: else the loops around have none.
  void inside(const NestBuffer& buffer, size_t axis, const Dim& place) const {
    dim(place);
    if (any_loop_may_be_empty()) return;
    const bool is_outside =
        always_at_most(buffer.shape[axis], place, around_) || always_at_most(place, -1, around_);
    check(!is_outside, "place ", place, " of axis ", axis, " of ", buffer.name, " lies outside of ",
          buffer.shape[axis]);
  }

  bool any_loop_may_be_empty() const {
    Around before;
    for (const Axis& axis : around_) {
      if (!always_at_most(1, axis.extent, before)) return true;
      before.push_back(axis);
    }
    return false;
  }

  void rank(const NestBuffer& buffer, size_t places) const {
    check(places == buffer.shape.size(), buffer.name, " has ", buffer.shape.size(),
          " axes and is reached by ", places, " places");
  }

  void statement(const Store& store) {
    expr(store.value);
    const NestBuffer& into = buffer(store.buffer);
    check(into.scope != Scope::input, "the input ", store.buffer, " is written");
    rank(into, store.place.size());
    for (size_t axis = 0; axis < store.place.size(); ++axis) inside(into, axis, store.place[axis]);
    check(store.value.dtype() == into.dtype, store.buffer, " of ", into.dtype, " is given ",
          store.value.dtype());
    if (store.fold) {
      check(folds(*store.fold), "a store folds by ", name(*store.fold));
      check(filled_.contains(store.buffer), store.buffer,
            " is folded into before anything is in it");
    }
    filled_.insert(store.buffer);
  }

  void statement(const BlockProduct& contract) {
    const Around before = around_;
    const NestBuffer& into = buffer(contract.into);
    check(into.scope == Scope::registers && into.shape.size() == 2, "a contraction into ",
          contract.into, ", which is no block of registers");
    check(filled_.contains(contract.into), contract.into,
          " is folded into before anything is in it");
    define(contract.row);
    define(contract.column);
    for (const Axis& axis : contract.depth) define(axis);
    check(always_at_most(contract.row.extent, into.shape[0], before) &&
              always_at_most(contract.column.extent, into.shape[1], before),
          "a contraction may leave ", contract.into);
    factor(contract.a, contract.column, into);
    factor(contract.b, contract.row, into);
    around_ = before;
  }

  void factor(const Expr& factor, const Axis& other, const NestBuffer& into) {
    expr(factor);
    check(factor.dtype() == into.dtype, into.name, " of ", into.dtype, " is given ",
          factor.dtype());
    visit(factor, [&](const Expr& inner) {
      check(inner.kind() != Expr::Kind::index ||
                !mentions(inner.dim(), *other.variable.as_variable()),
            "a factor of a contraction depends on ", other.variable);
    });
  }

  void expr(const Expr& whole, bool chosen = false) const {
    check(whole.kind() != Expr::Kind::reduce, "an expression reduces; a nest has loops for that");
    if (whole.kind() == Expr::Kind::index) dim(whole.dim());
    if (whole.kind() == Expr::Kind::load) load(whole, chosen);
    const bool selects = whole.kind() == Expr::Kind::call && whole.function() == Function::select;
    for (size_t i = 0; i < whole.operands().size(); ++i)
      expr(whole.operands()[i], chosen || (selects && i > 0));
  }

  void load(const Expr& load, bool chosen) const {
    const auto* source = std::get_if<BufferName>(&load.source());
    check(source != nullptr, "an expression reads ", load, ", which is no buffer");
    const NestBuffer& from = buffer(source->text);
    rank(from, load.operands().size());
    check(load.dtype() == from.dtype, from.name, " of ", from.dtype, " is read as ", load.dtype());
    check(filled_.contains(from.name), from.name, " is read before anything is in it");
    for (size_t axis = 0; axis < load.operands().size(); ++axis) {
      const Expr& index = load.operands()[axis];
      check(!is_float(index.dtype()), from.name, " is read at a place that is ", index.dtype());
      if (index.kind() == Expr::Kind::index && !load.outside() && !chosen)
        inside(from, axis, index.dim());
    }
  }

  const Nest& nest_;
  const Buffers buffers_;
  std::set<std::string, std::less<>> names_, in_scope_, filled_;
  Around around_;
  std::vector<const NestLoop*> modes_;  // loops around
};

std::string text_of(const Access& access) {
  std::string text;
  append(text, access.buffer);
  return text + (access.place ? cat("[", join(*access.place, ", "), "]") : "[computed]");
}

}  // namespace

void verify(const Nest& nest) { Verifier(nest).run(); }

std::vector<std::string> unproven_places(const Nest& nest) {
  const Buffers buffers = buffers_of(nest);
  std::vector<std::string> found;
  const auto look = [&](const Access& access) {
    const Dims& shape = buffers.find(access.buffer)->second.shape;
    bool proven = access.padded || access.place.has_value();
    for (size_t axis = 0; proven && !access.padded && axis < shape.size(); ++axis) {
      const Dim& place = (*access.place)[axis];
      proven = always_at_most(0, place, access.inner) &&
               always_at_most(place, shape[axis] - 1, access.inner);
    }
    if (!proven) found.push_back(text_of(access));
  };
  for (const Access& access : accesses_of(nest.body, true)) look(access);
  return found;
}

}  // namespace hone
