#pragma once
// What a graph computes, and whether a graph made of it still does.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/contract.hpp"
#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

/// The first element in which results differ by more than the contract allows, or, where results
/// may move at all, by more than `share` of the largest magnitude; empty: none. `place`: in which
/// Contract::Kind::half counts: a half's last place of 1.
std::string difference(const Contract& contract, double share, const std::vector<Tensor>& wanted,
                       const std::vector<Tensor>& got, double place = 0);

/// What of the graph gets lost when its text is read back; empty: nothing.
std::string round_trip(const Graph& graph);

/// What graphs are evaluated by, and how near results are to be.
struct Judge {
  double share = 0;  // as for difference()
  /// null: reference evaluation.
  std::function<std::vector<Tensor>(const Graph&, const std::vector<Tensor>&)> evaluate = nullptr;
  /// `evaluate` adds up in whatever order is fast: exact passes too may move floats by `share`.
  bool any_order = false;
};

/// Of one graph and of those that passes make of it, one after the other.
class Truth {
 public:
  Truth(const Graph& graph, std::vector<Tensor> inputs, Judge judge);

  /// What is wrong with the graph that `name` made of the one that was checked last: it is to
  /// verify, to read back as it prints, and to compute the same to `contract`. Empty: nothing.
  std::string check(std::string_view name, const Contract& contract, const Graph& graph);
  /// What is wrong with the last graph's results beside those of the first one, to the contracts
  /// of all that was checked together.
  std::string check_all() const;

 private:
  std::vector<Tensor> evaluate(const Graph& graph) const;

  std::vector<Tensor> inputs_;
  Judge judge_;
  std::vector<Tensor> first_, last_;
  Contract moved_ = kExact;
  bool bodies_;   // the graph had them when it was judged last
  double place_;  // of 1, in the coarsest half that the graph had at first
};

}  // namespace hone::test
