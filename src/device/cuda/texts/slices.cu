// Slices of an axis of `size` that are kept: outer times as many, of so many units each.
extern "C" __global__ void __launch_bounds__(256)
    take_slices(const Unit* x, const long long* kept, Unit* y, long long outer, long long size,
                long long found, long long units) {
  let_others_begin();
  wait_for_others();
  const long long all = outer * found * units;
  for (long long i = blockIdx.x * 256ll + threadIdx.x; i < all; i += gridDim.x * 256ll) {
    const long long row = i / units, unit = i - row * units;
    const long long before = row / found, at = row - before * found;
    y[i] = x[(before * size + kept[at]) * units + unit];
  }
}
