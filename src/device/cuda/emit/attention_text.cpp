#include "device/cuda/emit/attention_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/warpgroup_text.hpp"
#include "device/cuda/texts.hpp"

namespace hone::cuda::emitter {

namespace {

std::string begin_halves(const std::string& constants, int64_t head, int64_t value, bool bf16) {
  return cat(constants, "constexpr int kHead = ", head, ", kValue = ", value,
             ";\nconstexpr bool kBf16 = ", bf16 ? "true" : "false", ";\ntypedef uint4 Unit;\n",
             embedded_text("tensor"), embedded_text("attention_keys"));
}

}  // namespace

std::string attention_text(const std::string& constants, const AttentionTile& tile, bool bf16) {
  std::string text = begin_halves(constants, tile.head, tile.value, bf16);
  text +=
      cat("constexpr int kStages = ", tile.stages, ", kBlocks = ", tile.blocks_at_once(), ";\n");
  if (tile.groups == 0) {
    text += embedded_text("attention_warps");
  } else {
    constexpr int kBoxColumns = 64;  // of values
    text += cat("constexpr int kGroups = ", tile.groups, ", kKeys = ", tile.keys, ";\n",
                embedded_text("warpgroup"), warpgroup_instruction(tile.keys, bf16),
                warpgroup_instruction_of_registers(kBoxColumns, bf16),
                embedded_text("attention_groups"));
  }
  text += cat(embedded_text("attention_halves"), embedded_text("attention_join"));
  return Text{text}.narrow();
}

std::string few_queries_text(const std::string& constants, const FewQueries& few, bool bf16) {
  return Text{cat(begin_halves(constants, few.head, few.value, bf16),
                  "constexpr int kStages = ", few.stages, ", kMostParts = ", FewQueries::kMostParts,
                  ";\n", embedded_text("attention_few"))}
      .narrow();
}

std::string cache_text(const std::string& constants, int64_t head, DType dtype) {
  const std::string of = dtype == DType::f16 ? "f16" : "bf16";
  const std::string element =
      dtype == DType::f32
          ? "typedef float Element;\n__device__ float number(float x) { return x; }\n"
            "__device__ float element(float x) { return x; }\n"
          : cat("typedef unsigned short Element;\n__device__ float number(Element x) { return "
                "from_",
                of, "(x); }\n__device__ Element element(float x) { return to_", of, "(x); }\n");
  return Text{cat(constants, "constexpr int kHead = ", head, ";\n", element,
                  embedded_text("attention_keys"), embedded_text("cache"))}
      .narrow();
}

int64_t shared_bytes_of_floats(int64_t head, int64_t value) {
  constexpr int kQueries = 32, kKeys = 64;  // as in the text
  const int64_t row = head + 4;
  return 4 * (kQueries * row + kKeys * row + kKeys * value + kQueries * kKeys);
}

std::string attention_of_floats_text(const std::string& constants, int64_t head, int64_t value) {
  return Text{cat(constants, "constexpr int kHead = ", head, ", kValue = ", value,
                  ";\ntypedef float Unit;\n", embedded_text("attention_keys"),
                  embedded_text("attention"), embedded_text("attention_join"))}
      .narrow();
}

}  // namespace hone::cuda::emitter
