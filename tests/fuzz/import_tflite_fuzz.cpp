// Any bytes as a TFLite file: an Error, or a graph.

#include "graph_run.hpp"
#include "import/tflite/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hone::test::try_import(size, [&](const hone::ImportOptions& options) {
    return hone::tflite::import_model({std::as_bytes(std::span(data, size)), nullptr, "net"},
                                      options);
  });
  return 0;
}
