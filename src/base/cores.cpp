#include "base/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "base/threads.hpp"

namespace hone {
namespace {

std::optional<std::string> first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

constexpr int64_t kNoLimit = std::numeric_limits<int>::max();

/// CPUs that `quota` of every `period` microseconds makes, rounded up.
int64_t cpus_of(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return kNoLimit;
  return std::min(kNoLimit, (*quota - 1) / *period + 1);
}

int64_t limit_in(const std::filesystem::path& group) {
  int64_t limit = kNoLimit;
  if (const auto line = first_line(group / "cpu.max")) {  // v2: "200000 100000" or "max 100000"
    const auto parts = split(trim(*line), ' ');
    if (parts.size() == 2) limit = cpus_of(parse_int(parts[0]), parse_int(parts[1]));
  }
  const auto quota = first_line(group / "cpu.cfs_quota_us");  // v1; -1 is no limit
  const auto period = first_line(group / "cpu.cfs_period_us");
  if (quota && period)
    limit = std::min(limit, cpus_of(parse_int(trim(*quota)), parse_int(trim(*period))));
  return limit;
}

/// The tightest quota of the process's group and those above it.
int64_t quota(const std::filesystem::path& root) {
  int64_t limit = kNoLimit;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/a/b" or "0::/a/b"
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const auto controllers = split(parts[1], ',');
    const bool unified = parts[1].empty();
    if (!unified && std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end())
      continue;
    const auto mount = root / (unified ? "sys/fs/cgroup" : "sys/fs/cgroup/cpu");
    // In a container the path may be the host's; then only the mounted top is there.
    auto group = mount;
    limit = std::min(limit, limit_in(group));
    for (const auto& part : std::filesystem::path(parts[2]).relative_path()) {
      if (part == "..") break;
      group /= part;
      limit = std::min(limit, limit_in(group));
    }
  }
  return limit;
}

}  // namespace

int count_cores(std::span<const int> cpus, const std::filesystem::path& root) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    const auto topology = root / cat("sys/devices/system/cpu/cpu", cpu, "/topology");
    auto siblings = first_line(topology / "thread_siblings_list");
    if (!siblings) siblings = first_line(topology / "core_cpus_list");
    cores.insert(siblings.value_or(cat("cpu ", cpu)));
  }
  const auto count = std::min(static_cast<int64_t>(cores.size()), quota(root));
  return static_cast<int>(std::max<int64_t>(count, 1));
}

int usable_cores() {
  // The kernel refuses a mask shorter than its own; double until it fits.
  for (size_t capacity = 1024; capacity <= (size_t{1} << 20); capacity *= 2) {
    cpu_set_t* mask = CPU_ALLOC(capacity);
    if (mask == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(capacity);
    std::vector<int> cpus;
    const bool known = ::sched_getaffinity(0, bytes, mask) == 0;
    for (size_t cpu = 0; known && cpu < capacity; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, mask)) cpus.push_back(static_cast<int>(cpu));
    CPU_FREE(mask);
    if (known) return count_cores(cpus);
  }
  return 1;
}

}  // namespace hone
