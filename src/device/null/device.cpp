#include "device/null/device.hpp"

#include "base/error.hpp"
#include "base/size.hpp"
#include "ir/tensor.hpp"

namespace hone::null {
namespace {

Range range_of(const Operand& operand) {
  const auto count = try_element_count(operand.shape);
  if (operand.data == nullptr || operand.dtype == DType::string || !count) return {};
  return {reinterpret_cast<uintptr_t>(operand.data),
          static_cast<int64_t>(bytes_for(operand.dtype, *count))};
}

}  // namespace

struct Device::Recorded final : Recording {
  Recorded(Device& device, std::vector<Command> commands)
      : device(device), commands(std::move(commands)) {}
  void replay(hone::Stream&) override {
    ++device.replays_;
    for (const Command& each : commands) device.enqueue(each);
  }
  void change(size_t first, hone::Stream&, const std::function<void()>& work) override {
    std::vector<Command> made;
    device.recording_ = &made;
    work();
    device.recording_ = nullptr;
    const auto launch = [](const Command& each) { return each.kind == Command::Kind::launch; };
    auto at = commands.begin();
    for (const Command& each : made) {
      check(launch(each), Code::internal, "what changes a recording is no launch");
      for (; first > 0 || !launch(*at); ++at) first -= launch(*at) ? 1 : 0;
      check(at->stream == each.stream && at->reads.size() == each.reads.size() &&
                at->writes.size() == each.writes.size(),
            Code::internal, "a recording is changed into another one");
      *at++ = each;
    }
  }
  Device& device;
  std::vector<Command> commands;
};

void Device::enqueue(Command command) {
  (recording_ != nullptr ? *recording_ : log_).push_back(std::move(command));
}

bool Stream::begin_recording() {
  check(device_.recording_ == nullptr, Code::internal, "something is being recorded already");
  device_.recorded_.clear();
  device_.recording_ = &device_.recorded_;
  return true;
}

size_t Stream::recorded() const {
  size_t launches = 0;
  for (const Command& each : device_.recorded_)
    launches += each.kind == Command::Kind::launch ? 1 : 0;
  return launches;
}

std::unique_ptr<Recording> Stream::end_recording() {
  device_.recording_ = nullptr;
  return std::make_unique<Device::Recorded>(device_, std::move(device_.recorded_));
}

void Stream::launch(const Operands& operands, std::span<std::byte> scratch) {
  Command command{Command::Kind::launch, number_, 0, device_.label_, {}, {}, {}};
  for (const Operand& each : operands.inputs) command.reads.push_back(range_of(each));
  for (const Operand& each : operands.outputs) command.writes.push_back(range_of(each));
  if (!scratch.empty())
    command.scratch = {reinterpret_cast<uintptr_t>(scratch.data()),
                       static_cast<int64_t>(scratch.size())};
  device_.enqueue(std::move(command));
}

void Stream::record(int event) {
  device_.enqueue({Command::Kind::record, number_, event, 0, {}, {}, {}});
}

void Stream::wait(int event) {
  device_.enqueue({Command::Kind::wait, number_, event, 0, {}, {}, {}});
}

void Stream::record(hone::Event& event) {
  auto& mine = static_cast<Event&>(event);
  if (mine.number < 0) mine.number = device_.events_++;
  record(mine.number);
}

void Stream::wait(hone::Event& event) { wait(static_cast<Event&>(event).number); }

Device::Device(int streams) : made_(streams) {
  for (int number = 0; number < streams; ++number)
    streams_.push_back(std::make_unique<Stream>(*this, number));
}

const std::shared_ptr<const Target>& Device::target() const {
  static const auto kTarget = [] {
    Target target;
    target.device = "null";
    target.bytes_per_second = 1e12;
    target.launch_seconds = 2e-6;
    return std::make_shared<const Target>(std::move(target));
  }();
  return kTarget;
}

const KernelRegistry& Device::kernels() const { return null::kernels(); }

Buffer Device::allocate(int64_t bytes) { return allocate_host(bytes); }

std::unique_ptr<hone::Stream> Device::stream(const Share&) {
  return std::make_unique<Stream>(*this, made_++);
}

std::unique_ptr<hone::Event> Device::event() { return std::make_unique<Event>(); }

/// Nothing is moved: what is enqueued is what counts here.
void Device::copy(const Buffer& to, const Buffer& from, hone::Stream& stream) {
  const auto range = [](const Buffer& buffer) {
    return Range{reinterpret_cast<uintptr_t>(buffer.data), buffer.bytes};
  };
  const int number = static_cast<Stream&>(stream).number_;
  check(recording_ == nullptr, Code::internal, "a copy is recorded");
  enqueue({Command::Kind::copy, number, 0, label_, {range(from)}, {range(to)}, {}});
}

std::shared_ptr<hone::Device> open() { return std::make_shared<Device>(); }

}  // namespace hone::null
