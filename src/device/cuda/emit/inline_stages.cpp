#include "device/cuda/emit/inline_stages.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/text.hpp"
#include "ir/graph.hpp"
#include "ir/nest/nest.hpp"
#include "ir/stages/scalar.hpp"

namespace hone::cuda::emitter {
namespace {

/// Parts of an expression, each time that it stands there; more are no text that one compiles.
constexpr size_t kMostParts = 3000;

class Inlining {
 public:
  Inlining(const Stages& stages, const std::vector<const Value*>& outputs)
      : stages_(stages), outputs_(outputs) {
    for (const auto& stage : stages.list)
      if (stage->value != nullptr) by_value_.emplace(stage->value, stage.get());
  }

  Stages run() {
    for (const auto& stage : stages_.list) {
      collect(stage->expr, *stage, false);
    }
    Stages made;
    made.declined = stages_.declined;
    for (const auto& stage : stages_.list) {
      auto copy = std::make_shared<Stage>(*stage);
      copy->expr = without_single_turns(*stage, rewritten(stage->expr));
      if (parts_of(copy->expr) > kMostParts) {
        made.declined = "an expression is too long";
        return made;
      }
      const bool is_output = this->is_output(*stage);
      const Folds folds = folds_of(copy->expr);
      const bool moves = !is_output && (folds.count == 0 || is_folded_once(*stage));
      if (moves) {
        inline_.emplace(stage.get(), copy);
        continue;
      }
      kept_.emplace(stage.get(), copy);
      made.list.push_back(copy);
      // An output that others read is computed again for them, where that takes no folding.
      if (is_output && folds.count == 0) inline_.emplace(stage.get(), copy);
    }
    return made;
  }

 private:
  const Stage* stage_of(const Expr& load) const {
    if (const auto* own = std::get_if<std::shared_ptr<const Stage>>(&load.source()))
      return own->get();
    const auto found = by_value_.find(std::get<const Value*>(load.source()));
    return found == by_value_.end() ? nullptr : found->second;
  }

  bool is_output(const Stage& stage) const {
    return stage.value != nullptr &&
           std::find(outputs_.begin(), outputs_.end(), stage.value) != outputs_.end();
  }

  /// Where a stage's elements are used: by stages that are left, directly or through others that
  /// stand where they are read.
  struct Uses {
    std::set<const Stage*> by;
    bool away = false;  // elsewhere than at the loops of the user
  };
  const Uses& uses_of(const Stage& stage) {
    if (const auto found = uses_.find(&stage); found != uses_.end()) return found->second;
    Uses uses;
    for (const auto& [reader, away] : readers_[&stage]) {
      uses.away |= away;
      const bool folds = folds_of(reader->expr).count > 0;
      if (folds || is_output(*reader)) uses.by.insert(reader);
      if (folds) continue;
      const Uses further = uses_of(*reader);
      uses.by.insert(further.by.begin(), further.by.end());
      uses.away |= further.away;
    }
    return uses_.emplace(&stage, std::move(uses)).first->second;
  }

  /// Where it is read, and only there, it may be folded.
  bool is_folded_once(const Stage& stage) {
    const Uses& uses = uses_of(stage);
    return uses.by.size() == 1 && !uses.away;
  }

  /// `within` a fold an element is read again and again.
  void collect(const Expr& expr, const Stage& reader, bool within) {
    if (expr.kind() == Expr::Kind::load)
      if (const Stage* stage = stage_of(expr))
        readers_[stage][&reader] |= within || !is_at_home(expr, *stage, reader);
    const bool folds = within || expr.kind() == Expr::Kind::reduce;
    for (const Expr& operand : expr.operands()) collect(operand, reader, folds);
  }

  /// Read at the reader's own loops, all of them.
  static bool is_at_home(const Expr& load, const Stage& read, const Stage& reader) {
    if (load.outside() || read.extents != reader.extents) return false;
    for (size_t axis = 0; axis < load.operands().size(); ++axis) {
      const Expr& index = load.operands()[axis];
      const bool only =
          read.extents[axis].is(1) && index.kind() == Expr::Kind::index && index.dim().is(0);
      if (!only && !index.is_loop(static_cast<int>(axis))) return false;
    }
    return true;
  }

  /// Loops of one turn are at 0, so that what is the same has one form.
  static Expr without_single_turns(const Stage& stage, const Expr& expr) {
    std::set<std::string, std::less<>> single;
    for (size_t axis = 0; axis < stage.extents.size(); ++axis)
      if (stage.extents[axis].is(1)) single.emplace(*loop(static_cast<int>(axis)).as_variable());
    if (single.empty()) return expr;
    bool fails = false;
    const auto moved = [&](const Dim& dim) {
      return dim.substitute_variables([&](std::string_view name) {
        return single.contains(name) ? std::optional<Dim>(0) : std::nullopt;
      });
    };
    return moved_along(expr, moved, {}, fails);
  }

  size_t parts_of(const Expr& expr) {
    if (const auto found = parts_.find(expr); found != parts_.end()) return found->second;
    size_t parts = 1;
    for (const Expr& operand : expr.operands()) parts += parts_of(operand);
    return parts_.emplace(expr, std::min(parts, 2 * kMostParts)).first->second;
  }

