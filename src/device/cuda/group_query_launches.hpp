#pragma once
// A step of attention over a cache that is ready to run: which functions it launches.

#include <memory>

#include "device/attention_views.hpp"
#include "device/cuda/emit/attention_text.hpp"
#include "device/cuda/module.hpp"
#include "ops/group_query.hpp"

namespace hone::cuda {

struct GroupQueryStep final : ByText, std::enable_shared_from_this<GroupQueryStep> {
  std::shared_ptr<const Graph> body;
  GroupQueryAttention op;
  Placed q, k, v;
  int inputs[GroupQueryAttention::kSink] = {};  // by operand, of the region; -1: absent
  int outputs[3] = {-1, -1, -1};                // the result, the caches
  int element_bytes = 4;
  std::unique_ptr<const LateModule> filling;
  /// Either may be absent; with both, the number of queries tells.
  std::unique_ptr<const LateModule> tiles, few;
  int shared = 0, threads = 256;  // of tiles
  int64_t queries_a_block = 32;
  emitter::FewQueries of_few;

  std::vector<MachineCode> code() const override;
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

/// Rows that a head of the cache has once the new ones are there.
Dim rows_of_cache(const Node& node);
/// Bytes of working memory: what parts of the keys come to, queries that were turned, caches that
/// nobody wants. `value_of_few`: elements of a value, where few queries are taken by parts of the
/// keys; else 0.
Dim group_query_scratch(const Node& node, int64_t value_of_few);

}  // namespace hone::cuda
