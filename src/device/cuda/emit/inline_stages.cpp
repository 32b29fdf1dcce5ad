#include "device/cuda/emit/inline_stages.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/text.hpp"
#include "ir/graph.hpp"
#include "ir/nest/nest.hpp"

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
      std::set<const Stage*> read;
      collect(stage->expr, *stage, false, read);
      for (const Stage* each : read) ++readers_[each];
    }
    Stages made;
    made.declined = stages_.declined;
    for (const auto& stage : stages_.list) {
      auto copy = std::make_shared<Stage>(*stage);
      copy->expr = rewritten(stage->expr);
      if (parts_of(copy->expr) > kMostParts) {
        made.declined = "an expression is too long";
        return made;
      }
      const bool is_output = stage->value != nullptr && std::find(outputs_.begin(), outputs_.end(),
                                                                  stage->value) != outputs_.end();
      const Folds folds = folds_of(copy->expr);
      const bool moves =
          !is_output &&
          (folds.count == 0 || (readers_[stage.get()] == 1 && !away_.contains(stage.get())));
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

  /// `within` a fold an element is read again and again.
  void collect(const Expr& expr, const Stage& reader, bool within, std::set<const Stage*>& read) {
    if (expr.kind() == Expr::Kind::load) {
      if (const Stage* stage = stage_of(expr)) {
        read.insert(stage);
        if (within || !is_at_home(expr, *stage, reader)) away_.insert(stage);
      }
    }
    const bool folds = within || expr.kind() == Expr::Kind::reduce;
    for (const Expr& operand : expr.operands()) collect(operand, reader, folds, read);
  }

  /// Read at the reader's own loops, all of them.
  static bool is_at_home(const Expr& load, const Stage& read, const Stage& reader) {
    if (load.outside() || read.extents != reader.extents) return false;
    for (size_t axis = 0; axis < load.operands().size(); ++axis)
      if (!load.operands()[axis].is_loop(static_cast<int>(axis))) return false;
    return true;
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
    const bool rounds =
        body.dtype() != stage.dtype || stage.dtype == DType::f16 || stage.dtype == DType::bf16;
    if (rounds) body = Expr::cast(stage.dtype, std::move(body));
    if (!inside) return body;
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
  std::map<const Stage*, int> readers_;
  std::set<const Stage*> away_;  // read elsewhere than at the reader's own loops
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
