// Any text as a -symbol.json and any bytes behind a zero as its .params: an Error, or a graph.

#include "graph_run.hpp"
#include "import/mxnet/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = all.find('\0');
  const std::string_view text = all.substr(0, end);
  hone::test::try_import(size, [&](const hone::ImportOptions& options) {
    std::optional<hone::builder::ModelFile> weights;
    if (end != std::string_view::npos)
      weights = hone::builder::ModelFile{std::as_bytes(std::span(data, size)).subspan(end + 1),
                                         nullptr, "weights"};
    return hone::mxnet::import_network(text, "net", weights, "there are no weights", options);
  });
  return 0;
}