  Expr rewritten(const Expr& expr) {
    if (expr.kind() == Expr::Kind::number || expr.kind() == Expr::Kind::index) return expr;
    if (const auto found = done_.find(expr); found != done_.end()) return found->second;
    std::vector<Expr> operands;
    for (const Expr& operand : expr.operands()) operands.push_back(rewritten(operand));
    Expr made = expr;
    switch (expr.kind()) {
      case Expr::Kind::call: made = Expr::call(expr.function(), std::move(operands)); break;
      case Expr::Kind::cast: made = Expr::cast(expr.dtype(), std::move(operands[0])); break;
      case Expr::Kind::reduce:
        made = Expr::reduce(expr.function(), expr.axes(), std::move(operands[0]));
        break;
      default: made = load(expr, std::move(operands)); break;
    }
    done_.emplace(expr, made);
    return made;
  }

  Expr load(const Expr& expr, std::vector<Expr> indices) {
    if (const auto* value = std::get_if<const Value*>(&expr.source());
        value != nullptr && (*value)->is_literal() && !expr.outside() &&
        (*value)->weight->tensor().count() == 1) {
      const Tensor& tensor = (*value)->weight->tensor();
      return is_float(tensor.dtype()) ? Expr(tensor.number(0), tensor.dtype())
                                      : Expr::integer(tensor.integer(0), tensor.dtype());
    }
    const Stage* stage = stage_of(expr);
    if (stage == nullptr) return Expr::load(expr.source(), expr.dtype(), indices, expr.outside());
    if (const auto found = inline_.find(stage); found != inline_.end()) {
      if (auto made = placed(*found->second, indices, expr.outside())) return *made;
      // Its place is computed in a way that no expression is moved along.
      return Expr::load(kept_again(stage), expr.dtype(), indices, expr.outside());
    }
    const auto kept = kept_.find(stage);
    if (stage->value != nullptr)
      return Expr::load(stage->value, expr.dtype(), indices, expr.outside());
    return Expr::load(std::shared_ptr<const Stage>(kept->second), expr.dtype(), indices,
                      expr.outside());
  }

  Expr::Source kept_again(const Stage* stage) {
    declined_ = true;
    return stage->value != nullptr ? Expr::Source(stage->value) : Expr::Source(inline_.at(stage));
  }

  /// Of a stage whose elements are each computed of one of a value of its own shape: where that is
  /// 0, it is what lies outside of the stage, so that zeros may lie outside of the value.
  /// `body`: its expression at some places.
  static std::optional<Expr> with_zeros(const Stage& stage, const Expr& body, double outside) {
    bool is_own = true;
    visit(stage.expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::load) return;
      const auto* value = std::get_if<const Value*>(&expr.source());
      is_own &=
          value != nullptr && !expr.outside() && (*value)->type.tensor().shape() == stage.extents;
      for (size_t axis = 0; is_own && axis < expr.operands().size(); ++axis)
        is_own &= expr.operands()[axis].is_loop(static_cast<int>(axis));
    });
    const auto at_zero = is_own ? of_zeros(stage.expr) : std::nullopt;
    if (!at_zero) return std::nullopt;
    const Scalar stored = cast(*at_zero, stage.expr.dtype(), stage.dtype);
    const double number = is_float(stage.dtype) ? stored.real : static_cast<double>(stored.integer);
    if (number != outside) return std::nullopt;
    return replace(body, [](const Expr& expr) -> std::optional<Expr> {
      if (expr.kind() != Expr::Kind::load) return std::nullopt;
      return Expr::load(expr.source(), expr.dtype(), expr.operands(), 0.0);
    });
  }

  /// What an expression is where all that it loads is 0; nullopt: it knows places, or folds.
  static std::optional<Scalar> of_zeros(const Expr& expr) {
    if (expr.kind() == Expr::Kind::load) return Scalar{};
    if (expr.kind() == Expr::Kind::number)
      return is_float(expr.dtype()) ? Scalar{expr.number(), 0} : Scalar{0, expr.integer()};
    if (expr.kind() != Expr::Kind::cast && expr.kind() != Expr::Kind::call) return std::nullopt;
    std::vector<Scalar> operands;
    for (const Expr& operand : expr.operands()) {
      const auto number = of_zeros(operand);
      if (!number) return std::nullopt;
      operands.push_back(*number);
    }
    const DType from = expr.operands()[0].dtype();
    if (expr.kind() == Expr::Kind::cast) return cast(operands[0], from, expr.dtype());
    if (expr.function() == Function::select) return operands[operands[0].integer != 0 ? 1 : 2];
    return combine(expr.function(), operands[0], operands.size() > 1 ? operands[1] : Scalar{},
                   from);
  }

