#include "ir/nest/crossing.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hone {

Buffers buffers_of(const Nest& nest) {
  Buffers buffers;
  for (const NestBuffer& buffer : nest.parameters) buffers.emplace(buffer.name, buffer);
  walk(nest.body, [&](const Statement& statement) {
    if (const Allocate* made = statement.as<Allocate>())
      buffers.emplace(made->buffer.name, made->buffer);
    return true;
  });
  return buffers;
}

namespace {

class Accesses {
 public:
  std::vector<Access> of(const Block& block, bool own) {
    collect(block);
    if (own) return std::move(all_);
    std::erase_if(all_, [&](const Access& access) { return own_.contains(access.buffer); });
    return std::move(all_);
  }

 private:
  void collect(const Block& block) {
    for (const Statement& statement : block) {
      if (const Allocate* made = statement.as<Allocate>()) own_.insert(made->buffer.name);
      if (const Store* store = statement.as<Store>()) {
        loads(store->value);
        all_.push_back({store->buffer, store->place, true, store->fold, false, inner_});
      }
      if (const BlockProduct* contract = statement.as<BlockProduct>()) collect(*contract);
      if (const NestLoop* loop = statement.as<NestLoop>()) {
        inner_.push_back({Dim::variable(loop->variable), loop->extent});
        collect(loop->body);
        inner_.pop_back();
      }
    }
  }

  void collect(const BlockProduct& contract) {
    const Around around = inner_;
    inner_.push_back(contract.row);
    inner_.push_back(contract.column);
    inner_.insert(inner_.end(), contract.depth.begin(), contract.depth.end());
    loads(contract.a);
    loads(contract.b);
    all_.push_back({contract.into, Dims{contract.row.variable, contract.column.variable}, true,
                    Function::add, false, inner_});
    inner_ = around;
  }

  void loads(const Expr& whole) {
    visit(whole, [&](const Expr& expr) {
      const auto* name = std::get_if<BufferName>(&expr.source());
      if (expr.kind() != Expr::Kind::load || name == nullptr) return;
      Dims place;
      for (const Expr& index : expr.operands())
        if (index.kind() == Expr::Kind::index) place.push_back(index.dim());
      Access access{name->text, place, false, {}, {}, inner_};
      if (place.size() < expr.operands().size()) access.place.reset();
      access.padded = expr.outside().has_value();
      all_.push_back(std::move(access));
    });
  }

  std::vector<Access> all_;
  std::set<std::string, std::less<>> own_;
  Around inner_;
};

/// The same loops in another turn: their variables and those of `moving` have another name.
class Other {
 public:
  explicit Other(const Around& moving) {
    for (const Axis& axis : moving) names_.emplace(*axis.variable.as_variable());
  }

  Dim of(const Dim& dim) const {
    return dim.substitute_variables([&](std::string_view name) {
      return names_.contains(name) ? std::optional<Dim>(renamed(name)) : std::nullopt;
    });
  }

  Around of(const Around& loops) {
    Around renamed_loops;
    for (const Axis& axis : loops) {
      const std::string name(*axis.variable.as_variable());
      const Dim extent = of(axis.extent);
      names_.insert(name);
      renamed_loops.push_back({renamed(name), extent});
    }
    return renamed_loops;
  }

 private:
  static Dim renamed(std::string_view name) { return Dim::variable(cat(name, ".other")); }
  std::set<std::string, std::less<>> names_;
};

/// Where accesses of one buffer lie along some of its axes: factor * variable + rest.
class Strip {
 public:
  Strip(const NestLoop& loop, const Around& around, const Around& moving)
      : variable_(Dim::variable(loop.variable)), around_(around), moving_(moving) {
    here_ = around;
    here_.push_back({variable_, loop.extent});
  }

  bool add(const Dim& place, const Access& access) {
    const auto parts = linear_in(place, *variable_.as_variable());
    if (!parts || mentions_any(parts->factor, access.inner) || mentions_any(parts->factor, moving_))
      return false;
    if (!parts_.empty() && !(parts_[0].second.factor == parts->factor)) return false;
    parts_.emplace_back(&access, *parts);
    return true;
  }

  /// Two turns reach different elements: their rests never differ by a whole factor.
  bool is_apart() const {
    const Dim& factor = parts_[0].second.factor;
    if (!always_at_most(0, factor, around_)) return false;
    for (const auto& [a, left] : parts_)
      for (const auto& [b, right] : parts_)
        if ((a->writes || b->writes) && !differ(*a, left.rest, *b, right.rest, factor))
          return false;
    return true;
  }

 private:
  bool differ(const Access& a, const Dim& left, const Access& b, const Dim& right,
              const Dim& factor) const {
    Around loops = here_;
    loops.insert(loops.end(), a.inner.begin(), a.inner.end());
    Other other({});
    Around again = moving_;
    again.push_back(here_.back());
    again.insert(again.end(), b.inner.begin(), b.inner.end());
    again = other.of(again);
    loops.insert(loops.end(), again.begin(), again.end());
    return always_at_most(left - other.of(right), factor - 1, loops);
  }

