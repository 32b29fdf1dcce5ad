#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/threads.hpp"
#include "build/build.hpp"
#include "output.hpp"
#include "verb.hpp"

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

std::string features() {
  const std::string flags = field_of("/proc/cpuinfo", "flags");
  const auto words = split(flags, ' ');
  const std::set<std::string_view> present(words.begin(), words.end());
  std::vector<std::string_view> found, absent;
  for (const Feature& feature : kFeatures)
    (present.contains(feature.flag) ? found : absent).push_back(feature.name);
  return cat(found.empty() ? "none known" : join(found, ", "), "  (not: ", join(absent, ", "), ")");
}

std::string memory() {
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

struct Library {
  std::string_view name;
  std::vector<const char*> files;  // the first that opens is taken
};

std::string found_at(const Library& library) {
  for (const char* file : library.files) {
    void* handle = ::dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) continue;
    ::dlclose(handle);
    return cat("found (", file, ")");
  }
  return "not found";
}

void examine() {
  std::string model = field_of("/proc/cpuinfo", "model name");
  if (model.empty()) model = "unknown";
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  std::vector<std::vector<std::string>> rows{
      {"version", version_text()},
      {"cpu", model},
      {"features", features()},
      {"cores", cat(usable_cores(), " usable (affinity, siblings and cgroup quota heeded), ",
                    static_cast<int64_t>(online), " logical online")},
      {"memory", memory()},
  };
  const Library driver{"CUDA driver", {"libcuda.so.1"}};
  const std::string cuda = found_at(driver);
  rows.push_back({"devices", cat("cpu", cuda.starts_with("found")
                                            ? "; a GPU driver is here, but this version has no "
                                              "kernels for it"
                                            : "")});
  rows.push_back({"libcuda", cuda});
  const Library libraries[] = {
      {"NVRTC", {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"}},
      {"cuBLASLt", {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"}},
      {"cuDNN", {"libcudnn.so.9", "libcudnn.so"}},
  };
  for (const Library& library : libraries)
    rows.push_back({std::string(library.name), found_at(library)});
  print(table(rows));
}

}  // namespace

std::function<void()> declare_doctor(Arguments&) {
  return [] { examine(); };
}

}  // namespace hone::cli
