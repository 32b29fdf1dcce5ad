#include "device/device.hpp"

#include <mutex>

#include "base/text.hpp"
#include "device/cpu/device.hpp"
#include "device/cuda/device.hpp"
#include "device/null/device.hpp"
#include "device/slow_runs.hpp"

namespace hone {
namespace {

/// `number`: which of several, from 0.
struct Row {
  std::string_view name;
  std::shared_ptr<Device> (*open)(int number);
  int (*count)();
};
/// The first is the one that is taken where none is named.
constexpr Row kDevices[] = {
    {"cpu", [](int) { return cpu::open(); }, [] { return 1; }},
    {"cuda", cuda::open, cuda::gpu_count},
    {"null", [](int) { return null::open(); }, [] { return 1; }},
};

}  // namespace

std::shared_ptr<Device> open_device(std::string_view name) {
  const size_t colon = name.find(':');
  const auto number =
      colon == std::string_view::npos ? int64_t{0} : parse_int(name.substr(colon + 1)).value_or(-1);
  const std::string_view kind = name.substr(0, colon);
  for (const Row& row : kDevices) {
    if (!name.empty() && row.name != kind) continue;
    const bool one = number == 0 || row.count == cuda::gpu_count;
    if (number >= 0 && number < 1024 && one) return row.open(static_cast<int>(number));
  }
  fail(Code::usage, "there is no device \"", name, "\"; there are ", join(device_names(), ", "));
}

std::vector<std::string_view> device_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kDevices)
    if (row.count() > 0) names.push_back(row.name);
  return names;
}

std::vector<DeviceNote> device_notes() { return cuda::notes(); }

Buffer Device::allocate_host(int64_t bytes) {
  auto memory = std::make_shared<Tensor>(DType::u8, std::vector<int64_t>{bytes});
  std::byte* data = memory->mutable_bytes().data();
  return {data, bytes, true, std::move(memory)};
}

namespace {

struct SlowRuns {
  std::mutex mutex;
  std::map<std::string, int64_t> counts;
  static SlowRuns& all() {
    static SlowRuns runs;
    return runs;
  }
};

}  // namespace

std::map<std::string, int64_t> slow_runs() {
  SlowRuns& all = SlowRuns::all();
  const std::lock_guard lock(all.mutex);
  return all.counts;
}

void count_slow_run(const Graph& region) {
  std::vector<std::string> ops, results;
  for (const Node& node : region.nodes()) ops.emplace_back(node.op.name());
  for (const GraphOutput& output : region.outputs()) results.push_back(cat("%", output.name));
  SlowRuns& all = SlowRuns::all();
  const std::lock_guard lock(all.mutex);
  ++all.counts[cat(join(ops, ", "), " -> ", join(results, ", "))];
}

const std::shared_ptr<const Target>& unknown_target() {
  static const auto kTarget = std::make_shared<const Target>();
  return kTarget;
}

}  // namespace hone