  Dim variable_;
  Around around_, moving_, here_;
  std::vector<std::pair<const Access*, Linear>> parts_;
};

/// Axes beyond would be tried in too many orders.
constexpr size_t kMostAxes = 4;

/// Tries the axes in `order` and those behind them: places along several axes are the digits of one
/// number, in any order that one likes.
bool are_apart(const std::vector<Access>& all, const Strip& empty, const Dims& shape,
               std::vector<size_t>& order, const std::vector<size_t>& axes) {
  if (!order.empty()) {
    Strip strip = empty;
    const bool linear = std::all_of(all.begin(), all.end(), [&](const Access& access) {
      Dim number = 0;
      for (const size_t axis : order) number = number * shape[axis] + (*access.place)[axis];
      return strip.add(number, access);
    });
    if (linear && strip.is_apart()) return true;
  }
  for (const size_t axis : axes) {
    if (std::find(order.begin(), order.end(), axis) != order.end()) continue;
    order.push_back(axis);
    if (are_apart(all, empty, shape, order, axes)) return true;
    order.pop_back();
  }
  return false;
}

bool are_apart(const std::vector<Access>& all, const NestLoop& loop, const Around& around,
               const Dims& shape, const Around& moving) {
  std::vector<size_t> axes;  // along which turns of the loop move at all
  for (const Access& access : all)
    if (!access.place || access.place->size() != shape.size()) return false;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (std::any_of(all.begin(), all.end(), [&](const Access& access) {
          return mentions((*access.place)[axis], loop.variable);
        }))
      axes.push_back(axis);
  axes.resize(std::min(axes.size(), kMostAxes));
  std::vector<size_t> order;
  return are_apart(all, Strip(loop, around, moving), shape, order, axes);
}

bool is_exact(Function fold, DType dtype) {
  return !is_float(dtype) || fold == Function::min || fold == Function::max;
}

}  // namespace

std::vector<Access> accesses_of(const Block& block, bool own) { return Accesses().of(block, own); }

Crossing crossing(const NestLoop& loop, const Around& around, const Buffers& buffers,
                  std::string_view name, const Around& moving) {
  Crossing result;
  result.buffer = name;
  std::vector<Access> all = accesses_of(loop.body);
  std::erase_if(all, [&](const Access& access) { return access.buffer != name; });
  const bool writes =
      std::any_of(all.begin(), all.end(), [](const Access& access) { return access.writes; });
  const auto turns = most_turns(loop.extent, around);
  if (!writes || (turns && *turns <= 1 && moving.empty())) return result;
  const NestBuffer& buffer = buffers.find(name)->second;
  if (are_apart(all, loop, around, buffer.shape, moving)) return result;
  const bool folds = std::all_of(all.begin(), all.end(), [&](const Access& access) {
    return access.fold && access.fold == all[0].fold;
  });
  result.meeting = folds ? Meeting::folds : Meeting::meet;
  result.exact = folds && is_exact(*all[0].fold, buffer.dtype);
  return result;
}

Crossing crossing(const NestLoop& loop, const Around& around, const Buffers& buffers) {
  Crossing worst;
  for (const std::string& name : written(loop)) {
    Crossing one = crossing(loop, around, buffers, name, {});
    const bool is_worse =
        one.meeting > worst.meeting || (one.meeting == worst.meeting && !one.exact && worst.exact);
    if (is_worse) worst = std::move(one);
  }
  return worst;
}

namespace {

std::string first_meeting(const Block& block, Around& around, const Buffers& buffers) {
  for (const Statement& statement : block) {
    const NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr) continue;
    if (loop->mode == Mode::parallel || loop->mode == Mode::vector) {
      const Crossing found = crossing(*loop, around, buffers);
      const bool may = found.meeting == Meeting::apart ||
                       (loop->mode == Mode::vector && found.meeting == Meeting::folds);
      if (!may)
        return cat("turns of the ", name(loop->mode), " loop $", loop->variable, " meet in ",
                   found.buffer);
    }
    around.push_back({Dim::variable(loop->variable), loop->extent});
    if (std::string found = first_meeting(loop->body, around, buffers); !found.empty())
      return found;
    around.pop_back();
  }
  return {};
}

}  // namespace

std::string first_meeting(const Nest& nest) {
  Around around;
  return first_meeting(nest.body, around, buffers_of(nest));
}

std::set<std::string, std::less<>> written(const NestLoop& loop) {
  std::set<std::string, std::less<>> names;
  for (const Access& access : accesses_of(loop.body))
    if (access.writes) names.insert(access.buffer);
  return names;
}

}  // namespace hone
