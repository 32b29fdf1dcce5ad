// Which keys queries see. kLast: how many keys behind its own place a query sees, kFirst: before it,
// -1: all; kLengthBits: of the numbers that say how many keys each sample has, 0: it has all of
// them; kLengthMore: one more than those say; kSoftcap, kFill, kZeroUnseen, kZeroNan as the op has
// them.
struct Heads {
  long long batch, head, row;
};
struct Mask {
  long long batch, head, query, key, keys;
};

struct Keys {
  long long valid, place;  // keys that are there; the place of query 0 among them

  __device__ Keys(const void* lengths, long long b, long long keys, long long queries,
                  long long past) {
    valid = keys, place = past;
    if (kLengthBits == 0) return;
    const long long given = kLengthBits == 64 ? ((const long long*)lengths)[b]
                                              : (long long)((const int*)lengths)[b];
    valid = given + kLengthMore;
    valid = valid < 0 ? 0 : valid > keys ? keys : valid;
    place = valid - queries;
    // Where all keys are new, samples may be shorter than the longest: padding follows.
    if (kLengthMore != 0 && place < 0) place = 0;
  }
  /// Keys that query i sees, from the first one on up to the end.
  __device__ long long first(long long i) const {
    const long long at = place + i - kFirst;
    return kFirst < 0 || at < 0 ? 0 : at;
  }
  __device__ long long end(long long i) const {
    const long long at = place + i + kLast + 1;
    return kLast < 0 || at > valid ? valid : at;
  }
};

__device__ float capped(float score) {
  const float cap = __int_as_float(kSoftcap);
  return kSoftcap == 0 ? score : cap * tanhf(score / cap);
}
