// The first elements of lines in some order: a block takes a line. Elements are compared as keys,
// unsigned numbers of which the least comes first; of equal ones the first in the line does.

__device__ unsigned ordered(float x) {
  if (x != x) return 0xffffffffu;
  const unsigned b = x == 0 ? 0 : __float_as_uint(x);
  return b >> 31 ? ~b : b | 0x80000000u;
}
__device__ unsigned long long ordered(double x) {
  if (x != x) return 0xffffffffffffffffull;
  const unsigned long long b = x == 0 ? 0 : (unsigned long long)__double_as_longlong(x);
  return b >> 63 ? ~b : b | 0x8000000000000000ull;
}
__device__ unsigned ordered(int x) { return (unsigned)x ^ 0x80000000u; }
__device__ unsigned ordered(unsigned x) { return x; }
__device__ unsigned ordered(short x) { return ordered((int)x); }
__device__ unsigned ordered(unsigned short x) { return x; }
__device__ unsigned ordered(signed char x) { return ordered((int)x); }
__device__ unsigned ordered(unsigned char x) { return x; }
__device__ unsigned long long ordered(long long x) {
  return (unsigned long long)x ^ 0x8000000000000000ull;
}
__device__ unsigned long long ordered(unsigned long long x) { return x; }

constexpr int kNowhere = 0x7fffffff;  // a place behind all others

template <class K>
struct Slots {
  static constexpr int kCount = sizeof(K) == 8 ? 2048 : 4096;
  K key[kCount];
  int place[kCount];
};

template <class K> __device__ bool before(K a, int i, K b, int j) {
  return a < b || (a == b && i < j);
}

template <class K> __device__ void leave_empty(Slots<K>& slots, int first, int end) {
  for (int i = first + threadIdx.x; i < end; i += blockDim.x) {
    slots.key[i] = ~(K)0;
    slots.place[i] = kNowhere;
  }
}

/// A bitonic network over `count` slots, a power of two.
template <class K> __device__ void sort(Slots<K>& slots, int count) {
  for (int size = 2; size <= count; size *= 2)
    for (int step = size / 2; step > 0; step /= 2) {
      for (int t = threadIdx.x; t < count / 2; t += blockDim.x) {
        const int a = 2 * t - (t & (step - 1)), b = a + step;
        const K p = slots.key[a], q = slots.key[b];
        const int i = slots.place[a], j = slots.place[b];
        if (before(q, j, p, i) == ((a & size) == 0)) {
          slots.key[a] = q;
          slots.key[b] = p;
          slots.place[a] = j;
          slots.place[b] = i;
        }
      }
      __syncthreads();
    }
}

__device__ int power_from(int count) {
  int power = 2;
  while (power < count) power *= 2;
  return power;
}

/// Slots 0 to `count` get the first of the line's n elements, in order. Where the line does not fit,
/// those that are before the last of the first ones so far are gathered, and sorted when there is
/// no room for more.
template <class K, class S>
__device__ void find_first(Slots<K>& slots, int& gathered, const S* x, I n, I inner, int count) {
  constexpr int kSlots = Slots<K>::kCount;
  if (n <= kSlots) {
    const int all = power_from((int)n);
    for (int i = threadIdx.x; i < (int)n; i += blockDim.x) {
      slots.key[i] = key_of(x[i * inner]);
      slots.place[i] = i;
    }
    leave_empty(slots, (int)n, all);
    __syncthreads();
    return sort(slots, all);
  }
  const int kept = power_from(count);
  leave_empty(slots, 0, kSlots);
  if (threadIdx.x == 0) gathered = kept;
  __syncthreads();
  K last = ~(K)0;
  int last_place = kNowhere;
  for (I first = 0; first < n; first += blockDim.x) {
    const I i = first + threadIdx.x;
    if (i < n) {
      const K key = key_of(x[i * inner]);
      if (before(key, (int)i, last, last_place)) {
        const int slot = atomicAdd(&gathered, 1);
        slots.key[slot] = key;
        slots.place[slot] = (int)i;
      }
    }
    __syncthreads();
    if (gathered + (int)blockDim.x <= kSlots && first + blockDim.x < n) continue;
    sort(slots, kSlots);
    last = slots.key[count - 1];
    last_place = slots.place[count - 1];
    __syncthreads();
    leave_empty(slots, kept, kSlots);
    if (threadIdx.x == 0) gathered = kept;
    __syncthreads();
  }
}
