#include <dlfcn.h>
#include <unistd.h>

#include <vector>

#include "base/threads.hpp"
#include "build/build.hpp"
#include "device/device.hpp"
#include "machine.hpp"
#include "output.hpp"
#include "verb.hpp"

namespace hone::cli {
namespace {

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
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  std::vector<std::vector<std::string>> rows{
      {"version", version_text()},
      {"cpu", processor_name()},
      {"features", processor_features()},
      {"cores", cat(usable_cores(), " usable (affinity, siblings and cgroup quota heeded), ",
                    static_cast<int64_t>(online), " logical online")},
      {"memory", memory_text()},
  };
  rows.push_back({"devices", join(device_names(), ", ")});
  for (const DeviceNote& note : device_notes()) rows.push_back({note.about, note.text});
  const Library libraries[] = {
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
