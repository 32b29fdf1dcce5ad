#include "allocator.hpp"

#if defined(HONE_JEMALLOC)

#include <jemalloc/jemalloc.h>
#include <sys/resource.h>

// Read when the process starts. A cache for each thread is made before main() then, and where there
// are no addresses for it, jemalloc ends the process instead of saying that memory is out.
const char* malloc_conf = "narenas:1,retain:false,tcache:false";

void hone::cli::cache_small_blocks() {
  rlimit addresses{};
  if (getrlimit(RLIMIT_AS, &addresses) != 0 || addresses.rlim_cur != RLIM_INFINITY) return;
  bool enabled = true;
  mallctl("thread.tcache.enabled", nullptr, nullptr, &enabled, sizeof enabled);
}

#else

void hone::cli::cache_small_blocks() {}

#endif
