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
  print(table(rows));
}

}  // namespace

std::function<void()> declare_doctor(Arguments&) {
  return [] { examine(); };
}

}  // namespace hone::cli
