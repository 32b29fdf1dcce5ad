#include "device/cuda/emit/elements.hpp"

#include <algorithm>
#include <set>

namespace hone::cuda::emitter {

namespace {

Dim with(const Dim& dim, std::string_view variable, const Dim& by) {
  return dim.substitute_variables([&](std::string_view name) {
    return name == variable ? std::optional<Dim>(by) : std::nullopt;
  });
}

bool has(const Dim& dim, std::string_view variable) { return !(with(dim, variable, 0) == dim); }
bool has(const Expr& expr, std::string_view variable) {
  bool found = false;
  visit(expr, [&](const Expr& inner) {
    found |= inner.kind() == Expr::Kind::index && has(inner.dim(), variable);
  });
  return found;
}

Dim step_of_axis(const Place& place, size_t axis) {
  if (!place.strides.empty()) return place.strides[axis];
  Dim step = 1;
  for (size_t i = place.shape.size(); i-- > axis + 1;) step = step * place.shape[i];
  return step;
}

/// Looks at statements until one is found for which elements are taken one by one.
class Looking {
 public:
  Looking(const Places& places, std::string_view variable, const Dim& extent)
      : places_(places), variable_(variable), extent_(extent) {}

  /// Elements that 16 bytes have of what is narrowest, where they are at most twice 16 of others;
  /// 1: none.
  int look(const Block& statements) {
    walk(statements, [&](const Statement& statement) {
      if (statement.as<BlockProduct>() != nullptr) good_ = false;
      if (const NestLoop* loop = statement.as<NestLoop>()) good_ &= !has(loop->extent, variable_);
      if (const Store* store = statement.as<Store>()) {
        look_at(*store);
        look_at(store->value, false);
      }
      return good_;
    });
    if (!good_ || narrowest_ == 0) return 1;
    constexpr int kMost = 8;
    for (int count = std::min({kMost, 16 / narrowest_, 32 / widest_}); count > 1; count /= 2)
      if (fits(count)) return count;
    return 1;
  }

 private:
  bool fits(int count) const {
    return exact_div(extent_, count).has_value() &&
           std::all_of(begins_.begin(), begins_.end(),
                       [&](const Dim& begin) { return exact_div(begin, count).has_value(); });
  }

  void lies_side_by_side(const Place& place) {
    const int bytes = std::max(1, bits(place.dtype) / 8);
    narrowest_ = narrowest_ == 0 ? bytes : std::min(narrowest_, bytes);
    widest_ = std::max(widest_, bytes);
  }

  void look_at(const Store& store) {
    const auto found = places_.find(store.buffer);
    if (found == places_.end() || found->second.is_register) return;
    const Place& place = found->second;
    Dim offset;
    for (size_t axis = 0; axis < store.place.size(); ++axis)
      offset = offset + store.place[axis] * step_of_axis(place, axis);
    good_ &= !store.fold && (with(offset, variable_, Dim::variable(variable_) + 1) - offset).is(1);
    begins_.push_back(at_zero(offset, variable_));
    lies_side_by_side(place);
  }

  /// `chosen`: by a condition, without which it may lie outside of the buffer.
  void look_at(const Expr& expr, bool chosen) {
    const bool selects = expr.kind() == Expr::Kind::call && expr.function() == Function::select;
    for (size_t i = 0; i < expr.operands().size(); ++i)
      look_at(expr.operands()[i], chosen || (selects && i > 0));
    if (expr.kind() != Expr::Kind::load || !has(expr, variable_)) return;
    const auto found = places_.find(std::get<BufferName>(expr.source()).text);
    if (found == places_.end() || found->second.is_register || found->second.is_bits || chosen) {
      good_ = false;
      return;
    }
    const Place& place = found->second;
    const auto step = step_of(place, expr.operands(), variable_);
    good_ &= step && step->is(1);
    for (size_t axis = 0; axis < expr.operands().size(); ++axis) {
      const Expr& index = expr.operands()[axis];
      const Dim by = step_of_axis(place, axis);
      begins_.push_back(index.kind() == Expr::Kind::index ? at_zero(index.dim(), variable_) * by
                                                          : by);
      // All of them are inside, or none.
      if (expr.outside() && has(index, variable_))
        good_ &= index.kind() == Expr::Kind::index && index.dim() == Dim::variable(variable_) &&
                 place.shape[axis] == extent_;
    }
    lies_side_by_side(place);
  }

