#pragma once
// A program: a typed graph with its plan, kernels prepared and weights packed; immutable, shared by
// contexts.

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "plan/plan.hpp"

namespace hone {

/// Packed weights by content and form: made once, shared by programs, shapes and contexts, kept as
/// long as a program has them.
class PackStore {
 public:
  Tensor pack(const Problem& problem, const Tuning& tuning, const Packing& packing);
  int64_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<Hash, std::string>, std::weak_ptr<const Tensor>> packed_;
};

class Program {
 public:
  /// Prepares `plan` of `graph`: one that was made for it, or that check_plan() has seen.
  /// Error(incompatible_engine) when it is of another graph.
  static std::shared_ptr<const Program> make(std::shared_ptr<const Graph> graph, Plan plan,
                                             const KernelRegistry& kernels, PackStore& packs);

  struct Step {
    hone::Step::Kind kind = hone::Step::Kind::run;
    const Node* node = nullptr;
    std::vector<Value*> operands;              // region inputs, in order
    std::vector<bool> packed;                  // of operands: the kernel has its own form
    std::shared_ptr<const Prepared> prepared;  // of run steps
    int scratch = -1;                          // index among the plan's buffers
    Dim late_scratch;                          // bytes, where only running tells them; else 0
    std::shared_ptr<const Program> then_branch, else_branch;
  };

  const Graph& graph() const { return *graph_; }
  const Plan& plan() const { return plan_; }
  const std::vector<Step>& steps() const { return steps_; }
  /// Index of a value among the program's values; value_count() in all.
  int index(const Value* value) const { return indices_.at(value); }
  int value_count() const { return static_cast<int>(indices_.size()); }
  /// Contents of a constant, aligned to its element type.
  const Tensor& constant(const Value* value) const { return constants_.at(value); }

 private:
  Program() = default;
  void add_step(const hone::Step& planned, const Node& node, int at, const KernelRegistry& kernels,
                PackStore& packs, size_t& branch);
  void add_constant(const Value* value);

  std::shared_ptr<const Graph> graph_;
  Plan plan_;
  std::vector<Step> steps_;
  std::unordered_map<const Value*, int> indices_;
  std::unordered_map<const Value*, Tensor> constants_;
};

}  // namespace hone
