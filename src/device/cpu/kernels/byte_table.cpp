// Element by element from bytes to bytes, by a table of 256: whatever ops follow one another
// between quantized numbers, as long as every element of the result depends on one element of one
// operand and on constants. Reference evaluation makes the table.

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/stages/stages.hpp"

namespace hone::cpu {
namespace byte_table_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr size_t kBytes = 256;

using Table = std::array<std::byte, kBytes>;

/// The nodes at the front of a region that are functions of one element of `x`.
class Functions {
 public:
  explicit Functions(const Problem& problem) : problem_(problem) {
    const Graph& body = *problem.region.body;
    for (const Value* input : body.nodes().front().inputs)
      if (input != nullptr && constant_of(problem, input) == nullptr && input->is_input())
        x_ = input;
    if (x_ == nullptr || !is_byte(x_->type.tensor())) return;
    known_.insert(x_);
    for (const Node& node : body.nodes()) {
      if (!is_function(node)) break;
      known_.insert(node.output());
      nodes_.push_back(&node);
    }
    while (!nodes_.empty() && !is_byte(nodes_.back()->output()->type.tensor())) nodes_.pop_back();
  }
  const Value* x() const { return x_; }
  const std::vector<const Node*>& nodes() const { return nodes_; }

  /// What the last of them is of each byte; Error where one of them does not run.
  Table table() const {
    std::unordered_map<const Value*, Tensor> contents;
    Tensor bytes(x_->type.tensor().dtype, {static_cast<int64_t>(kBytes)});
    for (size_t i = 0; i < kBytes; ++i) bytes.mutable_bytes()[i] = static_cast<std::byte>(i);
    contents.emplace(x_, std::move(bytes));
    for (const Node* node : nodes_) {
      std::vector<const Tensor*> inputs;
      for (const Value* input : node->inputs)
        inputs.push_back(input == nullptr           ? nullptr
                         : contents.contains(input) ? &contents.at(input)
                                                    : &constant_of(problem_, input)->tensor());
      contents[node->output()] = std::move(evaluate(*node, inputs, {}).front());
    }
    const Tensor& last = contents.at(nodes_.back()->output());
    check(last.count() == static_cast<int64_t>(kBytes), Code::internal, "a table of ",
          last.count());
    Table table;
    std::ranges::copy(last.bytes(), table.begin());
    return table;
  }

 private:
  bool is_function(const Node& node) const {
    if (node.outputs.size() != 1 || !node.op.op_class().pure) return false;
    for (const Value* input : node.inputs) {
      if (input == nullptr || known_.contains(input)) continue;
      const Weight* weight = constant_of(problem_, input);
      if (weight == nullptr || weight->count() != 1) return false;
    }
    const TensorType& result = node.output()->type.tensor();
    if (!result.has_rank() || result.shape() != x_->type.tensor().shape()) return false;
    const Stages stages = stages_of(node);
    return stages && std::all_of(stages.list.begin(), stages.list.end(),
                                 [&](const auto& stage) { return is_here(stage->expr); });
  }

  /// It reads elements at the place of the result's, and single ones.
  bool is_here(const Expr& expr) const {
    const auto all = [&](const auto& holds) {
      return std::all_of(expr.operands().begin(), expr.operands().end(), holds);
    };
    switch (expr.kind()) {
      case Expr::Kind::number: return true;
      case Expr::Kind::call:
      case Expr::Kind::cast: return all([&](const Expr& operand) { return is_here(operand); });
      case Expr::Kind::load: break;
      default: return false;
    }
    const auto* value = std::get_if<const Value*>(&expr.source());
    if (value != nullptr && !known_.contains(*value)) return true;  // a constant of one element
    size_t axis = 0;
    return all([&](const Expr& index) {
      const bool is_single = x_->type.tensor().shape()[axis].is(1);  // there is one place to read
      return index.is_loop(static_cast<int>(axis++)) || is_single;
    });
  }

  const Problem& problem_;
  const Value* x_ = nullptr;
  std::unordered_set<const Value*> known_;
  std::vector<const Node*> nodes_;
};

Verdict supports(const Problem& problem) {
  const Functions functions(problem);
  if (functions.nodes().empty())
    return Verdict::no("no function from one element of 8 bits to another one");
  try {
    functions.table();
  } catch (const Error& error) {
    return Verdict::no(cat("no table can be made: ", error.message()));
  }
  const Value* last = functions.nodes().back()->output();
  const Graph& body = *problem.region.body;
  if (functions.nodes().size() != body.nodes().size())
    return Verdict::yes_up_to(last->name, "only functions of one element run in one step");
  if (body.outputs().size() != 1) return Verdict::no("more than one result");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const double count = typical_count(*problem, Functions(*problem).x()->type);
  made.seconds = count * (2 / problem->target->bytes_per_second + 3e-10);
  made.problem = std::move(problem);
  return made;
}

struct TableShared final : Shared<TableShared> {
  TableShared(const Problem& problem, const Functions& functions)
      : table(functions.table()), x(problem, functions.x()) {}

  Table table;
  Source x;

  static void look_up(const std::byte* known, const uint8_t* from, int64_t count, std::byte* to) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < count; ++i) to[i] = known[from[i]];
  }

  int64_t geometry(const Operands& operands) const { return element_count(x.shape(operands)); }

  void run(int64_t count, const Operands& operands, std::span<std::byte>, Stream& stream) const {
    const auto* from = x.as<uint8_t>(operands);
    std::byte* to = operands.outputs[0].data;
    parallel_ranges(stream, count, kTile, [=, known = table.data()](int64_t first, int64_t last) {
      look_up(known, from + first, last - first, to + first);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  return std::make_shared<TableShared>(problem, Functions(problem));
}

}  // namespace
}  // namespace byte_table_kernel

void register_byte_table(KernelRegistry& registry) {
  using namespace byte_table_kernel;
  registry.add({"cpu.byte_table", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