  const Places& places_;
  const std::string_view variable_;
  const Dim& extent_;
  bool good_ = true;
  int narrowest_ = 0, widest_ = 0;  // bytes of an element; 0: there is none
  std::vector<Dim> begins_;         // sums of what is before the loop's own elements
};

}  // namespace

std::optional<Dim> step_of(const Place& place, const std::vector<Expr>& indices,
                           std::string_view variable) {
  Dim offset;
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    if (indices[axis].kind() == Expr::Kind::index)
      offset = offset + indices[axis].dim() * step_of_axis(place, axis);
    else if (has(indices[axis], variable)) return std::nullopt;
  }
  return with(offset, variable, Dim::variable(variable) + 1) - offset;
}

Dim at_zero(const Dim& dim, std::string_view variable) { return with(dim, variable, 0); }

Expr at_zero(const Expr& expr, std::string_view variable) {
  return changed(expr, {[&](const Dim& dim) { return at_zero(dim, variable); },
                        [](const Expr&) { return std::nullopt; }});
}

int elements_at_once(const Block& statements, const Places& places, std::string_view variable,
                     const Dim& extent) {
  return Looking(places, variable, extent).look(statements);
}

int elements_of_thread(const Block& body, const Places& places, const std::vector<Axis>& loops) {
  constexpr int64_t kFew = 1 << 13;
  const Axis& last = loops.back();
  const int count = elements_at_once(body, places, *last.variable.as_variable(), last.extent);
  Dim turns = 1;
  for (const Axis& loop : loops) turns = turns * loop.extent;
  const bool few = turns.constant().value_or(kFew * count) < kFew * count;
  const bool folds = std::any_of(body.begin(), body.end(), [](const Statement& each) {
    return each.as<NestLoop>() != nullptr;
  });
  return few && folds ? 1 : count;
}

std::optional<int> lanes_of(const Block& body, const Places& places) {
  constexpr int64_t kTurns = 4;
  int64_t longest = 0;
  bool known = true;
  walk(body, [&](const Statement& statement) {
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr || loop->mode != Mode::vector) return true;
    const int count = elements_at_once(loop->body, places, loop->variable, loop->extent);
    const auto extent = loop->extent.constant();
    known &= count > 1 && extent.has_value();
    longest = std::max(longest, extent.value_or(0) / count);
    return true;
  });
  if (!known) return std::nullopt;
  return longest <= 32 * kTurns ? 32 : longest <= 128 * kTurns ? 128 : 512;
}

namespace {

void add_row(std::vector<RowRead>& rows, const Expr& load, const Places& places,
             const NestLoop& loop, int width, std::set<size_t>& seen) {
  const Expr first = at_zero(load, loop.variable);
  const Place& place = places.at(std::get<BufferName>(load.source()).text);
  const int64_t extent = *loop.extent.constant();
  const auto found = std::ranges::find_if(rows, [&](const RowRead& each) {
    return each.first == first && each.extent == extent && each.width == width;
  });
  const auto at = static_cast<size_t>(found - rows.begin());
  if (found == rows.end()) rows.push_back({first, place.dtype, extent, width, 0});
  if (seen.insert(at).second) ++rows[at].loops;
}

}  // namespace

std::vector<RowRead> rows_read(const Block& body, const Places& places, const Nest& nest) {
  std::set<std::string_view> inputs;
  for (const NestBuffer& buffer : nest.parameters)
    if (buffer.scope == Scope::input) inputs.insert(buffer.name);
  std::vector<RowRead> rows;
  for (const Statement& statement : body) {
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr || loop->mode != Mode::vector || !loop->extent.constant()) continue;
    const int width = elements_at_once(loop->body, places, loop->variable, loop->extent);
    if (width == 1) continue;
    std::set<size_t> seen;
    for (const Statement& each : loop->body)
      if (const Store* store = each.as<Store>())
        visit(store->value, [&](const Expr& expr) {
          if (expr.kind() != Expr::Kind::load || !has(expr, loop->variable)) return;
          const auto* name = std::get_if<BufferName>(&expr.source());
          if (name != nullptr && inputs.contains(name->text))
            add_row(rows, expr, places, *loop, width, seen);
        });
  }
  return rows;
}

}  // namespace hone::cuda::emitter
