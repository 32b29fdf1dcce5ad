#pragma once
// Values of two graphs of one model side by side.

#include <string>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone {

struct ValuePair {
  const Value *a, *b;
};

/// Tensors that both graphs compute, in the order of `a`'s nodes, then outputs that no pair has:
/// those of one name that fit; else results of nodes that end with the same node of the
/// model, the only one of each graph; outputs by their place.
std::vector<ValuePair> common_values(const Graph& a, const Graph& b);

/// How far apart two contents are.
struct Distance {
  double share = 0;    // largest distance of two elements, in the largest magnitude of the first
  double largest = 0;  // that magnitude
  int64_t at = -1;     // the element that is farthest; -1: none is apart
  std::string incomparable;  // in words, when they have no elements to compare; share is infinite
};
/// NaN is NaN's equal; strings and complex numbers are equal or infinitely far apart.
Distance distance(const Tensor& a, const Tensor& b);

}  // namespace hone
