#pragma once
// From a model file of any known format to a graph.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/defaults.hpp"
#include "ir/graph.hpp"
#include "ir/limits.hpp"

namespace hone {

struct ImportOptions {
  /// Fills weights whose external file is absent from this seed and their names, as
  /// Weight::random does; otherwise such weights are problems.
  std::optional<uint64_t> random_weights;
  double random_gain = 1;
  /// External data may lie behind symbolic and hard links, wherever they lead. Otherwise they are
  /// followed within a model hub's cache only (Links::hub).
  bool follow_links = false;
  /// The other file of a format that keeps a net in two; empty: it is looked for beside the model.
  std::filesystem::path weights;
  /// Sizes of inputs by name ("": of the only one) in place of those that the file states, in
  /// formats where a net may be run with others (Caffe), or that may not state them (TensorFlow).
  std::map<std::string, std::vector<int64_t>, std::less<>> shapes;
  /// Results wanted, by the names of nodes ("node", "node:1"), in formats whose files do not say
  /// which they are (TensorFlow's graphs). Empty: those that no node reads.
  std::vector<std::string> outputs;
  /// Which of its signatures a SavedModel is read by; empty: the one to serve with.
  std::string signature;
  /// Values of parameters that are numbers and no tensors, by name (TorchScript): they are no
  /// inputs of the graph then.
  std::map<std::string, double, std::less<>> numbers;
  /// Integer operators of TFLite round as its reference kernels do, twice, bit for bit, which is
  /// slower; else once, as those that its interpreter takes by default. So do floats beside weights
  /// of 8 bits, which are not rounded else.
  bool reference_rounding = false;
  Limits limits;
};

struct Imported {
  std::unique_ptr<Graph> graph;  // types inferred, not optimized; weights stay in the mapped file
  /// Of initializers that are inputs, too; null: there are none that a run may replace.
  std::shared_ptr<const Defaults> defaults;
  std::string fixed_defaults;  // why they are constants for good all the same; else empty
  std::string format;          // "onnx"
  std::string version;         // of the format: "opset 17"; may be empty
  std::string producer;        // "pytorch 2.11.0"; may be empty
  std::map<std::string, std::string> metadata;
};

/// Reads a model, or the one model in a folder; the format is told by the content. All problems are
/// found before it fails, with one Error: unsupported when Hone cannot run some nodes yet,
/// invalid_model when the file contradicts itself, io when it or its weights are not there.
Imported import_file(const std::filesystem::path& path, const ImportOptions& options = {});

/// An ONNX file in memory. `owner` keeps `bytes` alive and is shared by the weights; null: the
/// weights are copied. External data is looked for below `folder`; empty: there is none.
Imported import_onnx_bytes(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                           const ImportOptions& options = {},
                           std::shared_ptr<const void> owner = nullptr,
                           const std::string& file_name = "model");

}  // namespace hone
