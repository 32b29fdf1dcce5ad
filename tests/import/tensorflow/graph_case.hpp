#pragma once
// A graph of TensorFlow as a test states it: a node each line, what it reads behind its name.
//
//   Placeholder x f32 [-1,4,4,2]
//   Const w f32 [3,3,2,1] 1 2 3 ...        (one number: of all elements; +content: as bytes)
//   Conv2D y(x, w) strides=[1,1,1,1] padding=SAME
//   @in x [1,4,4,2] 1 2 3 ...
//
// Attributes are numbers, words, true or false, DT_FLOAT, lists in [], shapes in <>, functions by
// @name, a message of numbers by field as a text ($1=0,2;2=1); "Strings s a,b" is a constant of
// texts. Results that no node reads are outputs; `@heads y z:1` names others. Nodes after "function
// f(a f32, b f32) -> (y=node:port:0)" are the function's until "end".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/import.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

// A SavedModel has variables and a signature, too:
//
//   @variable key f32 [2] 1 2
//   @signature serving_default x=serve_x:0 -> y=call:0
//   @restore node
struct GraphCase {
  std::string file;          // a GraphDef
  std::string saved;         // the same as saved_model.pb
  std::string index, shard;  // of the variables
  std::vector<std::pair<std::string, Tensor>> inputs;
  std::vector<std::string> heads;
};
GraphCase graph_case(std::string_view given);

Imported import_case(const GraphCase& graph, const ImportOptions& options = {});
/// "y f32[1,2]: 1 2" for each output, by reference evaluation.
std::string values_of(const GraphCase& graph);

/// A checkpoint's index of these keys and values: one block, packed by Snappy (as literals) or not.
std::string table_of(const std::vector<std::pair<std::string, std::string>>& entries, bool packed);

}  // namespace hone::test
