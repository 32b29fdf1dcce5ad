#pragma once
// Inputs that have a value of their own, which is taken where the caller of a run gives none.

#include <map>
#include <memory>
#include <set>
#include <string>

#include "ir/graph.hpp"

namespace hone {

/// The graph that is built has them as constants; this is what the model is without that.
struct Defaults {
  std::shared_ptr<const Graph> graph;  // where they are inputs like any other; not optimized
  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> values;  // by input's name
};

/// Inputs of the graph that have a value of their own, in order; of null: none.
std::vector<const Value*> default_inputs(const Defaults* defaults);

/// The model where the defaults that are not among `given` are constants.
std::unique_ptr<Graph> graph_with(const Defaults& defaults, const std::set<std::string>& given);

/// The values alone, for a file: constants that are outputs of the inputs' names.
std::unique_ptr<Graph> graph_of_values(const Defaults& defaults);
/// Back. Error(invalid_model) where `values` is none such or does not fit `graph`.
Defaults defaults_of(std::shared_ptr<const Graph> graph, const Graph& values);

}  // namespace hone
