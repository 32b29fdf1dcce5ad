#include "device/cuda/driver.hpp"

#include <atomic>
#include <vector>

#include "base/error.hpp"

namespace hone::cuda {
namespace {

struct OpenedDriver {
  Driver functions{};
  LibraryState state;
  int gpus = 0;
};

std::vector<Symbol> symbols_of(Driver& cu) {
  return {
      {"cuInit", place(cu.Init)},
      {"cuDriverGetVersion", place(cu.DriverGetVersion)},
      {"cuGetErrorString", place(cu.GetErrorString)},
      {"cuDeviceGetCount", place(cu.DeviceGetCount)},
      {"cuDeviceGet", place(cu.DeviceGet)},
      {"cuDeviceGetName", place(cu.DeviceGetName)},
      {"cuDeviceGetAttribute", place(cu.DeviceGetAttribute)},
      {"cuDeviceTotalMem_v2", place(cu.DeviceTotalMem)},
      {"cuDevicePrimaryCtxRetain", place(cu.DevicePrimaryCtxRetain)},
      {"cuDevicePrimaryCtxRelease_v2", place(cu.DevicePrimaryCtxRelease)},
      {"cuCtxSetCurrent", place(cu.CtxSetCurrent)},
      {"cuMemAlloc_v2", place(cu.MemAlloc)},
      {"cuMemFree_v2", place(cu.MemFree)},
      {"cuMemHostAlloc", place(cu.MemHostAlloc)},
      {"cuMemFreeHost", place(cu.MemFreeHost)},
      {"cuMemcpyHtoDAsync_v2", place(cu.MemcpyHtoDAsync)},
      {"cuMemcpyDtoHAsync_v2", place(cu.MemcpyDtoHAsync)},
      {"cuMemcpyDtoDAsync_v2", place(cu.MemcpyDtoDAsync)},
      {"cuMemsetD8Async", place(cu.MemsetD8Async)},
      {"cuStreamCreate", place(cu.StreamCreate)},
      {"cuStreamDestroy_v2", place(cu.StreamDestroy)},
      {"cuStreamSynchronize", place(cu.StreamSynchronize)},
      {"cuStreamWaitEvent", place(cu.StreamWaitEvent)},
      {"cuEventCreate", place(cu.EventCreate)},
      {"cuEventDestroy_v2", place(cu.EventDestroy)},
      {"cuEventRecord", place(cu.EventRecord)},
      {"cuModuleLoadData", place(cu.ModuleLoadData)},
      {"cuModuleUnload", place(cu.ModuleUnload)},
      {"cuModuleGetFunction", place(cu.ModuleGetFunction)},
      {"cuFuncSetAttribute", place(cu.FuncSetAttribute)},
      {"cuLaunchKernelEx", place(cu.LaunchKernelEx)},
      {"cuStreamBeginCapture_v2", place(cu.StreamBeginCapture)},
      {"cuStreamEndCapture", place(cu.StreamEndCapture)},
      {"cuStreamGetCaptureInfo_v2", place(cu.StreamGetCaptureInfo)},
      {"cuGraphInstantiateWithFlags", place(cu.GraphInstantiate)},
      {"cuGraphExecKernelNodeSetParams", place(cu.GraphExecKernelNodeSetParams)},
      {"cuTensorMapEncodeTiled", place(cu.TensorMapEncodeTiled)},
      {"cuTensorMapEncodeIm2col", place(cu.TensorMapEncodeIm2col)},
      {"cuGraphLaunch", place(cu.GraphLaunch)},
      {"cuGraphExecDestroy", place(cu.GraphExecDestroy)},
      {"cuGraphDestroy", place(cu.GraphDestroy)},
  };
}

OpenedDriver open_driver() {
  OpenedDriver opened;
  Driver& cu = opened.functions;
  const std::string files[] = {"libcuda.so.1"};
  opened.state = open_library(files, symbols_of(cu));
  if (!opened.state.why.empty()) return opened;
  const auto said = [&](Result result) {
    const char* text = nullptr;
    if (cu.GetErrorString(result, &text) != kSuccess || text == nullptr) text = "unknown";
    return cat(text, " (", result, ")");
  };
  int version = 0;
  if (cu.DriverGetVersion(&version) == kSuccess)
    opened.state.version = cat(version / 1000, ".", version % 1000 / 10);
  if (const Result result = cu.Init(0); result != kSuccess) opened.state.why = said(result);
  else if (cu.DeviceGetCount(&opened.gpus) != kSuccess) opened.gpus = 0;
  if (opened.state.why.empty() && opened.gpus == 0) opened.state.why = "there is no GPU";
  return opened;
}

const OpenedDriver& opened_driver() {
  static const OpenedDriver kOpened = open_driver();
  return kOpened;
}

std::atomic<Result> poisoned{kSuccess};

std::string said(Result result) {
  const char* text = nullptr;
  const auto ask = opened_driver().functions.GetErrorString;
  if (ask == nullptr || ask(result, &text) != kSuccess || text == nullptr) text = "unknown error";
  return cat(text, " (", result, ")");
}

}  // namespace

const LibraryState& driver_state() { return opened_driver().state; }
int gpu_count() { return opened_driver().state.why.empty() ? opened_driver().gpus : 0; }

const Driver& driver() {
  check(opened_driver().state.why.empty(), Code::device,
        "CUDA's driver cannot be used: ", opened_driver().state.why);
  return opened_driver().functions;
}

bool is_sticky(Result result) {
  switch (result) {
    case kDeinitialized:
    case kUncorrectable:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kContextIsDestroyed:
    case kAssert:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailed:
    case kUnknown: return true;
    default: return false;
  }
}

void succeed(Result result, const char* what) {
  const Result first = poisoned.load(std::memory_order_relaxed);
  if (first == kSuccess && result == kSuccess) [[likely]]
    return;
  if (first != kSuccess)
    fail(Code::device, "the GPU does not answer this process any more, since: ", said(first));
  if (is_sticky(result)) poisoned = result;
  fail(result == kOutOfMemory ? Code::out_of_memory : Code::device, what, ": ", said(result));
}

}  // namespace hone::cuda
