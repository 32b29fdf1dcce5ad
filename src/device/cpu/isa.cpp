#include "device/cpu/isa.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string_view>

#include "base/log.hpp"

namespace hone::cpu {
namespace {

constexpr Isa kAll[] = {Isa::generic, Isa::avx2, Isa::avx512};

Isa of_processor() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::generic;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return wide ? Isa::avx512 : Isa::avx2;
}

Isa of_environment() {
  const char* wanted = std::getenv("HONE_ISA");
  if (wanted == nullptr) return Isa::avx512;
  for (const Isa each : kAll)
    if (std::string_view(wanted) == name(each)) return each;
  log(Level::warning, "HONE_ISA is \"", wanted, "\", wanted generic, avx2 or avx512: not heeded");
  return Isa::avx512;
}

std::atomic<Isa> limit = Isa::avx512;

}  // namespace

Isa isa() {
  static const Isa kBest = std::min(of_processor(), of_environment());
  return std::min(kBest, limit.load(std::memory_order_relaxed));
}

void limit_isa(Isa most) { limit.store(most); }

bool has_vnni() {
  static const bool kHas = __builtin_cpu_supports("avx512vnni") != 0;
  return kHas && isa() == Isa::avx512;
}

const char* name(Isa isa) {
  switch (isa) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    case Isa::generic: break;
  }
  return "generic";
}

}  // namespace hone::cpu
