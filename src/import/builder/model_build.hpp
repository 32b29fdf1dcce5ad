#pragma once
// What all graphs of one model share while it is imported, whatever its format: limits, counts and
// problems.

#include <functional>
#include <string>
#include <string_view>

#include "import/builder/model_file.hpp"
#include "import/import.hpp"
#include "import/report.hpp"
#include "ir/graph.hpp"

namespace hone::builder {

/// What a node reads was reported already; whatever depends on it fails silently.
struct FailedBefore {};
/// A limit of the whole model is reached: nothing more is imported.
struct BeyondLimit {
  std::string message;
};

struct ModelBuild {
  const ImportOptions& options;
  const ModelFile& file;   // constants are told apart by where they lie in it
  size_t most_name_bytes;  // of all names that are made
  Report report = {};
  int64_t nodes = 0;       // imported so far, calls inlined
  int64_t size_terms = 0;  // of the sizes of all values
  int64_t captures = 0;    // inputs that bodies got for values of outer graphs
  size_t name_bytes = 0;   // of all names that were made

  /// One more of each: BeyondLimit where there are too many.
  void count_node(const Graph& into);
  void count_name(std::string_view name);
  void count_capture(const Value& value);
  /// What inference made of the results of a node. Error(invalid_model) for a size that cannot be.
  void count_results(const Node& node);

  /// A problem of what is no node: "input "x"".
  void report_place(std::string place, const Error& error, std::string suggestion = {});
  /// Does `f`, the import of one node. False: it failed; `tell` is given the error, but for
  /// FailedBefore, whose cause is told.
  bool attempt(const std::function<void()>& f, const std::function<void(const Error&)>& tell);
};

/// A name of the file in quotes, for messages.
std::string quoted(std::string_view name);

/// Constants that were taken over as fields, and those that nothing reads.
void drop_unused_constants(Graph& graph);

}  // namespace hone::builder
