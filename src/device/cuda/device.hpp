#pragma once
// A GPU through CUDA's driver.

#include <map>
#include <mutex>
#include <vector>

#include "device/apart.hpp"
#include "device/cuda/driver.hpp"

namespace hone::cuda {

/// One GPU that is in use: its context, which lives as long as anything made with it.
class Gpu {
 public:
  explicit Gpu(int ordinal);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  /// Makes calls of this thread go to it.
  void use() const { succeed(driver().CtxSetCurrent(context_), "using a GPU"); }
  int attribute(Attribute attribute) const;
  std::string name() const;
  int capability() const { return capability_; }

 private:
  int device_ = 0;
  ContextHandle* context_ = nullptr;
  int capability_ = 0;
};

/// Memory that was given back is kept for the next who wants as much: the driver takes long, and
/// waits for all that runs. What is given back is not in use by anything enqueued.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  /// `pinned`: of the host's memory, which copies flow fastest from and to.
  Pool(std::shared_ptr<Gpu> gpu, bool pinned) : gpu_(std::move(gpu)), pinned_(pinned) {}
  ~Pool() { trim(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// Not zeroed. Error(out_of_memory), after everything kept was given to the driver.
  Buffer take(int64_t bytes);
  /// Gives what is kept to the driver.
  void trim();

 private:
  std::byte* fresh(int64_t bytes);
  void give(std::byte* data) noexcept;
  void put_back(std::byte* data, int64_t bytes) noexcept;

  std::shared_ptr<Gpu> gpu_;
  const bool pinned_;
  std::mutex mutex_;
  std::multimap<int64_t, std::byte*> kept_;  // by bytes
  int64_t kept_bytes_ = 0;
};

/// What streams are recording into a graph: a node for each launch, in order.
struct Capture {
  std::vector<GraphNodeHandle*> launches;
};

struct Event final : hone::Event {
  explicit Event(std::shared_ptr<Gpu> gpu);
  ~Event() override;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  std::shared_ptr<Gpu> gpu;
  std::weak_ptr<Capture> capture;  // that it is part of
  EventHandle* handle = nullptr;
};

class Stream final : public hone::Stream {
 public:
  Stream(std::shared_ptr<Gpu> gpu, hone::Device& host, const Share& share);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  void run(const std::function<void()>& program) override;
  void record(hone::Event& event) override;
  void wait(hone::Event& event) override;
  void synchronize() override;
  Share share() const override { return share_; }
  hone::Stream& host() override;
  bool begin_recording() override;
  size_t recorded() const override;
  std::unique_ptr<Recording> end_recording() override;
  /// For who enqueues something of his own: the next kernel begins behind it.
  StreamHandle* handle() {
    behind_kernel_ = false;
    return handle_;
  }
  /// Runs a kernel, or records it, or gives a recorded one these arguments.
  void launch(const KernelNode& kernel);
  /// The same of what a library enqueues to the handle; where recorded, it keeps its addresses.
  void launch(const std::function<void(StreamHandle*)>& library);

 private:
  friend class Replay;
  /// The recording that it is part of; null: what is enqueued runs.
  std::shared_ptr<Capture> capture() const { return own_ != nullptr ? own_ : joined_.lock(); }

  std::shared_ptr<Gpu> gpu_;
  hone::Device& host_device_;
  const Share share_;
  std::unique_ptr<hone::Stream> host_;
  StreamHandle* handle_ = nullptr;
  std::shared_ptr<Capture> own_;   // that it began
  std::weak_ptr<Capture> joined_;  // another stream's, behind whose event this one is
  std::function<void(const KernelNode&)> changing_;  // gets launches in place of the GPU
  bool behind_kernel_ =
      false;  // what was enqueued last is a kernel, and nothing else is waited for
};

class Device final : public hone::Device, public FindingDevice {
 public:
  explicit Device(int ordinal);
  const std::shared_ptr<const Target>& target() const override { return target_; }
  const KernelRegistry& kernels() const override;
  Buffer allocate(int64_t bytes) override;
  Buffer allocate_host(int64_t bytes) override;
  std::unique_ptr<hone::Stream> stream(const Share& share) override;
  std::unique_ptr<hone::Event> event() override;
  void copy(const Buffer& to, const Buffer& from, hone::Stream& stream) override;
  std::vector<MachineCode> code(const Prepared& prepared) const override;
  void offer(std::vector<MachineCode> code) override;
  std::shared_ptr<const Finding> finding(const Node& node) override;
  hone::Device& host() override { return *host_; }
  const std::shared_ptr<Gpu>& gpu() const { return gpu_; }

 private:
  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<hone::Device> host_;
  std::shared_ptr<Pool> memory_, pinned_;
  std::unique_ptr<Stream> zeroing_;
  std::mutex mutex_;  // of that
  std::shared_ptr<const Target> target_;
};

/// The driver, each GPU, the compiler.
std::vector<DeviceNote> notes();

/// Error(device) where there is no such GPU, or no driver.
std::shared_ptr<hone::Device> open(int ordinal);

/// What estimates assume of a GPU of this compute capability (90); measured figures are better.
Target target_of(int capability, const std::shared_ptr<const Target>& host);

/// The kernels of src/device/cuda/kernels (generated from the folder).
void register_all_kernels(KernelRegistry& registry);
/// These, and the processor's, which run on the host. Registered once.
const KernelRegistry& kernels();

/// "sm_90" as a number; 0: the target is no GPU.
int capability_of(const Target& target);

}  // namespace hone::cuda
