#pragma once
// A device that computes nothing and writes down what it was asked to: schedules are tested on it.

#include <cstdint>
#include <memory>
#include <vector>

#include "device/kernel.hpp"

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
  };
  Kind kind = Kind::launch;
  int stream = 0;
  int event = 0;                     // of record and wait
  int label = 0;                     // of a launch: the device's when it was enqueued
  std::vector<Range> reads, writes;  // of a launch: operands and results in the region's order
  Range scratch;
};

class Device;

class Stream final : public hone::Stream {
 public:
  Stream(Device& device, int number) : device_(device), number_(number) {}
  void launch(const Operands& operands, std::span<std::byte> scratch);
  void record(int event);
  void wait(int event);

 private:
  Device& device_;
  const int number_;
};

class Device {
 public:
  explicit Device(int streams);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  Stream& stream(int number) { return *streams_.at(static_cast<size_t>(number)); }
  void set_label(int label) { label_ = label; }
  /// Everything, in the order of enqueueing.
  const std::vector<Command>& log() const { return log_; }

 private:
  friend class Stream;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Command> log_;
  int label_ = 0;
};

/// One kernel, "null.any": it takes every region, may write its first result over any operand of
/// the same type, and wants scratch of that size where it reads two operands or more. Its estimate:
/// a launch, and the bytes that it would move.
const KernelRegistry& kernels();

}  // namespace hone::null
