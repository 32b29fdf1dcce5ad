#pragma once
// Which tiles attention of halves may have on a GPU, and how long they are estimated to take.

#include <vector>

#include "device/cuda/emit/attention_text.hpp"
#include "device/target.hpp"

namespace hone::cuda {

/// How much there is to do; heads are those of all samples.
struct AttentionWork {
  double heads = 0, kv_heads = 0, queries = 0, keys = 0;
};

/// Tiles that there is room for. `head`, `value`: elements of a key, of a value.
std::vector<emitter::AttentionTile> attention_tiles(const Target& target, int64_t head,
                                                    int64_t value);
/// As many stages as let two blocks share a multiprocessor; two where one has it alone.
emitter::FewQueries few_queries_for(const Target& target, int64_t head, int64_t value);

/// Fitted to times of an H200 (docs/cuda.md).
double seconds_of_attention(const Target& target, const emitter::AttentionTile& tile,
                            const AttentionWork& work, bool masked);
/// Of keys and values, of `elements` together, that are read, and written where they are `kept`.
double seconds_of_few_queries(const Target& target, const AttentionWork& work, int64_t elements,
                              bool kept);

}  // namespace hone::cuda
