#include <algorithm>

#include "base/text.hpp"
#include "ir/nest/producer.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {
namespace {

/// Loads in a loop that read the same element in all of its turns, each once.
class FixedLoads {
 public:
  FixedLoads(const Nest& nest, const Loop& loop, const Around& around, const Buffers& buffers)
      : nest_(nest), around_(around), buffers_(buffers), written_(written(loop)) {
    own_ = names_of(Nest{{}, {}, loop.body});
    own_.insert(loop.variable);
    walk(loop.body, [&](const Statement& statement) {
      each_expr(statement, [&](const Expr& expr) { collect(expr); });
      return true;
    });
  }

  const std::vector<Expr>& list() const { return list_; }

 private:
  void collect(const Expr& whole) {
    visit(whole, [&](const Expr& load) {
      if (load.kind() == Expr::Kind::load && is_fixed(load) &&
          std::find(list_.begin(), list_.end(), load) == list_.end())
        list_.push_back(load);
    });
  }

  bool is_fixed(const Expr& load) const {
    const std::string& name = std::get<BufferName>(load.source()).text;
    if (own_.contains(name) || written_.contains(name)) return false;
    const Buffer& from = buffers_.find(name)->second;
    if (from.scope == Scope::registers && from.shape.empty()) return false;  // it is in one already
    if (!is_whole(nest_, from)) return false;
    for (size_t axis = 0; axis < from.shape.size(); ++axis) {
      const Expr& index = load.operands()[axis];
      if (index.kind() != Expr::Kind::index) return false;
      std::set<std::string, std::less<>> used;
      index.dim().collect_variables(used);
      if (std::any_of(used.begin(), used.end(),
                      [&](const std::string& one) { return own_.contains(one); }))
        return false;
      // The loop may have no turns: then nothing was read.
      const bool inside =
          load.outside() || (always_at_most(0, index.dim(), around_) &&
                             always_at_most(index.dim(), from.shape[axis] - 1, around_));
      if (!inside || !is_defined(index.dim())) return false;
    }
    return true;
  }

  const Nest& nest_;
  const Around& around_;
  const Buffers& buffers_;
  std::set<std::string, std::less<>> written_, own_;  // by the loop, and names that it defines
  std::vector<Expr> list_;
};

}  // namespace

Declined hoist(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  Loop& loop = site->loop();
  const Buffers buffers = buffers_of(nest);
  const FixedLoads fixed(nest, loop, site->around, buffers);
  if (fixed.list().empty()) return cat("no load in $", variable, " stays where it is");
  Block made;
  for (const Expr& load : fixed.list()) {
    const std::string& from = std::get<BufferName>(load.source()).text;
    const Buffer held{
        fresh(nest, cat(from, ".h", made.size() / 2)), load.dtype(), {}, Scope::registers};
    made.push_back({Allocate{held}});
    made.push_back({Store{held.name, {}, std::nullopt, load}});
    Change by;
    by.load = [&](const Expr& inside) -> std::optional<Expr> {
      if (!(inside == load)) return std::nullopt;
      return Expr::load(BufferName{held.name}, load.dtype(), {});
    };
    change(loop.body, by);
  }
  site->block->insert(site->block->begin() + static_cast<std::ptrdiff_t>(site->at),
                      std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
  return {};
}

}  // namespace hone
