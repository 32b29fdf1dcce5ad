#include <algorithm>

#include "base/text.hpp"
#include "ir/nest/producer.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {
namespace {

/// What is computed in a loop and is the same in all of its turns: the largest such expressions,
/// each once. Truths are computed again: no register holds them for long.
class Fixed {
 public:
  Fixed(const Nest& nest, const NestLoop& loop, const Around& around, const Buffers& buffers)
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
  void collect(const Expr& expr) {
    if (is_held(expr)) return;
    if (expr.dtype() != DType::boolean && is_fixed(expr)) {
      if (std::find(list_.begin(), list_.end(), expr) == list_.end()) list_.push_back(expr);
      return;
    }
    for (const Expr& operand : expr.operands()) collect(operand);
  }

  /// It costs nothing where it stands.
  bool is_held(const Expr& expr) const {
    if (expr.kind() != Expr::Kind::load)
      return expr.kind() == Expr::Kind::number || expr.kind() == Expr::Kind::index;
    const auto from = buffers_.find(std::get<BufferName>(expr.source()).text);
    return from != buffers_.end() && from->second.scope == Scope::registers &&
           from->second.shape.empty();
  }

  bool is_fixed(const Expr& expr) const {
    switch (expr.kind()) {
      case Expr::Kind::number: return true;
      case Expr::Kind::index: return is_fixed(expr.dim()) && is_defined(expr.dim());
      case Expr::Kind::load: return is_fixed_load(expr);
      default:
        return std::all_of(expr.operands().begin(), expr.operands().end(),
                           [&](const Expr& operand) { return is_fixed(operand); });
    }
  }

  bool is_fixed(const Dim& dim) const {
    std::set<std::string, std::less<>> used;
    dim.collect_variables(used);
    return std::none_of(used.begin(), used.end(),
                        [&](const std::string& one) { return own_.contains(one); });
  }

  bool is_fixed_load(const Expr& load) const {
    const std::string& name = std::get<BufferName>(load.source()).text;
    if (own_.contains(name) || written_.contains(name)) return false;
    const NestBuffer& from = buffers_.find(name)->second;
    if (is_held(load)) return true;
    if (!is_whole(nest_, from)) return false;
    for (size_t axis = 0; axis < from.shape.size(); ++axis) {
      const Expr& index = load.operands()[axis];
      if (index.kind() != Expr::Kind::index || !is_fixed(index.dim())) return false;
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

/// The largest expressions that have a register are read from it.
void read_held(Block& block, const std::vector<std::pair<Expr, Expr>>& held) {
  const auto replaced = [&](const Expr& whole) {
    return replace(whole, [&](const Expr& inside) -> std::optional<Expr> {
      for (const auto& [expr, load] : held)
        if (inside == expr) return load;
      return std::nullopt;
    });
  };
  for (Statement& statement : block) {
    if (Store* store = statement.as<Store>()) store->value = replaced(store->value);
    if (NestLoop* loop = statement.as<NestLoop>()) read_held(loop->body, held);
    if (BlockProduct* contract = statement.as<BlockProduct>()) {
      contract->a = replaced(contract->a);
      contract->b = replaced(contract->b);
    }
  }
}

}  // namespace

Declined hoist(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  const Buffers buffers = buffers_of(nest);
  const Fixed fixed(nest, loop, site->around, buffers);
  if (fixed.list().empty()) return cat("no load in $", variable, " stays where it is");
  Block made;
  std::vector<std::pair<Expr, Expr>> registers;
  for (const Expr& expr : fixed.list()) {
    const bool loads = expr.kind() == Expr::Kind::load;
    const std::string of = loads ? std::get<BufferName>(expr.source()).text : "t";
    const NestBuffer held{
        fresh(nest, cat(of, ".h", made.size() / 2)), expr.dtype(), {}, Scope::registers};
    made.push_back({Allocate{held}});
    made.push_back({Store{held.name, {}, std::nullopt, expr}});
    registers.emplace_back(expr, Expr::load(BufferName{held.name}, expr.dtype(), {}));
  }
  read_held(loop.body, registers);
  site->block->insert(site->block->begin() + static_cast<std::ptrdiff_t>(site->at),
                      std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
  return {};
}

}  // namespace hone
