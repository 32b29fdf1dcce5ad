// Any bytes as an ONNX file: a graph that verifies and prints, or an Error.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "import/import.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hone::ImportOptions options;
  options.random_weights = size % 2 == 0 ? std::optional<uint64_t>(size) : std::nullopt;
  options.limits.nodes = 2000;
  options.limits.folded_bytes = 1 << 20;
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    const hone::Imported imported = hone::import_onnx_bytes(bytes, {}, options);
    hone::verify(*imported.graph, "import");
    (void)hone::print(*imported.graph);
  } catch (const hone::Error& error) {
    if (error.code() == hone::Code::internal) {
      std::fputs(error.what(), stderr);
      std::abort();  // a bug of ours, whatever the file says
    }
  }
  return 0;
}
