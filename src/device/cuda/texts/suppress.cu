// The boxes of a batch and class that are left, best score first, once every box is dropped that
// overlaps a better one by more than a threshold. A block has a batch and class: it lists the boxes
// whose score is high enough, then takes the best one and drops what that one overlaps, time after
// time, in one pass over the list each. Element, number(): of boxes and scores; kCenter: boxes are
// x, y, width, height, else two corners y, x. Single precision, rounded after every operation, as
// the reference has it.
constexpr int kThreads = 512;

struct Box {
  float top, left, bottom, right;
};
__device__ float area(const Box& box) {
  return __fmul_rn(__fsub_rn(box.bottom, box.top), __fsub_rn(box.right, box.left));
}
__device__ Box box_at(const Element* boxes, long long at) {
  float v[4];
  for (int i = 0; i < 4; ++i) v[i] = number(boxes[at * 4 + i]);
  if (kCenter) {
    const float w = __fmul_rn(v[2], 0.5f), h = __fmul_rn(v[3], 0.5f);
    return {__fsub_rn(v[1], h), __fsub_rn(v[0], w), __fadd_rn(v[1], h), __fadd_rn(v[0], w)};
  }
  // As std::min and std::max have it, where a number is none.
  return {v[2] < v[0] ? v[2] : v[0], v[3] < v[1] ? v[3] : v[1], v[0] < v[2] ? v[2] : v[0],
          v[1] < v[3] ? v[3] : v[1]};
}
__device__ float smaller(float a, float b) { return b < a ? b : a; }
__device__ float larger(float a, float b) { return a < b ? b : a; }
__device__ float overlap_of(const Box& a, const Box& b) {
  const float height = __fsub_rn(smaller(a.bottom, b.bottom), larger(a.top, b.top));
  const float width = __fsub_rn(smaller(a.right, b.right), larger(a.left, b.left));
  const float of_a = area(a), of_b = area(b);
  if (!(height > 0 && width > 0 && of_a > 0 && of_b > 0)) return 0;
  const float common = __fmul_rn(height, width);
  const float all = __fsub_rn(__fadd_rn(of_a, of_b), common);
  return all > 0 ? __fdiv_rn(common, all) : 0;
}

/// The best so far: its score and its place in the list, which is in the order of boxes; -1: none.
struct Best {
  float score;
  int at;
};
__device__ bool is_before(const Best& a, const Best& b) {
  if (a.at < 0 || b.at < 0) return b.at < 0 && a.at >= 0;
  const bool none_a = a.score != a.score, none_b = b.score != b.score;
  if (a.score > b.score || (none_b && !none_a)) return true;
  if (b.score > a.score || (none_a && !none_b)) return false;
  return a.at < b.at;
}

extern "C" __global__ void __launch_bounds__(kThreads)
    suppress(const Element* boxes, const Element* scores, const float* overlap_given,
             const float* least_given, float4* listed, float* listed_scores, int* listed_boxes,
             int* selected, long long* counts, long long classes, long long n, long long most) {
  let_others_begin();
  wait_for_others();
  __shared__ int of_warps[kThreads / 32];
  __shared__ Best best_of_warps[kThreads / 32];
  __shared__ Best best;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const long long row = blockIdx.x, batch = row / classes;
  boxes += batch * n * 4, scores += row * n;
  listed += row * n, listed_scores += row * n, listed_boxes += row * n, selected += row * most;
  const float overlap = overlap_given != 0 ? *overlap_given : 0.0f;
  const bool has_least = least_given != 0;
  const float least = has_least ? *least_given : 0.0f;
  int count = 0;
  for (long long first = 0; first < n; first += kThreads) {
    const long long i = first + threadIdx.x;
    const float score = i < n ? number(scores[i]) : 0.0f;
    const bool takes = i < n && (!has_least || score > least);
    const unsigned here = __ballot_sync(0xffffffffu, takes);
    if (lane == 0) of_warps[warp] = __popc(here);
    __syncthreads();
    int at = count + __popc(here & (1u << lane) - 1);
    for (int w = 0; w < kThreads / 32; ++w) {
      if (w < warp) at += of_warps[w];
      count += of_warps[w];
    }
    if (takes) {
      const Box box = box_at(boxes, i);
      listed[at] = float4{box.top, box.left, box.bottom, box.right};
      listed_scores[at] = score;
      listed_boxes[at] = (int)i;
    }
    __syncthreads();
  }
  int taken = 0;
  Box last{0, 0, 0, 0};
  while (taken < most) {
    Best own{0, -1};
    for (int i = threadIdx.x; i < count; i += kThreads) {
      if (listed_boxes[i] < 0) continue;
      if (taken > 0) {
        const float4 of = listed[i];
        if (best.at == i || overlap_of({of.x, of.y, of.z, of.w}, last) > overlap) {
          listed_boxes[i] = -1;
          continue;
        }
      }
      const Best other{listed_scores[i], i};
      if (is_before(other, own)) own = other;
    }
    for (int d = 16; d > 0; d >>= 1) {
      const Best other{__shfl_xor_sync(0xffffffffu, own.score, d),
                       __shfl_xor_sync(0xffffffffu, own.at, d)};
      if (is_before(other, own)) own = other;
    }
    if (lane == 0) best_of_warps[warp] = own;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int w = 1; w < kThreads / 32; ++w)
        if (is_before(best_of_warps[w], own)) own = best_of_warps[w];
      best = own;
      if (own.at >= 0) selected[taken] = listed_boxes[own.at];
    }
    __syncthreads();
    if (best.at < 0) break;
    const float4 of = listed[best.at];
    last = {of.x, of.y, of.z, of.w};
    ++taken;
  }
  if (threadIdx.x == 0) counts[row] = taken;
}

/// Rows batch, class, box.
extern "C" __global__ void __launch_bounds__(256)
    gather(const int* selected, const long long* before, long long* to, long long classes,
           long long most) {
  let_others_begin();
  wait_for_others();
  const long long row = blockIdx.x, first = before[row], count = before[row + 1] - first;
  for (long long i = threadIdx.x; i < count; i += 256) {
    long long* own = to + (first + i) * 3;
    own[0] = row / classes, own[1] = row % classes, own[2] = selected[row * most + i];
  }
}
