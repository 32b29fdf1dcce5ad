// Elements that are not zero: how many, then where. A block looks at kRun elements, each of its
// warps at a part that lies together. Bits: an element's; kMask: those that count.
constexpr int kRun = 4096, kWarps = 8, kOfWarp = kRun / kWarps;

__device__ unsigned found_at(const Bits* x, long long i, long long n) {
  return __ballot_sync(0xffffffffu, i < n && (x[i] & kMask) != 0);
}

extern "C" __global__ void __launch_bounds__(256)
    count(const Bits* x, long long* counts, long long n) {
  let_others_begin();
  wait_for_others();
  __shared__ int of_warps[kWarps];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long long first = blockIdx.x * (long long)kRun + warp * kOfWarp;
  int own = 0;
#pragma unroll 4
  for (int i = 0; i < kOfWarp; i += 32) own += __popc(found_at(x, first + i + lane, n));
  if (lane == 0) of_warps[warp] = own;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kWarps; ++w) own += of_warps[w];
  counts[blockIdx.x] = own;
}

struct Sizes {
  long long size[8];
};

/// Coordinates, one axis behind the other.
extern "C" __global__ void __launch_bounds__(256)
    places(const Bits* x, const long long* before, long long* to, long long n, long long found,
           long long rank, Sizes shape) {
  let_others_begin();
  wait_for_others();
  __shared__ int of_warps[kWarps];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long long first = blockIdx.x * (long long)kRun + warp * kOfWarp;
  int own = 0;
#pragma unroll 4
  for (int i = 0; i < kOfWarp; i += 32) own += __popc(found_at(x, first + i + lane, n));
  if (lane == 0) of_warps[warp] = own;
  __syncthreads();
  long long at = before[blockIdx.x];
  for (int w = 0; w < warp; ++w) at += of_warps[w];
  for (int i = 0; i < kOfWarp; i += 32) {
    const unsigned found_here = found_at(x, first + i + lane, n);
    if (found_here >> lane & 1) {
      const long long place = at + __popc(found_here & (1u << lane) - 1);
      long long rest = first + i + lane;
      for (int axis = (int)rank - 1; axis >= 0; --axis) {
        const long long q = rest / shape.size[axis];
        to[axis * found + place] = rest - q * shape.size[axis];
        rest = q;
      }
    }
    at += __popc(found_here);
  }
}
