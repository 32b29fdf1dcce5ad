#pragma once
// A device: what it is, what it runs, its memory and its queues. Everything outside of device/
// reaches a machine through this interface and Target alone.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "device/kernel.hpp"
#include "device/target.hpp"

namespace hone {

/// Memory of a device, at least 64-byte aligned. Copies share it.
struct Buffer {
  std::byte* data = nullptr;
  int64_t bytes = 0;
  bool host = true;  // host code may look at the bytes
  std::shared_ptr<void> owner{};
};
inline std::span<std::byte> bytes_of(const Buffer& buffer) {
  return {buffer.data, static_cast<size_t>(buffer.bytes)};
}

/// A point in a stream that other streams can wait for.
struct Event {
  virtual ~Event() = default;
};

struct Stream;

/// Work that was recorded instead of run. It holds addresses, not memory. One owner at a time.
struct Recording {
  virtual ~Recording() = default;
  /// Enqueues all of it to the stream that recorded it, with the order that events gave it.
  virtual void replay(Stream& stream) = 0;
  /// From now on, what `work` enqueues to `stream` runs in place of what was recorded behind the
  /// first `first` launches: the same launches, with other addresses.
  virtual void change(size_t first, Stream& stream, const std::function<void()>& work) = 0;
};

/// An ordered queue of work. One owner at a time.
struct Stream {
  virtual ~Stream() = default;
  /// Runs `program`, one inference, which enqueues here: a device may wake for it and sleep after.
  virtual void run(const std::function<void()>& program) { program(); }
  /// The event happens when everything enqueued before it has run.
  virtual void record(Event& event) = 0;
  /// What is enqueued from now on runs when the event has happened.
  virtual void wait(Event& event) = 0;
  /// Returns when everything enqueued has run.
  virtual void synchronize() = 0;
  /// The part of the device that works on it.
  virtual Share share() const = 0;
  /// From now on what is enqueued here, and to streams behind an event that is recorded here, is
  /// recorded and does not run, until end_recording(). Everything between has to be kernels and
  /// events, and every stream that took part is waited for here at the end. false: the device
  /// records nothing.
  virtual bool begin_recording() { return false; }
  /// What is recorded here may run before all of the step in front of it has: tiles wait for tiles.
  virtual bool runs_ahead() const { return false; }
  /// Launches that were recorded so far.
  virtual size_t recorded() const { return 0; }
  /// What was recorded, ready to run. Error(device) where the device cannot; nothing is recorded
  /// any more in either case.
  virtual std::unique_ptr<Recording> end_recording() { return nullptr; }
  /// The stream of the host's processors beside it, for kernels that are `on_host`: what is
  /// enqueued there runs at once.
  virtual Stream& host() { return *this; }
};

/// What a share of a device can do at most in a second; 0: nobody measured it.
struct Ceilings {
  double flops_per_second = 0;  // of f32; a multiply-add counts as two
  double bytes_per_second = 0;  // read and written, of what no cache holds
};

/// What a device compiled, which takes long, by what it was compiled of.
struct MachineCode {
  Hash source;
  std::string image;
};

/// Safe for several threads.
class Device {
 public:
  virtual ~Device() = default;
  virtual const std::shared_ptr<const Target>& target() const = 0;
  virtual const KernelRegistry& kernels() const = 0;
  /// Zeroed. Error(out_of_memory).
  virtual Buffer allocate(int64_t bytes) = 0;
  /// The host's, zeroed: such as copies to and from the device are fastest with.
  /// Error(out_of_memory).
  virtual Buffer allocate_host(int64_t bytes);
  virtual std::unique_ptr<Stream> stream(const Share& share) = 0;
  virtual std::unique_ptr<Event> event() = 0;
  /// As many bytes as `to` has, when `stream` gets there. Either may be the host's, and stays as
  /// it is until then.
  virtual void copy(const Buffer& to, const Buffer& from, Stream& stream) = 0;
  /// Measured now, which may take a second.
  virtual Ceilings ceilings(const Share&) { return {}; }
  /// What a kernel that was prepared on it runs by, as far as it is worth keeping.
  virtual std::vector<MachineCode> code(const Prepared&) const { return {}; }
  /// From now on taken in place of what would be compiled of the same sources. It runs as it is:
  /// code from somebody who is trusted.
  virtual void offer(std::vector<MachineCode>) {}
  /// What kernels that are `on_host` are prepared for.
  virtual Device& host() { return *this; }
  /// Its memory is not the host's: nobody but copy() and its own kernels may look there.
  bool is_apart() const { return target()->host != nullptr; }
};

/// A device of this machine by name; "": the processors. "cuda:1" is the second GPU. Error(usage)
/// for a name that is none, Error(device) for a device that this machine has not got.
std::shared_ptr<Device> open_device(std::string_view name = {});
/// What a machine has for each kind of device, or why such devices cannot be used: a line each.
struct DeviceNote {
  std::string about, text;
};
std::vector<DeviceNote> device_notes();
/// The names of those that it has.
std::vector<std::string_view> device_names();

}  // namespace hone
