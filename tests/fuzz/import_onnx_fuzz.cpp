// Any bytes as an ONNX file: an Error, or a graph.

#include "graph_run.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hone::test::try_import(size, [&](const hone::ImportOptions& options) {
    return hone::import_onnx_bytes(std::as_bytes(std::span(data, size)), {}, options);
  });
  return 0;
}
