#include "machine.hpp"

#include <sys/resource.h>

#include <fstream>
#include <set>

#include "output.hpp"

namespace hone::cli {
namespace {

/// What follows "KEY :" in a file of the kernel's; the first such line.
std::string field_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos || trim(text.substr(0, colon)) != key) continue;
    return std::string(trim(std::string_view(text).substr(colon + 1)));
  }
  return {};
}

struct Feature {
  std::string_view flag;  // in /proc/cpuinfo
  std::string_view name;
};
constexpr Feature kFeatures[] = {
    {"avx2", "AVX2"},
    {"fma", "FMA"},
    {"f16c", "F16C"},
    {"avx_vnni", "AVX-VNNI"},
    {"avx512f", "AVX-512F"},
    {"avx512bw", "AVX-512BW"},
    {"avx512_vnni", "AVX-512 VNNI"},
    {"avx512_bf16", "AVX-512 BF16"},
    {"avx512_fp16", "AVX-512 FP16"},
    {"amx_tile", "AMX"},
    {"amx_int8", "AMX int8"},
    {"amx_bf16", "AMX bf16"},
};

}  // namespace

std::string processor_features() {
  const std::string flags = field_of("/proc/cpuinfo", "flags");
  const auto words = split(flags, ' ');
  const std::set<std::string_view> present(words.begin(), words.end());
  std::vector<std::string_view> found, absent;
  for (const Feature& feature : kFeatures)
    (present.contains(feature.flag) ? found : absent).push_back(feature.name);
  return cat(found.empty() ? "none known" : join(found, ", "), "  (not: ", join(absent, ", "), ")");
}

std::string memory_text() {
  const auto kibibytes = [](const char* key) {
    const std::string text = field_of("/proc/meminfo", key);
    return static_cast<uint64_t>(parse_int(text.substr(0, text.find(' '))).value_or(0)) << 10;
  };
  std::string text = cat(bytes_text(kibibytes("MemTotal")), ", ",
                         bytes_text(kibibytes("MemAvailable")), " available");
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::string limit;
  if (file >> limit)
    if (const auto bytes = parse_int(limit))
      text += cat(", limited to ", bytes_text(static_cast<uint64_t>(*bytes)), " by the cgroup");
  return text;
}

std::string processor_name() {
  const std::string name = field_of("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown" : name;
}

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} << 10;  // from KiB
}

}  // namespace hone::cli
