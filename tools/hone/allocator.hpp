#pragma once
// The tool's allocator.

namespace hone::cli {

/// Small blocks come from a cache of the calling thread from now on, but where the process may
/// reserve few addresses only (ulimit -v). The first thing that main() does.
void cache_small_blocks();

}  // namespace hone::cli
