#pragma once
// Loops as TensorFlow 1 writes them, as cycles of nodes.

#include "import/tensorflow/proto.hpp"

namespace hone::tensorflow {

/// Every loop of the graph (Enter, Merge, Switch, NextIteration, Exit) becomes a While with two
/// functions, as TensorFlow 2 writes it. Error(invalid_model): cycles that are none.
void make_functions_of_loops(GraphFile& file, const Limits& limits);

}  // namespace hone::tensorflow
