#pragma once
// A step of attention that is ready to run: which functions it launches, for which sizes.

#include <memory>

#include "device/attention_views.hpp"
#include "device/cuda/emit/attention_text.hpp"
#include "device/cuda/module.hpp"
#include "ops/attention.hpp"

namespace hone::cuda {

/// Where attention's operands and results are among those of its region; negative: nowhere.
struct AttentionPlaces {
  Placed q, k, v, y;
  int inputs[7] = {-1, -1, -1, -1, -1, -1, -1};  // by operand; of views: what they are of
  int outputs[3] = {-1, -1, -1};                 // the result, all keys, all values

  AttentionPlaces() = default;
  AttentionPlaces(const Graph& body, const Node& attention);
};

/// Bytes of working memory: for keys and values that are put together and nobody wants, and for
/// what parts of the keys come to. `value_of_few`: elements of a value, where few queries are taken
/// by parts of the keys; else 0.
Dim attention_scratch(const Node& attention, bool takes_tiles, int64_t value_of_few);

struct AttentionStep final : ByText, std::enable_shared_from_this<AttentionStep> {
  std::shared_ptr<const Graph> body;
  Attention op;
  AttentionPlaces places;
  int element_bytes = 4;
  /// Either may be absent; with both, the number of queries tells.
  std::unique_ptr<const LateModule> tiles, few;
  int shared = 0, threads = 256;  // of tiles
  int64_t queries_a_block = 32;
  emitter::FewQueries of_few;

  std::vector<MachineCode> code() const override;
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

}  // namespace hone::cuda
