#pragma once
// The cases of the ONNX standard's backend suite, as its folders hold them.

#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace hone {

/// The suite's tolerance, unless a case has a data.json of its own.
struct Tolerance {
  double relative = 1e-3, absolute = 1e-7;
};

struct Case {
  std::string name;
  std::filesystem::path model;
  std::vector<std::filesystem::path> sets;  // folders of input_*.pb and output_*.pb
  /// A whole network without stored inputs: they are made. Its outputs, in order.
  std::vector<std::filesystem::path> outputs;
  Tolerance tolerance;

  bool is_network() const { return !outputs.empty(); }
};

/// The cases of a folder, sorted by name: folders with a model.onnx, files light_X.onnx, and
/// folders whose data.json names such a file.
std::vector<Case> cases_of(const std::filesystem::path& folder);
/// The files of a case's folder that are called `prefix` and a number, by number.
std::vector<std::filesystem::path> numbered(const std::filesystem::path& folder,
                                            std::string_view prefix);

/// What the suite has and Hone leaves out.
enum class CaseScope : uint8_t {
  inside,
  training,
  strings,        // of texts: normalizing, splitting, regular expressions, tf-idf; string tensors
  image_decoder,  // decoding of pictures
};
std::string_view name(CaseScope scope);
/// Of what only an operator's name tells. The default domain is "".
CaseScope scope_of(std::string_view domain, std::string_view op);

/// An operator as a model uses it; the version is its domain's.
struct OperatorUse {
  std::string domain, name;
  int64_t version = 0;
  auto operator<=>(const OperatorUse&) const = default;
};

struct Contents {
  CaseScope scope = CaseScope::inside;
  std::set<OperatorUse> operators;  // of the graph, its bodies and its functions
};
/// Error(invalid_model) for a damaged file.
Contents contents_of(const std::filesystem::path& model);

}  // namespace hone
