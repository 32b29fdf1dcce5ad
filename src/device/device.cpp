#include "device/device.hpp"

#include "base/text.hpp"
#include "device/cpu/device.hpp"
#include "device/null/device.hpp"

namespace hone {
namespace {

struct Row {
  std::string_view name;
  std::shared_ptr<Device> (*open)();
};
/// The first is the one that is taken where none is named.
constexpr Row kDevices[] = {{"cpu", cpu::open}, {"null", null::open}};

}  // namespace

std::shared_ptr<Device> open_device(std::string_view name) {
  for (const Row& row : kDevices)
    if (name.empty() || row.name == name) return row.open();
  fail(Code::usage, "there is no device \"", name, "\"; there are ", join(device_names(), ", "));
}

std::vector<std::string_view> device_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kDevices) names.push_back(row.name);
  return names;
}

Buffer Device::allocate_host(int64_t bytes) {
  auto memory = std::make_shared<Tensor>(DType::u8, std::vector<int64_t>{bytes});
  std::byte* data = memory->mutable_bytes().data();
  return {data, bytes, true, std::move(memory)};
}

const std::shared_ptr<const Target>& unknown_target() {
  static const auto kTarget = std::make_shared<const Target>();
  return kTarget;
}

}  // namespace hone