  /// The stage's expression with its loops at these places.
  static std::optional<Expr> placed(const Stage& stage, const std::vector<Expr>& indices,
                                    const std::optional<double>& outside) {
    std::map<std::string, Dim, std::less<>> places;
    std::map<std::string, Expr, std::less<>> computed;
    std::optional<Expr> inside;
    for (size_t axis = 0; axis < indices.size(); ++axis) {
      const std::string name(*loop(static_cast<int>(axis)).as_variable());
      const bool is_place = indices[axis].kind() == Expr::Kind::index;
      if (!is_place) {
        if (outside) return std::nullopt;
        computed.emplace(name, indices[axis]);
        continue;
      }
      Dim at = indices[axis].dim();
      if (outside && !is_inside(at, stage.extents[axis])) {
        const Expr zero = Expr::integer(0), index = Expr::index(at);
        const Expr last = Expr::index(stage.extents[axis]);
        for (const Expr& bound :
             {call(Function::less_equal, zero, index), call(Function::less, index, last)})
          inside = inside ? call(Function::bit_and, *inside, bound) : bound;
      }
      places.emplace(name, std::move(at));
    }
    bool fails = false;
    const auto moved = [&](const Dim& dim) {
      return dim.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
        const auto found = places.find(name);
        return found == places.end() ? std::nullopt : std::optional(found->second);
      });
    };
    Expr body = moved_along(stage.expr, moved, computed, fails);
    if (fails) return std::nullopt;
    const bool is_rounded = body.kind() == Expr::Kind::cast && body.dtype() == stage.dtype;
    const bool rounds =
        body.dtype() != stage.dtype || stage.dtype == DType::f16 || stage.dtype == DType::bf16;
    if (rounds && !is_rounded) body = Expr::cast(stage.dtype, std::move(body));
    if (!inside) return body;
    if (auto made = with_zeros(stage, body, *outside)) return made;
    return select(*inside, body, like(body, *outside));
  }

  static bool is_inside(const Dim& at, const Dim& extent) {
    return at.constant() && extent.constant() && *at.constant() >= 0 &&
           *at.constant() < *extent.constant();
  }

  static Expr moved_along(const Expr& expr, const std::function<Dim(const Dim&)>& moved,
                          const std::map<std::string, Expr, std::less<>>& computed, bool& fails) {
    switch (expr.kind()) {
      case Expr::Kind::number: return expr;
      case Expr::Kind::index: {
        if (const auto name = expr.dim().as_variable())
          if (const auto found = computed.find(*name); found != computed.end())
            return found->second;
        std::set<std::string, std::less<>> names;
        expr.dim().collect_variables(names);
        for (const std::string& name : names) fails |= computed.contains(name);
        return Expr::index(moved(expr.dim()));
      }
      default: break;
    }
    std::vector<Expr> operands;
    for (const Expr& operand : expr.operands())
      operands.push_back(moved_along(operand, moved, computed, fails));
    switch (expr.kind()) {
      case Expr::Kind::call: return Expr::call(expr.function(), std::move(operands));
      case Expr::Kind::cast: return Expr::cast(expr.dtype(), std::move(operands[0]));
      case Expr::Kind::load:
        return Expr::load(expr.source(), expr.dtype(), std::move(operands), expr.outside());
      default: break;
    }
    std::vector<Axis> axes;
    for (const Axis& axis : expr.axes()) axes.push_back({axis.variable, moved(axis.extent)});
    return Expr::reduce(expr.function(), std::move(axes), std::move(operands[0]));
  }

 public:
  bool declined() const { return declined_; }

 private:
  struct Hash {
    size_t operator()(const Expr& expr) const { return expr.hash(); }
  };
  const Stages& stages_;
  const std::vector<const Value*>& outputs_;
  std::unordered_map<const Value*, const Stage*> by_value_;
  /// By stage that is read: by whom, and whether elsewhere than at the reader's own loops.
  std::map<const Stage*, std::map<const Stage*, bool>> readers_;
  std::map<const Stage*, Uses> uses_;
  std::map<const Stage*, std::shared_ptr<Stage>> inline_, kept_;
  std::unordered_map<Expr, Expr, Hash> done_;
  std::unordered_map<Expr, size_t, Hash> parts_;
  bool declined_ = false;
};

void count(const Expr& expr, bool within, Folds& folds) {
  const bool is_fold = expr.kind() == Expr::Kind::reduce;
  folds.count += is_fold ? 1 : 0;
  folds.nested |= is_fold && within;
  if (folds.count > 64) return;
  for (const Expr& operand : expr.operands()) count(operand, within || is_fold, folds);
}

}  // namespace

Dims parted(const Dim& number, const std::vector<Axis>& axes) {
  Dims places(axes.size());
  Dim behind = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    if (behind.is(0) || axes[i].extent.is(0)) return Dims(axes.size());
    places[i] = floor_div(number, behind);
    if (i > 0) places[i] = mod(places[i], axes[i].extent);
    behind = behind * axes[i].extent;
  }
  return places;
}

Folds folds_of(const Expr& expr) {
  Folds folds;
  count(expr, false, folds);
  return folds;
}

Stages inlined(const Stages& stages, const std::vector<const Value*>& outputs) {
  Inlining inlining(stages, outputs);
  Stages made = inlining.run();
  if (inlining.declined() && made.declined.empty())
    made.declined = "a place is computed, and what lies there, too";
  return made;
}

}  // namespace hone::cuda::emitter
