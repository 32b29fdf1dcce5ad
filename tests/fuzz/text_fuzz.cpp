// Any text is refused with an error of the model's or reads as a graph that prints, reads back and
// prints the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hone;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::unique_ptr<Graph> graph;
  try {
    graph = parse(text, all_ops());
  } catch (const Error& error) {
    if (error.code() == Code::internal) std::abort();
    return 0;
  }
  const std::string printed = print(*graph);
  if (print(*parse(printed, all_ops())) != printed) std::abort();
  return 0;
}
