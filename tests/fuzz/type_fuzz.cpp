// Types and dimensions from any text: what parses prints, and reads back as the same object.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "ir/type.hpp"

using namespace hone;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto type = parse_type(text);
  if (!type) return 0;
  const std::string printed = cat(*type);
  std::string_view rest = printed;
  if (parse_type(rest) != type || !rest.empty()) std::abort();
  if (!type->is_tensor() || !type->tensor().has_rank()) return 0;
  const Bindings bindings{{"a", 1}, {"b", 2}, {"n", 7}};
  for (const Dim& dim : type->tensor().shape()) {
    const auto value = dim.evaluate(bindings);
    const Interval bounds = dim.bounds({{"a", {1, 1}}, {"b", {2, 2}}, {"n", {7, 7}}});
    const bool above = bounds.low == -Interval::kUnbounded || !value || bounds.low <= *value;
    if (!above || (value && bounds.high < *value)) std::abort();
  }
  return 0;
}
