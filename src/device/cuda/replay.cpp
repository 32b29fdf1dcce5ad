// Kernels that are recorded as a graph of the driver and replayed: the host does one call for all.

#include "device/cuda/device.hpp"

namespace hone::cuda {

constexpr int kEarliestBeginning = 90;  // compute capability of kernels that wait for others

/// A graph that can run, and its kernels in the order in which they were recorded.
class Replay final : public Recording {
 public:
  Replay(std::shared_ptr<Gpu> gpu, GraphHandle* graph, std::vector<GraphNodeHandle*> launches)
      : gpu_(std::move(gpu)), graph_(graph), launches_(std::move(launches)) {
    succeed(driver().GraphInstantiate(&made_, graph_, 0), "making a graph of kernels");
  }
  ~Replay() override {
    try {
      gpu_->use();
      if (made_ != nullptr) driver().GraphExecDestroy(made_);
      driver().GraphDestroy(graph_);
    } catch (const Error&) {  // nothing works any more
    }
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  void replay(hone::Stream& stream) override {
    succeed(driver().GraphLaunch(made_, static_cast<Stream&>(stream).handle()),
            "launching a graph of kernels");
  }

  void change(size_t first, hone::Stream& stream, const std::function<void()>& work) override {
    Stream& mine = static_cast<Stream&>(stream);
    struct Restore {
      Stream& stream;
      ~Restore() { stream.changing_ = nullptr; }
    } const restore{mine};
    mine.changing_ = [&](const KernelNode& kernel) {
      check(first < launches_.size(), Code::internal, "a recording has ", launches_.size(),
            " launches, more are changed");
      succeed(driver().GraphExecKernelNodeSetParams(made_, launches_[first++], &kernel),
              "changing a graph of kernels");
    };
    work();
  }

 private:
  std::shared_ptr<Gpu> gpu_;
  GraphHandle* graph_;
  GraphExecHandle* made_ = nullptr;
  const std::vector<GraphNodeHandle*> launches_;
};

bool Stream::begin_recording() {
  check(capture() == nullptr, Code::internal, "something is being recorded already");
  gpu_->use();
  succeed(driver().StreamBeginCapture(handle_, kCaptureRelaxed), "recording kernels");
  own_ = std::make_shared<Capture>();
  behind_kernel_ = false;
  return true;
}

size_t Stream::recorded() const { return own_ == nullptr ? 0 : own_->launches.size(); }

std::unique_ptr<Recording> Stream::end_recording() {
  const auto capture = std::move(own_);
  behind_kernel_ = false;
  GraphHandle* graph = nullptr;
  succeed(driver().StreamEndCapture(handle_, &graph), "recording kernels");
  return std::make_unique<Replay>(gpu_, graph, std::move(capture->launches));
}

void Stream::launch(const KernelNode& kernel) {
  if (changing_) return changing_(kernel);
  // Behind a kernel it begins while that one still runs: all texts wait where they must, and hide
  // what comes before (prelude.cu).
  const bool early = behind_kernel_ && gpu_->capability() >= kEarliestBeginning;
  LaunchAttribute attribute{kBeginsEarly, 0, {1}};
  const LaunchConfig config{kernel.grid_x,  kernel.grid_y,  kernel.grid_z,       kernel.block_x,
                            kernel.block_y, kernel.block_z, kernel.shared_bytes, handle_,
                            &attribute,     early ? 1u : 0u};
  succeed(driver().LaunchKernelEx(&config, kernel.function, kernel.parameters, kernel.extra),
          "launching a kernel");
  behind_kernel_ = true;
  const auto into = capture();
  if (into == nullptr) return;
  // The kernel is what the next one on this stream would wait for.
  int status = 0;
  uint64_t id = 0;
  GraphHandle* graph = nullptr;
  GraphNodeHandle* const* nodes = nullptr;
  size_t count = 0;
  succeed(driver().StreamGetCaptureInfo(handle_, &status, &id, &graph, &nodes, &count),
          "recording a kernel");
  check(status == kCaptureActive && count == 1, Code::internal, "a launch was not recorded");
  into->launches.push_back(nodes[0]);
}

void Stream::launch(const std::function<void(StreamHandle*)>& library) {
  check(!changing_, Code::internal, "what a library recorded is to be changed");
  library(handle());  // the next kernel begins behind all of it
}

}  // namespace hone::cuda
