#pragma once
// Writing graphs in formats that other tools read.

#include <cstdint>
#include <filesystem>
#include <string>

#include "ir/graph.hpp"

namespace hone {

struct ExportOptions {
  /// Weights in a file of their own beside the model, MODEL.data, each at a multiple of 4096.
  enum class External : uint8_t {
    automatic,  ///< when they come to more than `inline_bytes`
    always,
    never
  };
  External external = External::automatic;
  int64_t inline_bytes = int64_t{64} << 20;
  int64_t external_bytes = 1024;  ///< smaller tensors stay in the model
};

/// What was written.
struct Exported {
  uint64_t model_bytes = 0, data_bytes = 0;  // 0: no data file
  std::filesystem::path data;                // the data file
};

/// Writes the graph as an ONNX model: names are kept, shapes stay symbolic, the opset is the oldest
/// from 18 on that has what the nodes use. What the types require of sizes is not written. The same
/// graph gives the same bytes. Error(unsupported) naming every node that ONNX cannot express;
/// Error(io), also for weights that are absent. The model is replaced whole or not at all, after
/// its data.
Exported export_onnx(const Graph& graph, const std::filesystem::path& path,
                     const ExportOptions& options = {});

/// Writes the graph as text (ir/text/text.hpp) and its large constants beside it, in PATH.data,
/// which the text names with hashes; import_file() reads it back. Error(io); Error(unsupported) for
/// large constants of strings.
Exported export_text(const Graph& graph, const std::filesystem::path& path);

/// The ONNX model in memory, weights and all.
std::string onnx_bytes(const Graph& graph);

}  // namespace hone
