#include "device/cpu/ceilings.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/threads.hpp"
#include "device/cpu/jit/multiply_adds.hpp"

namespace hone::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPieces = 8;  // pieces for each worker, so that none is waited for long

/// Of several rounds the least: what others take of the machine is not the machine's.
template <class Work>
double least_seconds(Team& team, int rounds, const Work& work) {
  double least = 0;
  team.run([&] {
    for (int round = 0; round < rounds; ++round) {
      const auto start = Clock::now();
      team.parallel(int64_t{team.workers()} * kPieces, work);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (round == 0 || seconds < least) least = seconds;
    }
  });
  return least;
}

double copied_per_second(Team& team, const Target& target) {
  constexpr int64_t kLeast = int64_t{64} << 20, kMost = int64_t{256} << 20;
  const int64_t pieces = int64_t{team.workers()} * kPieces;
  const int64_t piece = std::clamp(2 * target.l3, kLeast, kMost) / pieces;
  const std::vector<std::byte> from(static_cast<size_t>(pieces * piece), std::byte{1});
  std::vector<std::byte> to(from.size());
  const double seconds = least_seconds(team, 3, [&](int64_t at) {
    std::memcpy(to.data() + at * piece, from.data() + at * piece, static_cast<size_t>(piece));
  });
  return 2.0 * static_cast<double>(to.size()) / seconds;
}

}  // namespace

Ceilings measured_ceilings(Isa isa, const Target& target, int workers) {
  Team team(workers);
  Ceilings made;
  made.bytes_per_second = copied_per_second(team, target);
  if (isa != Isa::generic) {
    const MultiplyAdds code(isa);
    if (code)
      made.flops_per_second =
          workers * kPieces * code.flops() / least_seconds(team, 7, [&](int64_t) { code.run(); });
  }
  return made;
}

}  // namespace hone::cpu
