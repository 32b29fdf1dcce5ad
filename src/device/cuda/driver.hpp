#pragma once
// The part of CUDA's driver interface that Hone calls, declared by ourselves. Names are the
// driver's without "cu"; a test compares numbers and sizes with the toolkit's header.

#include <cstddef>
#include <cstdint>
#include <string>

#include "device/cuda/library.hpp"

namespace hone::cuda {

using Result = int;  // CUresult
using Address = unsigned long long;
struct ContextHandle;
struct ModuleHandle;
struct FunctionHandle;
struct StreamHandle;
struct EventHandle;
struct GraphHandle;
struct GraphNodeHandle;
struct GraphExecHandle;

enum : Result {
  kSuccess = 0,
  kOutOfMemory = 2,
  kDeinitialized = 4,
  kUncorrectable = 214,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kLaunchTimeout = 702,
  kContextIsDestroyed = 709,
  kAssert = 710,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kUnknown = 999,
};

/// CUdevice_attribute.
enum class Attribute : int {
  clock_rate = 13,  // kHz
  multiprocessors = 16,
  memory_clock_rate = 36,  // kHz
  memory_bus_width = 37,   // bits
  l2_bytes = 38,
  capability_major = 75,
  capability_minor = 76,
  shared_bytes_optin = 97,
};
inline constexpr int kMaxDynamicShared = 8;       // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
inline constexpr unsigned kNonBlocking = 1;       // CU_STREAM_NON_BLOCKING
inline constexpr unsigned kEventWithoutTime = 2;  // CU_EVENT_DISABLE_TIMING
inline constexpr unsigned kPortable = 1;          // CU_MEMHOSTALLOC_PORTABLE
inline constexpr int kCaptureRelaxed = 2;         // CU_STREAM_CAPTURE_MODE_RELAXED
inline constexpr int kCaptureActive = 1;          // CU_STREAM_CAPTURE_STATUS_ACTIVE

/// CUDA_KERNEL_NODE_PARAMS_v1.
struct KernelNode {
  FunctionHandle* function;
  unsigned grid_x, grid_y, grid_z;
  unsigned block_x, block_y, block_z;
  unsigned shared_bytes;
  void** parameters;
  void** extra;
};

/// CUlaunchAttribute: what a launch is besides its sizes; `value` is a union of 64 bytes.
struct LaunchAttribute {
  int id, padding;
  union {
    int number;
    char bytes[64];
  } value;
};
/// CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION: it may begin before the one ahead of it
/// has ended, which its code waits for (griddepcontrol.wait).
inline constexpr int kBeginsEarly = 6;

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned grid_x, grid_y, grid_z;
  unsigned block_x, block_y, block_z;
  unsigned shared_bytes;
  StreamHandle* stream;
  LaunchAttribute* attributes;
  unsigned attribute_count;
};

/// CUtensorMap: a tensor in memory as the copy engine knows it.
struct alignas(128) TensorMap {
  uint64_t words[16];
};
// CU_TENSOR_MAP_DATA_TYPE_UINT8, _FLOAT16, _BFLOAT16
inline constexpr int kMapU8 = 0, kMapF16 = 6, kMapBf16 = 9;
inline constexpr int kMapSwizzled64 = 2;  // CU_TENSOR_MAP_SWIZZLE_64B
inline constexpr int kMapSwizzled = 3;    // CU_TENSOR_MAP_SWIZZLE_128B
inline constexpr int kMapRuns = 3;        // CU_TENSOR_MAP_L2_PROMOTION_L2_256B

