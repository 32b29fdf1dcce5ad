// Any bytes as a GraphDef, as a saved_model.pb, and as a checkpoint's index: an Error, or a graph.

#include "graph_run.hpp"
#include "import/tensorflow/proto.hpp"
#include "import/tensorflow/reader.hpp"
#include "import/tensorflow/saved_model.hpp"
#include "import/tensorflow/table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const hone::builder::ModelFile file{std::as_bytes(std::span(data, size)), nullptr, "net"};
  hone::test::try_import(size, [&](const hone::ImportOptions& options) {
    if (!hone::tensorflow::looks_like_saved_model(text))
      return hone::tensorflow::import_graph(file, options);
    return hone::tensorflow::import_saved_model("no/such/folder", file, options);
  });
  try {
    hone::tensorflow::read_table(text, "index", 1 << 20, [](std::string_view, std::string_view) {});
  } catch (const hone::Error&) {
  }
  return 0;
}
