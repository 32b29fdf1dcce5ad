// Our declarations of CUDA against the toolkit's headers, where those are installed.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/cuda/driver.hpp"
#include "device/device.hpp"

#if __has_include(<cuda.h>)
#include <cuda.h>
#endif

namespace hone::test::headers_test {

#ifdef CUDA_VERSION

using namespace cuda;

/// How many bytes each argument takes, one digit each: a pointer and a 64-bit address are alike to
/// the machine, an int and an enum are, too.
template <class Return, class... Arguments>
std::string shape_of(Return (*)(Arguments...)) {
  return cat(sizeof(Return), "(", join(std::vector<std::string>{cat(sizeof(Arguments))...}, " "),
             ")");
}

template <class Ours, class Theirs>
void expect_alike(Ours ours, Theirs theirs, const char* name) {
  EXPECT_EQ(shape_of(ours), shape_of(theirs)) << name;
}

TEST(CudaHeaders, OfMapsHaveTheirKinds) {
  EXPECT_EQ(kMapU8, CU_TENSOR_MAP_DATA_TYPE_UINT8);
  EXPECT_EQ(kMapSwizzled64, CU_TENSOR_MAP_SWIZZLE_64B);
  EXPECT_EQ(kMapF16, CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
  EXPECT_EQ(kMapBf16, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
  EXPECT_EQ(kMapSwizzled, CU_TENSOR_MAP_SWIZZLE_128B);
}

TEST(CudaHeaders, FunctionsTakeWhatTheHeaderSays) {
  const Driver cu{};
  expect_alike(cu.Init, decltype(&::cuInit){}, "cuInit");
  expect_alike(cu.DriverGetVersion, decltype(&::cuDriverGetVersion){}, "cuDriverGetVersion");
  expect_alike(cu.GetErrorString, decltype(&::cuGetErrorString){}, "cuGetErrorString");
  expect_alike(cu.DeviceGetCount, decltype(&::cuDeviceGetCount){}, "cuDeviceGetCount");
  expect_alike(cu.DeviceGet, decltype(&::cuDeviceGet){}, "cuDeviceGet");
  expect_alike(cu.DeviceGetName, decltype(&::cuDeviceGetName){}, "cuDeviceGetName");
  expect_alike(cu.DeviceGetAttribute, decltype(&::cuDeviceGetAttribute){}, "cuDeviceGetAttribute");
  expect_alike(cu.DeviceTotalMem, decltype(&::cuDeviceTotalMem){}, "cuDeviceTotalMem");
  expect_alike(cu.DevicePrimaryCtxRetain, decltype(&::cuDevicePrimaryCtxRetain){}, "retain");
  expect_alike(cu.DevicePrimaryCtxRelease, decltype(&::cuDevicePrimaryCtxRelease){}, "release");
  expect_alike(cu.CtxSetCurrent, decltype(&::cuCtxSetCurrent){}, "cuCtxSetCurrent");
  expect_alike(cu.MemAlloc, decltype(&::cuMemAlloc){}, "cuMemAlloc");
  expect_alike(cu.MemFree, decltype(&::cuMemFree){}, "cuMemFree");
  expect_alike(cu.MemHostAlloc, decltype(&::cuMemHostAlloc){}, "cuMemHostAlloc");
  expect_alike(cu.MemFreeHost, decltype(&::cuMemFreeHost){}, "cuMemFreeHost");
  expect_alike(cu.MemcpyHtoDAsync, decltype(&::cuMemcpyHtoDAsync){}, "cuMemcpyHtoDAsync");
  expect_alike(cu.MemcpyDtoHAsync, decltype(&::cuMemcpyDtoHAsync){}, "cuMemcpyDtoHAsync");
  expect_alike(cu.MemcpyDtoDAsync, decltype(&::cuMemcpyDtoDAsync){}, "cuMemcpyDtoDAsync");
  expect_alike(cu.MemsetD8Async, decltype(&::cuMemsetD8Async){}, "cuMemsetD8Async");
  expect_alike(cu.StreamCreate, decltype(&::cuStreamCreate){}, "cuStreamCreate");
  expect_alike(cu.StreamDestroy, decltype(&::cuStreamDestroy){}, "cuStreamDestroy");
  expect_alike(cu.StreamSynchronize, decltype(&::cuStreamSynchronize){}, "cuStreamSynchronize");
  expect_alike(cu.StreamWaitEvent, decltype(&::cuStreamWaitEvent){}, "cuStreamWaitEvent");
  expect_alike(cu.EventCreate, decltype(&::cuEventCreate){}, "cuEventCreate");
  expect_alike(cu.EventDestroy, decltype(&::cuEventDestroy){}, "cuEventDestroy");
  expect_alike(cu.EventRecord, decltype(&::cuEventRecord){}, "cuEventRecord");
  expect_alike(cu.ModuleLoadData, decltype(&::cuModuleLoadData){}, "cuModuleLoadData");
  expect_alike(cu.ModuleUnload, decltype(&::cuModuleUnload){}, "cuModuleUnload");
  expect_alike(cu.ModuleGetFunction, decltype(&::cuModuleGetFunction){}, "cuModuleGetFunction");
  expect_alike(cu.FuncSetAttribute, decltype(&::cuFuncSetAttribute){}, "cuFuncSetAttribute");
  expect_alike(cu.LaunchKernelEx, decltype(&::cuLaunchKernelEx){}, "cuLaunchKernelEx");
  expect_alike(cu.StreamBeginCapture, decltype(&::cuStreamBeginCapture){}, "cuStreamBeginCapture");
  expect_alike(cu.StreamEndCapture, decltype(&::cuStreamEndCapture){}, "cuStreamEndCapture");
  expect_alike(cu.GraphInstantiate, decltype(&::cuGraphInstantiateWithFlags){}, "instantiate");
  expect_alike(cu.GraphLaunch, decltype(&::cuGraphLaunch){}, "cuGraphLaunch");
  expect_alike(cu.GraphExecDestroy, decltype(&::cuGraphExecDestroy){}, "cuGraphExecDestroy");
  expect_alike(cu.GraphDestroy, decltype(&::cuGraphDestroy){}, "cuGraphDestroy");
  expect_alike(cu.GraphExecKernelNodeSetParams, decltype(&::cuGraphExecKernelNodeSetParams){},
               "cuGraphExecKernelNodeSetParams");
  expect_alike(cu.TensorMapEncodeTiled, decltype(&::cuTensorMapEncodeTiled){}, "tiled");
  expect_alike(cu.TensorMapEncodeIm2col, decltype(&::cuTensorMapEncodeIm2col){}, "im2col");
  EXPECT_EQ(sizeof(KernelNode), sizeof(CUDA_KERNEL_NODE_PARAMS_v1));
  EXPECT_EQ(sizeof(TensorMap), sizeof(CUtensorMap));
  EXPECT_EQ(alignof(TensorMap), alignof(CUtensorMap));
  EXPECT_EQ(kMapRuns, CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
  EXPECT_EQ(sizeof(LaunchConfig), sizeof(CUlaunchConfig));
  EXPECT_EQ(offsetof(LaunchConfig, stream), offsetof(CUlaunchConfig, hStream));
  EXPECT_EQ(offsetof(LaunchConfig, attributes), offsetof(CUlaunchConfig, attrs));
  EXPECT_EQ(sizeof(LaunchAttribute), sizeof(CUlaunchAttribute));
  EXPECT_EQ(offsetof(LaunchAttribute, value), offsetof(CUlaunchAttribute, value));
  EXPECT_EQ(kBeginsEarly, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
  EXPECT_EQ(kCaptureRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(kCaptureActive, CU_STREAM_CAPTURE_STATUS_ACTIVE);
}

TEST(CudaHeaders, NumbersAreTheHeaders) {
  EXPECT_EQ(kSuccess, CUDA_SUCCESS);
  EXPECT_EQ(kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(kDeinitialized, CUDA_ERROR_DEINITIALIZED);
  EXPECT_EQ(kUncorrectable, CUDA_ERROR_ECC_UNCORRECTABLE);
  EXPECT_EQ(kIllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(kLaunchTimeout, CUDA_ERROR_LAUNCH_TIMEOUT);
  EXPECT_EQ(kContextIsDestroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(kAssert, CUDA_ERROR_ASSERT);
  EXPECT_EQ(kHardwareStackError, CUDA_ERROR_HARDWARE_STACK_ERROR);
  EXPECT_EQ(kIllegalInstruction, CUDA_ERROR_ILLEGAL_INSTRUCTION);
  EXPECT_EQ(kMisalignedAddress, CUDA_ERROR_MISALIGNED_ADDRESS);
  EXPECT_EQ(kInvalidAddressSpace, CUDA_ERROR_INVALID_ADDRESS_SPACE);
  EXPECT_EQ(kInvalidPc, CUDA_ERROR_INVALID_PC);
  EXPECT_EQ(kLaunchFailed, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_EQ(kUnknown, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(static_cast<int>(Attribute::clock_rate), CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  EXPECT_EQ(static_cast<int>(Attribute::multiprocessors), CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_EQ(static_cast<int>(Attribute::memory_clock_rate), CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
  EXPECT_EQ(static_cast<int>(Attribute::memory_bus_width),
            CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
  EXPECT_EQ(static_cast<int>(Attribute::l2_bytes), CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  EXPECT_EQ(static_cast<int>(Attribute::capability_major),
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(static_cast<int>(Attribute::capability_minor),
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(static_cast<int>(Attribute::shared_bytes_optin),
            CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_EQ(kMaxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(kNonBlocking, CU_STREAM_NON_BLOCKING);
  EXPECT_EQ(kEventWithoutTime, CU_EVENT_DISABLE_TIMING);
  EXPECT_EQ(kPortable, static_cast<unsigned>(CU_MEMHOSTALLOC_PORTABLE));
}

TEST(CudaHeaders, ErrorsAfterWhichNothingWorks) {
  for (const int code : {CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_LAUNCH_FAILED,
                         CUDA_ERROR_ECC_UNCORRECTABLE, CUDA_ERROR_ASSERT})
    EXPECT_TRUE(is_sticky(code)) << code;
  for (const int code : {CUDA_SUCCESS, CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_INVALID_VALUE,
                         CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES})
    EXPECT_FALSE(is_sticky(code)) << code;
}

#else

TEST(CudaHeaders, AreCompared) { GTEST_SKIP() << "cuda.h is not installed"; }

#endif

TEST(CudaDevice, SaysWhyItIsNotHere) {
  const auto names = device_names();
  const bool named = std::find(names.begin(), names.end(), "cuda") != names.end();
  EXPECT_EQ(named, cuda::gpu_count() > 0);
  if (named) GTEST_SKIP() << "there is a GPU";
  try {
    (void)open_device("cuda");
    ADD_FAILURE() << "a GPU was opened where there is none";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::device);
    EXPECT_TRUE(error.message().starts_with("CUDA's driver cannot be used: ")) << error.message();
  }
  EXPECT_EQ(cuda::driver_state().why.empty(), false);
}

}  // namespace hone::test::headers_test