struct Driver {
  Result (*Init)(unsigned flags);
  Result (*DriverGetVersion)(int* version);
  Result (*GetErrorString)(Result error, const char** text);
  Result (*DeviceGetCount)(int* count);
  Result (*DeviceGet)(int* device, int ordinal);
  Result (*DeviceGetName)(char* name, int length, int device);
  Result (*DeviceGetAttribute)(int* value, Attribute attribute, int device);
  Result (*DeviceTotalMem)(size_t* bytes, int device);
  Result (*DevicePrimaryCtxRetain)(ContextHandle** context, int device);
  Result (*DevicePrimaryCtxRelease)(int device);
  Result (*CtxSetCurrent)(ContextHandle* context);
  Result (*MemAlloc)(Address* place, size_t bytes);
  Result (*MemFree)(Address place);
  Result (*MemHostAlloc)(void** place, size_t bytes, unsigned flags);
  Result (*MemFreeHost)(void* place);
  Result (*MemcpyHtoDAsync)(Address to, const void* from, size_t bytes, StreamHandle* stream);
  Result (*MemcpyDtoHAsync)(void* to, Address from, size_t bytes, StreamHandle* stream);
  Result (*MemcpyDtoDAsync)(Address to, Address from, size_t bytes, StreamHandle* stream);
  Result (*MemsetD8Async)(Address to, unsigned char value, size_t bytes, StreamHandle* stream);
  Result (*StreamCreate)(StreamHandle** stream, unsigned flags);
  Result (*StreamDestroy)(StreamHandle* stream);
  Result (*StreamSynchronize)(StreamHandle* stream);
  Result (*StreamWaitEvent)(StreamHandle* stream, EventHandle* event, unsigned flags);
  Result (*EventCreate)(EventHandle** event, unsigned flags);
  Result (*EventDestroy)(EventHandle* event);
  Result (*EventRecord)(EventHandle* event, StreamHandle* stream);
  Result (*ModuleLoadData)(ModuleHandle** module, const void* image);
  Result (*ModuleUnload)(ModuleHandle* module);
  Result (*ModuleGetFunction)(FunctionHandle** function, ModuleHandle* module, const char* name);
  Result (*FuncSetAttribute)(FunctionHandle* function, int attribute, int value);
  Result (*LaunchKernelEx)(const LaunchConfig* config, FunctionHandle* function, void** parameters,
                           void** extra);
  Result (*StreamBeginCapture)(StreamHandle* stream, int mode);
  Result (*StreamEndCapture)(StreamHandle* stream, GraphHandle** graph);
  Result (*StreamGetCaptureInfo)(StreamHandle* stream, int* status, uint64_t* id,
                                 GraphHandle** graph, GraphNodeHandle* const** nodes,
                                 size_t* count);
  Result (*GraphInstantiate)(GraphExecHandle** made, GraphHandle* graph, unsigned long long flags);
  Result (*GraphExecKernelNodeSetParams)(GraphExecHandle* made, GraphNodeHandle* node,
                                         const KernelNode* kernel);
  Result (*TensorMapEncodeTiled)(TensorMap* map, int type, unsigned rank, void* data,
                                 const uint64_t* sizes, const uint64_t* strides,
                                 const unsigned* box, const unsigned* steps, int interleave,
                                 int swizzle, int promotion, int fill);
  Result (*TensorMapEncodeIm2col)(TensorMap* map, int type, unsigned rank, void* data,
                                  const uint64_t* sizes, const uint64_t* strides, const int* lower,
                                  const int* upper, unsigned channels, unsigned pixels,
                                  const unsigned* steps, int interleave, int swizzle, int promotion,
                                  int fill);
  Result (*GraphLaunch)(GraphExecHandle* made, StreamHandle* stream);
  Result (*GraphExecDestroy)(GraphExecHandle* made);
  Result (*GraphDestroy)(GraphHandle* graph);
};

/// Opened and initialized once. Error(device) saying why it cannot be used.
const Driver& driver();
/// How many GPUs there are; 0 also where there is no driver.
int gpu_count();

/// After one of these, nothing that the process asks of the GPU works any more.
bool is_sticky(Result result);

/// Throws for everything but success: Error(out_of_memory), else Error(device), "WHAT: what the
/// driver says". After a sticky error, every call is refused with the first one.
void succeed(Result result, const char* what);

}  // namespace hone::cuda
