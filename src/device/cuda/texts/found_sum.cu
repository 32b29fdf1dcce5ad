// Counts become how many were counted before each; the sum of all is behind the last. One block.
extern "C" __global__ void __launch_bounds__(1024) sum(long long* counts, long long n) {
  let_others_begin();
  wait_for_others();
  __shared__ long long of_warps[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  long long all = 0;
  for (long long first = 0; first < n; first += 1024) {
    const long long i = first + threadIdx.x, own = i < n ? counts[i] : 0;
    long long upto = own;
    for (int d = 1; d < 32; d <<= 1) {
      const long long other = __shfl_up_sync(0xffffffffu, upto, d);
      if (lane >= d) upto += other;
    }
    if (lane == 31) of_warps[warp] = upto;
    __syncthreads();
    long long before = all, here = 0;
    for (int w = 0; w < 32; ++w) {
      if (w < warp) before += of_warps[w];
      here += of_warps[w];
    }
    if (i < n) counts[i] = before + upto - own;
    all += here;
    __syncthreads();
  }
  if (threadIdx.x == 0) counts[n] = all;
}
