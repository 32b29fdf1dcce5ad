#include "device/cuda/device.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/threads.hpp"
#include "device/cpu/device.hpp"
#include "device/cpu/stream.hpp"
#include "device/cuda/blas.hpp"
#include "device/cuda/compiler.hpp"
#include "device/cuda/finding.hpp"
#include "device/cuda/module.hpp"

namespace hone::cuda {

Gpu::Gpu(int ordinal) {
  const Driver& cu = driver();
  check(ordinal >= 0 && ordinal < gpu_count(), Code::device, "there is no GPU ", ordinal,
        ", there are ", gpu_count());
  succeed(cu.DeviceGet(&device_, ordinal), "opening a GPU");
  capability_ =
      10 * attribute(Attribute::capability_major) + attribute(Attribute::capability_minor);
  check(capability_ >= 75, Code::unsupported, name(), " has compute capability ", capability_ / 10,
        ".", capability_ % 10, ", wanted 7.5 or later");
  succeed(cu.DevicePrimaryCtxRetain(&context_, device_), "opening a GPU");
}

Gpu::~Gpu() {
  if (context_ != nullptr) driver().DevicePrimaryCtxRelease(device_);
}

int Gpu::attribute(Attribute attribute) const {
  int value = 0;
  succeed(driver().DeviceGetAttribute(&value, attribute, device_), "asking a GPU");
  return value;
}

std::string Gpu::name() const {
  char text[256] = {};
  succeed(driver().DeviceGetName(text, sizeof(text) - 1, device_), "asking a GPU");
  return text;
}

Event::Event(std::shared_ptr<Gpu> gpu_of_it) : gpu(std::move(gpu_of_it)) {
  gpu->use();
  succeed(driver().EventCreate(&handle, kEventWithoutTime), "making an event");
}

Event::~Event() { driver().EventDestroy(handle); }

Stream::Stream(std::shared_ptr<Gpu> gpu, hone::Device& host, const Share& share)
    : gpu_(std::move(gpu)), host_device_(host), share_(share) {
  gpu_->use();
  succeed(driver().StreamCreate(&handle_, kNonBlocking), "making a stream");
}

Stream::~Stream() { driver().StreamDestroy(handle_); }

void Stream::run(const std::function<void()>& program) {
  gpu_->use();
  program();
}

void Stream::record(hone::Event& event) {
  auto& mine = static_cast<Event&>(event);
  mine.capture = capture();
  succeed(driver().EventRecord(mine.handle, handle_), "recording an event");
}

void Stream::wait(hone::Event& event) {
  const auto& theirs = static_cast<Event&>(event);
  if (capture() == nullptr) joined_ = theirs.capture;
  behind_kernel_ = false;
  succeed(driver().StreamWaitEvent(handle_, theirs.handle, 0), "waiting for an event");
}

void Stream::synchronize() {
  gpu_->use();
  succeed(driver().StreamSynchronize(handle_), "waiting for the GPU");
}

hone::Stream& Stream::host() {
  if (host_ == nullptr) host_ = host_device_.stream(share_);
  return *host_;
}

Device::Device(int ordinal)
    : gpu_(std::make_shared<Gpu>(ordinal)),
      host_(cpu::open()),
      memory_(std::make_shared<Pool>(gpu_, false)),
      pinned_(std::make_shared<Pool>(gpu_, true)),
      zeroing_(std::make_unique<Stream>(gpu_, *host_, Share{})) {
  Target target = target_of(gpu_->capability(), host_->target());
  target.workers = usable_cores();
  target.l2 = gpu_->attribute(Attribute::l2_bytes);
  const double multiprocessors = gpu_->attribute(Attribute::multiprocessors);
  const double clock = 1e3 * gpu_->attribute(Attribute::clock_rate);
  if (clock > 0) target.flops_per_second = multiprocessors * 256 * clock;
  const double memory_clock = 1e3 * gpu_->attribute(Attribute::memory_clock_rate);
  const double bus = gpu_->attribute(Attribute::memory_bus_width);
  if (memory_clock > 0 && bus > 0) target.bytes_per_second = 0.85 * memory_clock * 2 * bus / 8;
  target_ = std::make_shared<const Target>(std::move(target));
}

Buffer Device::allocate(int64_t bytes) {
  Buffer buffer = memory_->take(bytes);
  const std::lock_guard lock(mutex_);
  const auto at = reinterpret_cast<Address>(buffer.data);
  if (bytes > 0)
    succeed(driver().MemsetD8Async(at, 0, static_cast<size_t>(bytes), zeroing_->handle()),
            "zeroing memory");
  zeroing_->synchronize();
  return buffer;
}

Buffer Device::allocate_host(int64_t bytes) {
  Buffer buffer = pinned_->take(bytes);
  std::fill_n(buffer.data, bytes, std::byte{0});
  return buffer;
}

std::unique_ptr<hone::Stream> Device::stream(const Share& share) {
  return std::make_unique<Stream>(gpu_, *host_, share);
}

std::unique_ptr<hone::Event> Device::event() { return std::make_unique<Event>(gpu_); }

void Device::copy(const Buffer& to, const Buffer& from, hone::Stream& stream) {
  check(from.bytes >= to.bytes, Code::internal, "a copy of ", to.bytes, " bytes from ", from.bytes);
  if (to.bytes == 0) return;
  gpu_->use();
  StreamHandle* queue = static_cast<Stream&>(stream).handle();
  const auto bytes = static_cast<size_t>(to.bytes);
  const auto there = reinterpret_cast<Address>(to.data),
             here = reinterpret_cast<Address>(from.data);
  check(!to.host || !from.host, Code::internal, "a copy within the host's memory");
  if (to.host) succeed(driver().MemcpyDtoHAsync(to.data, here, bytes, queue), "copying from a GPU");
  else if (from.host)
    succeed(driver().MemcpyHtoDAsync(there, from.data, bytes, queue), "copying to a GPU");
  else succeed(driver().MemcpyDtoDAsync(there, here, bytes, queue), "copying on a GPU");
}

std::vector<MachineCode> Device::code(const Prepared& prepared) const {
  const auto* by_text = dynamic_cast<const ByText*>(&prepared);
  return by_text == nullptr ? std::vector<MachineCode>() : by_text->code();
}

void Device::offer(std::vector<MachineCode> code) { offer_code(std::move(code)); }

std::shared_ptr<const Finding> Device::finding(const Node& node) { return finding_of(node, *this); }

const KernelRegistry& Device::kernels() const { return cuda::kernels(); }

const KernelRegistry& kernels() {
  static const KernelRegistry kRegistry = [] {
    KernelRegistry registry;
    register_all_kernels(registry);
    for (const Kernel* each : cpu::kernels().all()) {
      Kernel there = *each;
      there.on_host = true;
      registry.add(there);
    }
    return registry;
  }();
  return kRegistry;
}

Target target_of(int capability, const std::shared_ptr<const Target>& host) {
  Target target;
  target.device = "cuda";
  target.isa = cat("sm_", capability);
  target.flops_per_second = capability >= 90 ? 6e13 : capability >= 80 ? 1.9e13 : 8e12;
  target.bytes_per_second = capability >= 90 ? 4e12 : capability >= 80 ? 1.5e12 : 3e11;
  target.cached_per_second = 1e13;
  target.launch_seconds = 2e-6;
  target.halves = true;
  target.host = host;
  target.copied_per_second = 2e10;
  target.copy_seconds = 1e-5;
  return target;
}

int capability_of(const Target& target) {
  if (target.device != "cuda" || !target.isa.starts_with("sm_")) return 0;
  return static_cast<int>(parse_int(std::string_view(target.isa).substr(3)).value_or(0));
}

namespace {

std::string said(const LibraryState& state, std::string_view without) {
  if (!state.why.empty())
    return cat(state.path.empty() ? "not found: " : cat("found (", state.path, "), not usable: "),
               state.why, "; without it, ", without);
  return cat("found (", state.path, "), version ", state.version);
}

}  // namespace

std::vector<DeviceNote> notes() {
  std::vector<DeviceNote> all;
  all.push_back({"CUDA driver", said(driver_state(), "nothing runs on a GPU")});
  for (int i = 0; i < gpu_count(); ++i) {
    try {
      const Gpu gpu(i);
      all.push_back(
          {cat("cuda:", i), cat(gpu.name(), ", compute capability ", gpu.capability() / 10, ".",
                                gpu.capability() % 10, ", ",
                                gpu.attribute(Attribute::multiprocessors), " multiprocessors")});
    } catch (const Error& error) {
      all.push_back({cat("cuda:", i), error.message()});
    }
  }
  all.push_back({"NVRTC", said(compiler_state(), "no kernel for a GPU can be made")});
  all.push_back({"cuBLASLt", said(blas_state(), "its products are no rivals of ours")});
  all.push_back({"cuDNN", said(dnn_state(), "nothing is missing: nothing calls it yet")});
  return all;
}

std::shared_ptr<hone::Device> open(int ordinal) { return std::make_shared<Device>(ordinal); }

}  // namespace hone::cuda
