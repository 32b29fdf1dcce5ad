#include "device/cuda/emit/schedule.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "ir/graph.hpp"
#include "ir/stages/scalar.hpp"

namespace hone::cuda::emitter {
namespace {

std::vector<const Value*> outputs_of(const Graph& body) {
  std::vector<const Value*> outputs;
  for (const GraphOutput& output : body.outputs()) outputs.push_back(output.value);
  return outputs;
}

bool reads_along_rows(const Expr& expr, const Strides& strides) {
  bool found = false;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::load || inner.operands().empty()) return;
    const auto* value = std::get_if<const Value*>(&inner.source());
    const int axis = value == nullptr ? static_cast<int>(inner.operands().size()) - 1
                                      : innermost(*value, (*value)->type.tensor().shape(), strides);
    if (axis < 0) return;
    const Expr& last = inner.operands()[static_cast<size_t>(axis)];
    if (last.kind() != Expr::Kind::index) return;
    std::set<std::string, std::less<>> names;
    last.dim().collect_variables(names);
    for (const std::string& name : names) found |= name.starts_with("r.");
  });
  return found;
}

/// All that the expression reads along what it folds lies side by side.
bool folds_side_by_side(const Expr& expr, const Strides& strides) {
  bool good = true;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::load || inner.operands().empty()) return;
    const auto* value = std::get_if<const Value*>(&inner.source());
    if (value == nullptr || inner.outside().value_or(0) != 0) {
      good = false;
      return;
    }
    const Dims& shape = (*value)->type.tensor().shape();
    int axis = innermost(*value, shape, strides);
    while (axis > 0 && shape[static_cast<size_t>(axis)].is(1)) --axis;
    for (size_t i = 0; i < shape.size(); ++i) {
      const Expr& index = inner.operands()[i];
      if (index.kind() != Expr::Kind::index) {
        good = false;
        return;
      }
      std::set<std::string, std::less<>> names;
      index.dim().collect_variables(names);
      const bool folded = std::ranges::any_of(
          names, [](const std::string& name) { return name.starts_with("r."); });
      good &= !folded || static_cast<int>(i) == axis || shape[i].is(1);
    }
  });
  return good;
}

class Scheduling {
 public:
  Scheduling(const Graph& body, Stages stages, const Strides& strides)
      : outputs_(outputs_of(body)), stages_(std::move(stages)), strides_(strides) {
    made_.nest.name = "region";
  }

  Scheduled run() {
    for (const auto& stage : stages_.list)
      if (stage->value != nullptr) by_value_.emplace(stage->value, stage.get());
    for (const auto& stage : stages_.list) declare_inputs(stage->expr);
    in_rows_ = find_rows();
    for (const auto& stage : stages_.list) declare(*stage);
    if (in_rows_) {
      write_rows();
      return std::move(made_);
    }
    for (size_t i = 0; i < stages_.list.size();) {
      size_t end = i + 1;
      while (end < stages_.list.size() && goes_with(*stages_.list[i], *stages_.list[end])) ++end;
      write({stages_.list.begin() + static_cast<long>(i),
             stages_.list.begin() + static_cast<long>(end)});
      i = end;
    }
    return std::move(made_);
  }

 private:
  bool is_output(const Stage& stage) const {
    return stage.value != nullptr &&
           std::find(outputs_.begin(), outputs_.end(), stage.value) != outputs_.end();
  }

  const Stage* stage_of(const Expr& load) const {
    if (const auto* own = std::get_if<std::shared_ptr<const Stage>>(&load.source()))
      return own->get();
    const auto found = by_value_.find(std::get<const Value*>(load.source()));
    return found == by_value_.end() ? nullptr : found->second;
  }

  void add_parameter(const Value* value, DType dtype, Dims shape, Scope scope) {
    NestBuffer buffer{cat("p", made_.operands.size()), dtype, std::move(shape), scope};
    if (const auto found = strides_.find(value); found != strides_.end())
      buffer.strides = found->second;
    names_.emplace(value, buffer.name);
    made_.nest.parameters.push_back(std::move(buffer));
    made_.operands.push_back(value);
  }

