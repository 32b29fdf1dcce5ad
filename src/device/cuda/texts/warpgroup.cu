// Instructions of warpgroups (four warps), compute capability 9.0: they read both operands in
// shared memory and run while their warps do other things.
__device__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// All groups of products but the last kBehind are done.
template <int kBehind> __device__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(kBehind) : "memory");
}
/// Sums are not looked at before: what reads them stays behind this.
template <int kCount> __device__ void take_sums(float (&sums)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(sums[i]) :: "memory");
}
/// What this thread wrote to shared memory is seen by them behind the next barrier.
__device__ void show_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Rows of 128 bytes in groups of 8, as tensor.cu says; `at` of a row 0 of a group.
__device__ unsigned long long tile_at(unsigned at) {
  return 1ull << 62 | 64ull << 32 | 1ull << 16 | (at & 0x3ffff) >> 4;
}
/// Rows of 64 bytes: the 16 bytes of number c are at number c ^ row / 2 % 4.
__device__ unsigned long long short_tile_at(unsigned at) {
  return 2ull << 62 | 32ull << 32 | 1ull << 16 | (at & 0x3ffff) >> 4;
}
/// Elements of the depth lie below each other, 64 columns side by side.
__device__ unsigned long long turned_tile_at(unsigned at) {
  return 1ull << 62 | 64ull << 32 | 1ull << 16 | (at & 0x3ffff) >> 4;
}

/// Runs of bytes that a unit of its own copies. Each stage has 8 bytes of shared memory that count
/// them: `at`.
__device__ void begin_runs(unsigned at, int stages) {
  for (int i = 0; i < stages; ++i)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" :: "r"(at + i * 8) : "memory");
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ void expect_run(unsigned at, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
               :: "r"(at), "r"(bytes) : "memory");
}
__device__ void copy_run(unsigned to, const void* from, int bytes, unsigned at) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
               "[%3];"
               :: "r"(to), "l"(from), "r"(bytes), "r"(at) : "memory");
}
__device__ unsigned has_come(unsigned at, unsigned phase) {
  unsigned done;
  asm volatile("{.reg .pred p;\n"
               " mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
               " selp.u32 %0, 1, 0, p;}"
               : "=r"(done) : "r"(at), "r"(phase) : "memory");
  return done;
}
__device__ void wait_run(unsigned at, unsigned phase) {
  while (!has_come(at, phase)) {}
}
/// The same where no products run: what does not come within seconds ends the kernel with an error.
__device__ void wait_at_most(unsigned at, unsigned phase) {
  constexpr unsigned long long kNanoseconds = 4000000000ull;
  unsigned long long begin = 0, now;
  while (!has_come(at, phase)) {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    if (begin == 0) begin = now;
    if (now - begin > kNanoseconds) asm volatile("trap;");
  }
}

/// Blocks of a cluster wait for each other. What they wrote to memory is not made seen.
__device__ void meet() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;\n barrier.cluster.wait.acquire.aligned;"
               ::: "memory");
}
/// Where another block of the cluster has what this one has there.
__device__ unsigned place_of(unsigned at, unsigned block) {
  unsigned there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(at), "r"(block));
  return there;
}
/// Two numbers into another block's memory, which are counted there as a run's bytes are.
__device__ void send_pair(unsigned to, float x, float y, unsigned counter) {
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1,%2}, [%3];"
               :: "r"(to), "f"(x), "f"(y), "r"(counter) : "memory");
}
