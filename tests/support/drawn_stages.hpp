#pragma once
// Stages of random nodes of every op, with operands and what the stages give for them.

#include <functional>
#include <string>

#include "ir/nest/lower.hpp"
#include "ir/tensor.hpp"
#include "support/random_graph.hpp"

namespace hone::test {

/// Stages, lowered.
struct DrawnStages {
  const Stages& stages;
  const Bindings& symbols;
  Lowered lowered;
  std::vector<Tensor> inputs;   // of the nest
  std::vector<Tensor> outputs;  // as the stages' interpreter has them
};
/// Tells what is wrong; empty: nothing is.
using Visit = std::function<std::string(const DrawnStages&)>;

/// Draws a graph and visits each of its nodes that has stages of little work, until something is
/// wrong.
std::string visit_drawn_stages(uint64_t seed, const OpRegistry& ops,
                               const RandomGraphOptions& options, const Visit& visit);
/// Draws a small graph and visits the stages of all its nodes as one nest, if all have some.
std::string visit_drawn_region(uint64_t seed, const OpRegistry& ops, const Visit& visit);

/// The largest difference, relative to the largest magnitude; infinity where one has a NaN or an
/// infinity that the other has not. 0: the same numbers.
double difference(const Tensor& got, const Tensor& want);

}  // namespace hone::test
