#pragma once
// A device that computes nothing and writes down what it was asked to: schedules are tested on it.

#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.hpp"

namespace hone::null {

/// Bytes at an address; nothing is ever read or written there.
struct Range {
  uintptr_t address = 0;  // 0: not in memory that plans place
  int64_t bytes = 0;
};

struct Command {
  enum class Kind : uint8_t {
    launch,  ///< runs a region
    record,  ///< the event happens when everything before it on the stream has run
    wait,    ///< what follows on the stream runs when the event has happened
    copy,    ///< of the bytes that it reads to those that it writes
  };
  Kind kind = Kind::launch;
  int stream = 0;
  int event = 0;                     // of record and wait
  int label = 0;                     // of a launch: the device's when it was enqueued
  std::vector<Range> reads, writes;  // of a launch: operands and results in the region's order
  Range scratch;
};

class Device;

/// Of the host's choice; -1: the device numbers it when it is first recorded.
struct Event final : hone::Event {
  int number = -1;
};

class Stream final : public hone::Stream {
 public:
  Stream(Device& device, int number) : device_(device), number_(number) {}
  void record(hone::Event& event) override;
  void wait(hone::Event& event) override;
  void synchronize() override {}
  Share share() const override { return {}; }
  bool begin_recording() override;
  size_t recorded() const override;
  std::unique_ptr<Recording> end_recording() override;
  void launch(const Operands& operands, std::span<std::byte> scratch);
  void record(int event);
  void wait(int event);

 private:
  friend class Device;
  Device& device_;
  const int number_;
};

/// Not safe for several threads. Its memory is the host's, so that steps can be evaluated there.
class Device final : public hone::Device {
 public:
  explicit Device(int streams = 0);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  const std::shared_ptr<const Target>& target() const override;
  const KernelRegistry& kernels() const override;
  Buffer allocate(int64_t bytes) override;
  std::unique_ptr<hone::Stream> stream(const Share& share) override;
  std::unique_ptr<hone::Event> event() override;
  void copy(const Buffer& to, const Buffer& from, hone::Stream& stream) override;
  /// Those that it was made with.
  Stream& stream_at(int number) { return *streams_.at(static_cast<size_t>(number)); }
  void set_label(int label) { label_ = label; }
  /// Everything, in the order of enqueueing; what is recorded when it is replayed.
  const std::vector<Command>& log() const { return log_; }
  void clear_log() { log_.clear(); }
  int replays() const { return replays_; }

 private:
  friend class Stream;
  struct Recorded;
  void enqueue(Command command);
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Command> log_;
  std::vector<Command>* recording_ = nullptr;  // what is enqueued goes there; null: it runs
  std::vector<Command> recorded_;
  int replays_ = 0;
  int label_ = 0;
  int made_ = 0, events_ = 0;  // streams, events
};

std::shared_ptr<hone::Device> open();

/// One kernel, "null.any": it takes every region, may write its first result over any operand of
/// the same type, and wants scratch of that size where it reads two operands or more. Its estimate:
/// a launch, and the bytes that it would move.
const KernelRegistry& kernels();

}  // namespace hone::null