  void declare_inputs(const Expr& expr) {
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() != Expr::Kind::load || stage_of(inner) != nullptr) return;
      const Value* value = std::get<const Value*>(inner.source());
      if (names_.contains(value)) return;
      const TensorType& type = value->type.tensor();
      add_parameter(value, type.dtype, type.shape(), Scope::input);
    });
  }

  void declare(const Stage& stage) {
    if (is_output(stage)) {
      add_parameter(stage.value, stage.dtype, stage.extents, Scope::output);
      stage_names_.emplace(&stage, names_.at(stage.value));
      return;
    }
    std::string name = cat("a", stage_names_.size());
    stage_names_.emplace(&stage, name);
    if (!in_rows_)
      made_.nest.body.push_back(
          {Allocate{NestBuffer{std::move(name), stage.dtype, stage.extents, Scope::arena}}});
  }

  // Rows.

  static Dims without_last_ones(Dims extents) {
    while (!extents.empty() && extents.back().is(1)) extents.pop_back();
    return extents;
  }
  bool is_row_axis(size_t axis) const { return axis < rows_.size() && !rows_[axis].is(1); }

  /// What all stages that fold have in common; false: they do not.
  bool find_rows() {
    bool found = false, fuses = false, along = false;
    int64_t longest = 0;
    for (const auto& stage : stages_.list) {
      const Folds folds = folds_of(stage->expr);
      const bool multiplies = folds.count > 0 && stage->kind() == Stage::Kind::contract;
      if (folds.nested || (multiplies && !is_of_few_rows(*stage))) return false;
      if (folds.count == 0) continue;
      const Dims rows = without_last_ones(stage->extents);
      if (found && rows != rows_) return false;
      rows_ = rows;
      found = true;
      fuses |= !is_output(*stage);
      along |= is_for_lanes(*stage);
      longest = std::max(longest, length_of(stage->expr));
    }
    // Threads for each result read what lies side by side, where rows do not.
    if (!found || !along || (!fuses && longest < 16)) return false;
    for (const auto& stage : stages_.list) {
      const bool folds = folds_of(stage->expr).count > 0;
      for (size_t axis = 0; axis < rows_.size(); ++axis)
        if (is_row_axis(axis) &&
            (axis >= stage->extents.size() || stage->extents[axis] != rows_[axis]))
          return false;
      if (!is_output(*stage) && !folds) return false;
      if (!reads_rows_alone(stage->expr)) return false;
    }
    made_.lanes = lanes_for(longest);
    return true;
  }

  /// Threads that share folds of so many elements.
  static int lanes_for(int64_t elements) {
    return elements <= 256 ? 32 : elements <= 4096 ? 128 : 512;
  }

  /// Threads that share a fold read what lies side by side, or are needed for a GPU to be busy. Of
  /// windows neighbours read the same: a thread for each reads side by side with others.
  bool is_for_lanes(const Stage& stage) const {
    if (stage.kind() == Stage::Kind::window) return is_few(stage.extents);
    return reads_along_rows(stage.expr, strides_) || is_few(stage.extents) ||
           is_open(without_last_ones(stage.extents));
  }

  /// So few results that a thread for each leaves most of a GPU idle.
  static bool is_few(const Dims& extents) {
    constexpr int64_t kFew = 1 << 15;
    return product(extents).constant().value_or(kFew) < kFew;
  }

  /// An open number of rows, whose neighbours a block takes together (emit.cpp, turns_across).
  static bool is_open(const Dims& rows) {
    constexpr int64_t kTogether = 4;
    return !rows.empty() && !product(rows).constant() && rows.back().constant() &&
           exact_div(rows.back(), kTogether);
  }

  /// A product of so few results that tiles of them are few blocks, whose operands both lie along
  /// the sum: groups of threads take a result each.
  bool is_of_few_rows(const Stage& stage) const {
    constexpr int64_t kLongEnough = 16;
    return is_few(stage.extents) && length_of(stage.expr) >= kLongEnough &&
           folds_side_by_side(stage.expr, strides_);
  }

  /// Elements that one fold reads; where they are not known, some.
  static int64_t length_of(const Expr& expr) {
    int64_t longest = 0;
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() != Expr::Kind::reduce) return;
      Dim all = 1;
      for (const Axis& axis : inner.axes()) all = all * axis.extent;
      longest = std::max(longest, all.constant().value_or(1024));
    });
    return longest;
  }

  /// Of what other stages fold, only its own row's.
  bool reads_rows_alone(const Expr& expr) const {
    bool good = true;
    visit(expr, [&](const Expr& inner) {
      if (inner.kind() != Expr::Kind::load || stage_of(inner) == nullptr) return;
      good &= !inner.outside().has_value();
      for (size_t axis = 0; axis < inner.operands().size(); ++axis) {
        const Expr& index = inner.operands()[axis];
        if (is_row_axis(axis)) good &= index.is_loop(static_cast<int>(axis));
        else good &= index.kind() == Expr::Kind::index && index.dim().is(0);
      }
    });
    return good;
  }

  void write_rows() {
    std::vector<Axis> loops;
    Dims places;
    for (size_t axis = 0; axis < rows_.size(); ++axis) {
      places.push_back(0);
      if (!is_row_axis(axis)) continue;
      places.back() = variable("i");
      loops.push_back({places.back(), rows_[axis]});
    }
    Block body;
    for (const auto& stage : stages_.list) {
      const bool folds = folds_of(stage->expr).count > 0;
      std::map<std::string, Dim, std::less<>> at;
      Dims place;
      std::vector<Axis> inner;
      for (size_t axis = 0; axis < stage->extents.size(); ++axis) {
        if (is_row_axis(axis)) {
          place.push_back(places[axis]);
        } else {
          place.push_back(0);
          if (!stage->extents[axis].is(1))
            inner.push_back({loop(static_cast<int>(axis)), stage->extents[axis]});
        }
        at[std::string(*loop(static_cast<int>(axis)).as_variable())] = place.back();
      }
      if (folds || inner.empty()) {
        Expr value = in_nest(stage->expr, at, body);
        finish(*stage, std::move(place), std::move(value), body);
        continue;
      }
      NestLoop turns;
      const Dim turn = vector_loop(inner, at, turns);
      for (size_t axis = 0; axis < place.size(); ++axis)
        place[axis] = at.at(std::string(*loop(static_cast<int>(axis)).as_variable()));
      Expr value = in_nest(stage->expr, at, turns.body);
      finish(*stage, std::move(place), std::move(value), turns.body);
      body.push_back({std::move(turns)});
    }
    if (loops.empty()) loops.push_back({variable("i"), 1});  // one row, and one function
    wrap(loops, std::move(body), Mode::parallel);
  }

  /// One vector loop for all of these axes, which become quotients and remainders of its variable.
  Dim vector_loop(const std::vector<Axis>& axes, std::map<std::string, Dim, std::less<>>& at,
                  NestLoop& loop) {
    const Dim turn = variable("q");
    const Dims places = parted(turn, axes);
    loop.extent = 1;
    for (size_t i = 0; i < axes.size(); ++i) {
      at[std::string(*axes[i].variable.as_variable())] = places[i];
      loop.extent = loop.extent * axes[i].extent;
    }
    loop.variable = std::string(*turn.as_variable());
    loop.mode = Mode::vector;
    loop.width = 32;
    return turn;
  }

  void finish(const Stage& stage, Dims place, Expr value, Block& body) {
    if (value.dtype() != stage.dtype || bits(stage.dtype) < 32)  // registers do not round
      value = Expr::cast(stage.dtype, std::move(value));
    const std::string& name = stage_names_.at(&stage);
    if (in_rows_ && !is_output(stage)) {
      body.push_back({Allocate{NestBuffer{name, stage.dtype, {}, Scope::registers}}});
      place.clear();
    }
    body.push_back({Store{name, std::move(place), std::nullopt, std::move(value)}});
  }

  // A thread for each element, or a group of threads for each that is folded.

  /// As with the means and variances of rows whose results are written elsewhere than in rows.
  bool is_for_groups(const Stage& stage) const {
    constexpr int64_t kLongEnough = 16;
    const Folds folds = folds_of(stage.expr);
    return folds.count > 0 && !folds.nested && bits(stage.dtype) >= 8 && is_for_lanes(stage) &&
           length_of(stage.expr) >= kLongEnough &&
           (stage.kind() != Stage::Kind::contract || folds_side_by_side(stage.expr, strides_));
  }

  /// Results of the same elements: each is computed of what the region reads, or of what earlier
  /// functions folded.
  static bool goes_with(const Stage& first, const Stage& other) {
    return first.extents == other.extents && folds_of(first.expr).count == 0 &&
           folds_of(other.expr).count == 0;
  }

  void write(const std::vector<std::shared_ptr<const Stage>>& stages) {
    std::map<std::string, Dim, std::less<>> at;
    std::vector<Axis> loops;
    Dims place;
    const Dims& extents = stages.front()->extents;
    for (size_t axis = 0; axis < extents.size(); ++axis) {
      place.push_back(variable("i"));
      at[std::string(*loop(static_cast<int>(axis)).as_variable())] = place.back();
      loops.push_back({place.back(), extents[axis]});
    }
    Block body;
    in_groups_ = is_for_groups(*stages.front());
    if (in_groups_) made_.lanes = std::max(made_.lanes, lanes_for(length_of(stages.front()->expr)));
    for (const auto& stage : stages) {
      Expr value = in_nest(stage->expr, at, body);
      finish(*stage, place, std::move(value), body);
    }
    in_groups_ = false;
    // Neighbours in memory are neighbours among the threads.
    if (const int last = innermost(stages.front()->value, extents, strides_); last >= 0)
      std::rotate(loops.begin() + last, loops.begin() + last + 1, loops.end());
    if (loops.empty()) loops.push_back({variable("i"), 1});
    const bool parts = std::any_of(stages.begin(), stages.end(),
                                   [](const auto& stage) { return bits(stage->dtype) < 8; });
    wrap(loops, std::move(body), parts ? Mode::serial : Mode::parallel);  // turns share bytes
  }

  void wrap(const std::vector<Axis>& loops, Block body, Mode mode) {
    for (size_t i = loops.size(); i-- > 0;) {
      Block outer;
      outer.push_back({NestLoop{std::string(*loops[i].variable.as_variable()), loops[i].extent,
                                mode, 1, std::move(body)}});
      body = std::move(outer);
    }
    std::move(body.begin(), body.end(), std::back_inserter(made_.nest.body));
  }

  Dim variable(std::string_view letter) { return Dim::variable(cat(letter, variables_++)); }

  // Expressions.

  /// The expression over the nest's buffers, its loops at these places; what it folds is folded by
  /// statements put before, once for equal folds.
  Expr in_nest(const Expr& expr, const std::map<std::string, Dim, std::less<>>& at, Block& before) {
    std::unordered_map<Expr, Expr, Hash> folded;
    return in_nest(expr, at, before, folded);
  }

  struct Hash {
    size_t operator()(const Expr& expr) const { return expr.hash(); }
  };
  using Folded = std::unordered_map<Expr, Expr, Hash>;

  Expr in_nest(const Expr& expr, const std::map<std::string, Dim, std::less<>>& at, Block& before,
               Folded& folded) {
    switch (expr.kind()) {
      case Expr::Kind::number: return expr;
      case Expr::Kind::index: return Expr::index(moved(expr.dim(), at));
      case Expr::Kind::reduce: {
        if (const auto found = folded.find(expr); found != folded.end()) return found->second;
        Expr sum = fold(expr, at, before);
        folded.emplace(expr, sum);
        return sum;
      }
      default: break;
    }
    std::vector<Expr> operands;
    for (const Expr& operand : expr.operands())
      operands.push_back(in_nest(operand, at, before, folded));
    if (expr.kind() == Expr::Kind::call) return Expr::call(expr.function(), std::move(operands));
    if (expr.kind() == Expr::Kind::cast) return Expr::cast(expr.dtype(), std::move(operands[0]));
    const Stage* stage = stage_of(expr);
    if (stage == nullptr)
      return Expr::load(BufferName{names_.at(std::get<const Value*>(expr.source()))}, expr.dtype(),
                        std::move(operands), expr.outside());
    if (in_rows_ && !is_output(*stage)) operands.clear();
    return Expr::load(BufferName{stage_names_.at(stage)}, expr.dtype(), std::move(operands),
                      expr.outside());
  }

  static Dim moved(const Dim& dim, const std::map<std::string, Dim, std::less<>>& at) {
    return dim.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
      const auto found = at.find(name);
      return found == at.end() ? std::nullopt : std::optional(found->second);
    });
  }

  Expr fold(const Expr& expr, std::map<std::string, Dim, std::less<>> at, Block& before) {
    const DType dtype = expr.dtype();
    const std::string name = cat("s", variables_++);
    before.push_back({Allocate{NestBuffer{name, dtype, {}, Scope::registers}}});
    const Scalar start = identity(expr.function(), dtype);
    before.push_back(
        {Store{name,
               {},
               std::nullopt,
               is_float(dtype) ? Expr(start.real, dtype) : Expr::integer(start.integer, dtype)}});
    const auto statement = [&](Block& body) {
      Folded inner;
      Expr operand = in_nest(expr.operands()[0], at, body, inner);
      body.push_back({Store{name, {}, expr.function(), std::move(operand)}});
    };
    std::vector<Axis> axes;
    for (const Axis& axis : expr.axes()) axes.push_back({axis.variable, moved(axis.extent, at)});
    if (in_rows_ || in_groups_) {
      NestLoop turns;
      vector_loop(axes, at, turns);
      statement(turns.body);
      before.push_back({std::move(turns)});
    } else {
      std::vector<NestLoop> loops;
      for (const Axis& axis : axes) {
        const Dim turn = variable("r");
        at[std::string(*axis.variable.as_variable())] = turn;
        loops.push_back({std::string(*turn.as_variable()), axis.extent, Mode::serial, 1, {}});
      }
      Block body;
      statement(body);
      for (size_t i = loops.size(); i-- > 0;) {
        loops[i].body = std::move(body);
        body = {};
        body.push_back({std::move(loops[i])});
      }
      std::move(body.begin(), body.end(), std::back_inserter(before));
    }
    return Expr::load(BufferName{name}, dtype, {});
  }

  const std::vector<const Value*> outputs_;
  const Stages stages_;
  const Strides& strides_;
  Scheduled made_;
  std::unordered_map<const Value*, const Stage*> by_value_;
  std::unordered_map<const Value*, std::string> names_;
  std::unordered_map<const Stage*, std::string> stage_names_;
  Dims rows_;
  bool in_rows_ = false;
  bool in_groups_ = false;  // while such a stage is written
  int variables_ = 0;
};

}  // namespace

Scheduled schedule(const Graph& body, const Strides& strides) {
  const Stages stages = stages_of(body);
  Scheduled none;
  none.declined = stages.declined;
  if (!stages) return none;
  const std::vector<const Value*> outputs = outputs_of(body);
  for (const Value* output : outputs)
    if (stages.find(output) == nullptr) {
      none.declined = cat("%", output->name, " is no stage's");
      return none;
    }
  Stages fewer = inlined(stages, outputs);
  none.declined = fewer.declined;
  if (!fewer) return none;
  return Scheduling(body, std::move(fewer), strides).run();
}

}  // namespace hone::cuda::emitter
