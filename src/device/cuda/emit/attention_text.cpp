#include "device/cuda/emit/attention_text.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/emit.hpp"
#include "device/cuda/emit/warpgroup_text.hpp"
#include "device/cuda/texts.hpp"

namespace hone::cuda::emitter {

std::string attention_text(const std::string& constants, const AttentionTile& tile, bool bf16) {
  std::string text =
      cat(constants, "constexpr int kHead = ", tile.head, ", kValue = ", tile.value,
          ", kStages = ", tile.stages, ", kBlocks = ", tile.blocks_at_once(),
          ";\nconstexpr bool kBf16 = ", bf16 ? "true" : "false", ";\n", embedded_text("tensor"));
  if (tile.groups == 0) {
    text += embedded_text("attention_warps");
  } else {
    constexpr int kBoxColumns = 64;  // of values
    text += cat("constexpr int kGroups = ", tile.groups, ", kKeys = ", tile.keys, ";\n",
                embedded_text("warpgroup"), warpgroup_instruction(tile.keys, bf16),
                warpgroup_instruction_of_registers(kBoxColumns, bf16),
                embedded_text("attention_groups"));
  }
  text += embedded_text("attention_halves");
  return Text{text}.narrow();
}

}  // namespace hone::cuda::emitter
