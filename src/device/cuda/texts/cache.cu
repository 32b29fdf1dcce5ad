// New keys and values go into a cache behind those of each sample; they and queries are turned by
// their place. A warp has a row of a head at a time, of queries first, then keys, then values. What
// else the cache has comes from the past, 16 bytes at a time, unless both are the same memory: the
// blocks from number `filling` on see to that. Element, number(), element(): of f32 or halves;
// kHead: elements of a head; kTurns: 0 nothing is turned, 1 halves of a head, 2 neighbours;
// kPositionBits: of places that are given, 0: none are.
struct Cached {
  const Element* fresh;  // keys or values
  const Element* past;
  Element* all;
  Heads of;
};

/// Integers number `at` of so many bits.
template <int kBits> __device__ long long integer_at(const void* from, long long at) {
  return kBits == 64 ? ((const long long*)from)[at] : (long long)((const int*)from)[at];
}

__device__ void turn_row(Element* to, const Element* from, const Element* cosines,
                         const Element* sines, int half) {
  const int lane = threadIdx.x % 32;
  for (int i = lane; i < half; i += 32) {
    const int a = kTurns == 2 ? 2 * i : i, b = kTurns == 2 ? 2 * i + 1 : half + i;
    const float real = number(from[a]), imaginary = number(from[b]);
    const float cosine = number(cosines[i]), sine = number(sines[i]);
    to[a] = element(cosine * real - sine * imaginary);
    to[b] = element(sine * real + cosine * imaginary);
  }
  for (int i = 2 * half + lane; i < kHead; i += 32) to[i] = from[i];
}

/// Rows of the cache that are not new.
__device__ void carry(const Cached& cache, const void* lengths, long long kv_heads, long long fresh,
                      long long past, long long keys, long long heads, long long first_block,
                      long long blocks) {
  constexpr int kUnits = kHead * (int)sizeof(Element) / 16;
  if (cache.past == cache.all) return;
  const uint4* from = (const uint4*)cache.past;
  uint4* to = (uint4*)cache.all;
  const long long all = heads * keys * kUnits;
  for (long long i = first_block * 256 + threadIdx.x; i < all; i += blocks * 256) {
    const long long row = i / kUnits, unit = i - row * kUnits;
    const long long head = row / keys, j = row - head * keys;
    const long long first = Keys(lengths, head / kv_heads, keys, fresh, past).place;
    if (j >= first && j < first + fresh) continue;
    to[i] = j < past ? from[(head * past + j) * kUnits + unit] : uint4{0, 0, 0, 0};
  }
}

extern "C" __global__ void __launch_bounds__(256)
    fill(const Element* q, const Element* k, const Element* v, const Element* past_k,
         const Element* past_v, Element* all_k, Element* all_v, Element* turned,
         const Element* cosines, const Element* sines, const void* positions, const void* lengths,
         long long batch, long long heads, long long kv_heads, long long fresh, long long past,
         long long keys, long long half, long long places, long long filling, Heads of_q,
         Heads of_k, Heads of_v) {
  let_others_begin();
  wait_for_others();
  const Cached key_cache{k, past_k, all_k, of_k}, value_cache{v, past_v, all_v, of_v};
  if (blockIdx.x >= filling) {
    const long long blocks = gridDim.x - filling, at = blockIdx.x - filling;
    carry(key_cache, lengths, kv_heads, fresh, past, keys, batch * kv_heads, at, blocks);
    carry(value_cache, lengths, kv_heads, fresh, past, keys, batch * kv_heads, at, blocks);
    return;
  }
  const long long queries = kTurns != 0 ? heads : 0, of_token = queries + 2 * kv_heads;
  const long long rows = batch * fresh * of_token;
  const int lane = threadIdx.x % 32;
  for (long long row = blockIdx.x * 8ll + threadIdx.x / 32; row < rows; row += filling * 8) {
    // Quotients of 64 bits take long.
    const long long token = (unsigned)row / (unsigned)of_token, h = row - token * of_token;
    const long long b = (unsigned)token / (unsigned)fresh, i = token - b * fresh;
    const long long first = Keys(lengths, b, keys, fresh, past).place;
    long long place = first + i;
    if (kPositionBits != 0) place = integer_at<kPositionBits == 64 ? 64 : 32>(positions, token);
    place = place < 0 ? 0 : place < places ? place : places - 1;
    const Element *cosine = cosines + place * half, *sine = sines + place * half;
    if (h < queries) {
      turn_row(turned + (token * heads + h) * kHead, q + b * of_q.batch + h * of_q.head + i * of_q.row,
               cosine, sine, (int)half);
      continue;
    }
    const bool is_value = h - queries >= kv_heads;
    const long long own = h - queries - (is_value ? kv_heads : 0);
    const Heads& of = is_value ? of_v : of_k;
    const Element* from = (is_value ? v : k) + b * of.batch + own * of.head + i * of.row;
    const long long to = first + i;
    if (to >= keys) continue;  // lengths are wrong
    Element* all = (is_value ? all_v : all_k) + ((b * kv_heads + own) * keys + to) * kHead;
    if (kTurns != 0 && !is_value) turn_row(all, from, cosine, sine, (int)half);
    else
      for (int e = lane; e < kHead; e += 32) all[e] = from[e];
  }
}
