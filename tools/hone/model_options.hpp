#pragma once
// The arguments that say which model and how to make an engine of it; several verbs take them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/build.hpp"
#include "verb.hpp"

namespace hone::cli {

using Shapes = std::map<std::string, std::vector<int64_t>, std::less<>>;

struct ModelOptions {
  std::string path;
  std::optional<uint64_t> random_weights;
  double random_gain = 0;  // 0: not given
  bool follow_links = false;
  std::string weights, signature;
  bool reference_rounding = false;
  std::vector<std::string> results;
  int workers = 0;
  std::string device;
  bool no_fallback = false, trust = false;
  int streams = 1;
  bool fp16 = false, bf16 = false;
  std::vector<std::string> disabled, keep;
  std::vector<std::string> shapes;
  std::vector<std::string> numbers;

  void declare_path(Arguments& arguments, bool required = true);  // a model or an engine
  void declare_weights(Arguments& arguments);
  void declare_workers(Arguments& arguments);
  void declare_device(Arguments& arguments);
  void declare_halves(Arguments& arguments);
  void declare_disabled(Arguments& arguments);
  void declare_shapes(Arguments& arguments);

  /// The file's name without its folder, for messages.
  std::string file_name() const;
  ImportOptions import_options() const;
  /// It is a model of a format whose inputs get other sizes than the file states by --shape. Reads
  /// the file: for messages.
  bool takes_sizes() const;
  /// Error(usage) for a pass that is none.
  BuildOptions build_options() const;
  /// A model is imported and built, an engine loaded. `before` sees the graph when nothing that
  /// takes long was done.
  std::shared_ptr<const Engine> open_engine(const OnGraph& before = {}) const;
  /// Error(usage) when options were given that only a model can take.
  void check_engine_options() const;
  /// Sizes of inputs of `graph` by --shape. Error(usage) when they contradict its types.
  Shapes input_shapes(const Graph& graph, const Defaults* defaults = nullptr) const;
  /// What --shape says of the symbols in these types.
  Bindings given_sizes(const Graph& graph) const;
};

/// NAME=VALUE, the name one of `graph`'s inputs; VALUE alone where there is one input, those that
/// have a value of their own not counted. Error(usage) otherwise. `option` is for messages:
/// "--input".
std::pair<std::string, std::string> split_name(const Graph& graph, const std::string& given,
                                               std::string_view option,
                                               const Defaults* defaults = nullptr);
/// Names of the inputs that a run has to give.
std::vector<std::string> wanted_inputs(const Graph& graph, const Defaults* defaults);

/// "1x3x224x224". Error(usage).
std::vector<int64_t> parse_shape(std::string_view text);

}  // namespace hone::cli
