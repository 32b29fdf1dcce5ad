// The copy engine and the barriers of blocks that stay: a warp brings tiles, warpgroups multiply
// them. A barrier counts who arrives and the bytes that come; `phase`: its lowest bit changes each
// time that all are there.
struct alignas(64) Map {
  unsigned long long words[16];
};

__device__ void begin_barrier(unsigned at, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(at), "r"(arrivals) : "memory");
}
__device__ void show_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ void arrive(unsigned at) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(at) : "memory");
}
/// Of a box: the element that it begins with.
__device__ void copy_box(unsigned to, const Map& map, unsigned barrier, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
               "[%1, {%3, %4, %5}], [%2];"
               :: "r"(to), "l"(&map), "r"(barrier), "r"(x), "r"(y), "r"(z) : "memory");
}
/// What one tap of a filter sees of pictures, from channel c of the place (h, w) of picture n on,
/// which are those of the filter's corner.
__device__ void copy_picture(unsigned to, const Map& map, unsigned barrier, int c, int w, int h,
                             int n, unsigned short tap_w, unsigned short tap_h) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8};"
               :: "r"(to), "l"(&map), "r"(barrier), "r"(c), "r"(w), "r"(h), "r"(n), "h"(tap_w),
                  "h"(tap_h) : "memory");
}
/// Back to memory; what lies outside is left out. The thread that stored waits until the memory
/// may be written again: all of its stores but the last kBehind have read it.
__device__ void store_box(const Map& map, unsigned from, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];\n"
               "cp.async.bulk.commit_group;"
               :: "l"(&map), "r"(from), "r"(x), "r"(y), "r"(z) : "memory");
}
template <int kBehind> __device__ void wait_stores() {
  asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(kBehind) : "memory");
}
/// Where a lane's row of four blocks of 8 rows by 16 bytes is in a slot, whose rows of kBytes lie as
/// operands' do: 16 rows of a warp, two times 16 bytes from number `sixteen` of them on.
template <int kBytes>
__device__ unsigned place_of_blocks(unsigned slot, unsigned sixteen, unsigned warp, unsigned lane) {
  const unsigned row = warp * 16 + lane % 16, turn = kBytes == 128 ? row % 8 : row / 2 % 4;
  return slot + row * kBytes + ((sixteen + lane / 16 ^ turn) << 4);
}
__device__ void store_blocks(unsigned at, const unsigned (&x)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1,%2,%3,%4};"
               :: "r"(at), "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]) : "memory");
}
__device__ void look_up(const Map& map) {
  asm volatile("prefetch.tensormap [%0];" :: "l"(&map) : "memory");
}
/// The threads of a warpgroup wait for each other.
__device__ void meet_warpgroup(unsigned warpgroup) {
  asm volatile("bar.sync %0, 128;" :: "r"(warpgroup + 1) : "memory");
}
/// So do the threads of all of a block's.
template <int kThreads> __device__ void meet_multipliers() {
  asm volatile("bar.sync 1, %0;" :: "n"(kThreads) : "memory");
}
/// Blocks of a cluster wait until all have come, in two steps.
__device__ void come_to_cluster() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}
__device__ void await_cluster() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
template <int kRegisters> __device__ void want_fewer_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(kRegisters));
}
template <int kRegisters> __device__ void want_more_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(kRegisters));
}
/// A place in a ring, and how often it was gone round.
struct Turn {
  unsigned at = 0, phase = 0;
  __device__ void go_on(unsigned by, unsigned size) {
    at += by;
    phase ^= at / size & 1;
    at %= size;
  }
};
