#include "device/null/device.hpp"

#include "base/size.hpp"

namespace hone::null {
namespace {

Range range_of(const Operand& operand) {
  const auto count = try_element_count(operand.shape);
  if (operand.data == nullptr || operand.dtype == DType::string || !count) return {};
  return {reinterpret_cast<uintptr_t>(operand.data),
          static_cast<int64_t>(bytes_for(operand.dtype, *count))};
}

}  // namespace

void Stream::launch(const Operands& operands, std::span<std::byte> scratch) {
  Command command{Command::Kind::launch, number_, 0, device_.label_, {}, {}, {}};
  for (const Operand& each : operands.inputs) command.reads.push_back(range_of(each));
  for (const Operand& each : operands.outputs) command.writes.push_back(range_of(each));
  if (!scratch.empty())
    command.scratch = {reinterpret_cast<uintptr_t>(scratch.data()),
                       static_cast<int64_t>(scratch.size())};
  device_.log_.push_back(std::move(command));
}

void Stream::record(int event) {
  device_.log_.push_back({Command::Kind::record, number_, event, 0, {}, {}, {}});
}

void Stream::wait(int event) {
  device_.log_.push_back({Command::Kind::wait, number_, event, 0, {}, {}, {}});
}

Device::Device(int streams) {
  for (int number = 0; number < streams; ++number)
    streams_.push_back(std::make_unique<Stream>(*this, number));
}

}  // namespace hone::null
