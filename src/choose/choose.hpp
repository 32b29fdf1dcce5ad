#pragma once
// Which kernel runs a region: the cheapest by estimate among those that accept it.

#include <unordered_set>

#include "device/chosen.hpp"
#include "device/device.hpp"
#include "device/problem.hpp"
#include "device/timing.hpp"
#include "ir/graph.hpp"

namespace hone {

/// Chooses for one problem after the other. Kernels mostly give the same reasons: the choices share
/// the lists of them.
class Chooser {
 public:
  /// `timing`: asked about ways whose estimates are near the least; null: estimates decide.
  explicit Chooser(const KernelRegistry& kernels, Timing* timing = nullptr)
      : kernels_(kernels.all()), timing_(timing) {}

  /// The least time among the kernels and their tunings; by estimate, of each kernel the first
  /// tuning. Ties go to the first name. Error(unsupported) with every kernel's reason when none
  /// accepts.
  Chosen choose(std::shared_ptr<const Problem> problem);
  /// Tells who is asked for times which problems come next.
  void expect(const std::vector<std::shared_ptr<const Problem>>& problems);
  bool is_timed() const { return timing_ != nullptr; }

 private:
  using List = std::shared_ptr<const Refusals>;
  struct Hash {
    size_t operator()(const List& list) const;
  };
  struct Equal {
    bool operator()(const List& a, const List& b) const { return *a == *b; }
  };

  std::vector<const Kernel*> kernels_;
  Timing* timing_;
  std::unordered_set<List, Hash, Equal> lists_;
};

/// The estimated time of that choice, infinite where no kernel accepts; reasons are not written
/// down.
double least_seconds(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem);

/// Called for each choice.
using OnChoice = std::function<void()>;

/// Decides every node of the graph that a kernel runs, and those of the bodies of its control flow.
Choices choose(const Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
               const OnChoice& each = nullptr, Timing* timing = nullptr);

}  // namespace hone
