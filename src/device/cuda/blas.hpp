#pragma once
// cuBLASLt, opened while the program runs: one more way to multiply matrices, where it is
// installed. Names are the library's without "cublasLt"; a test compares numbers with its header
// and reads back what is set.

#include <cstddef>
#include <cstdint>

#include "device/cuda/driver.hpp"

namespace hone::cuda {

namespace blas {

struct Handle;
struct Description;  // of a product
struct Layout;       // of a matrix
struct Preference;

enum : int {
  kF32 = 0,
  kF16 = 2,
  kBf16 = 14
};                                      // cudaDataType
inline constexpr int kComputeF32 = 68;  // CUBLAS_COMPUTE_32F
inline constexpr int kTransposed = 1;   // CUBLAS_OP_T

enum class OfProduct : int {
  transposes_a = 3,
  transposes_b = 4,
  epilogue = 7,
  bias = 8,
};
enum : int {
  kPlain = 1,
  kRelu = 2,
  kBias = 4,
  kReluBias = 6
};  // epilogues
enum class OfLayout : int {
  batches = 5,
  batch_stride = 6,
};
enum class OfPreference : int {
  workspace_bytes = 1,
  alignment_a = 5,
  alignment_b = 6,
  alignment_c = 7,
  alignment_d = 8,
};

struct Algorithm {
  uint64_t opaque[8];
};
/// cublasLtMatmulHeuristicResult_t.
struct Found {
  Algorithm algorithm;
  size_t workspace_bytes;
  int status;
  float waves;
  int reserved[4];
};

}  // namespace blas

struct Blas {
  size_t (*GetVersion)();
  const char* (*GetStatusString)(int status);
  int (*Create)(blas::Handle** handle);
  int (*Destroy)(blas::Handle* handle);
  int (*MatmulDescCreate)(blas::Description** description, int compute, int scale);
  int (*MatmulDescDestroy)(blas::Description* description);
  int (*MatmulDescSetAttribute)(blas::Description* description, blas::OfProduct what,
                                const void* from, size_t bytes);
  int (*MatmulDescGetAttribute)(blas::Description* description, blas::OfProduct what, void* to,
                                size_t bytes, size_t* written);
  int (*MatrixLayoutCreate)(blas::Layout** layout, int type, uint64_t rows, uint64_t columns,
                            int64_t step);
  int (*MatrixLayoutDestroy)(blas::Layout* layout);
  int (*MatrixLayoutSetAttribute)(blas::Layout* layout, blas::OfLayout what, const void* from,
                                  size_t bytes);
  int (*MatrixLayoutGetAttribute)(blas::Layout* layout, blas::OfLayout what, void* to, size_t bytes,
                                  size_t* written);
  int (*MatmulPreferenceCreate)(blas::Preference** preference);
  int (*MatmulPreferenceDestroy)(blas::Preference* preference);
  int (*MatmulPreferenceSetAttribute)(blas::Preference* preference, blas::OfPreference what,
                                      const void* from, size_t bytes);
  int (*MatmulPreferenceGetAttribute)(blas::Preference* preference, blas::OfPreference what,
                                      void* to, size_t bytes, size_t* written);
  int (*MatmulAlgoGetHeuristic)(blas::Handle* handle, blas::Description* description,
                                blas::Layout* a, blas::Layout* b, blas::Layout* c, blas::Layout* d,
                                blas::Preference* preference, int wanted, blas::Found* found,
                                int* count);
  int (*Matmul)(blas::Handle* handle, blas::Description* description, const void* alpha,
                const void* a, blas::Layout* a_layout, const void* b, blas::Layout* b_layout,
                const void* beta, const void* c, blas::Layout* c_layout, void* d,
                blas::Layout* d_layout, const blas::Algorithm* algorithm, void* workspace,
                size_t workspace_bytes, StreamHandle* stream);
};

/// Opened once. Error(device) saying why it cannot be used.
const Blas& blas_library();
const LibraryState& blas_state();
/// Error(device) for everything but success.
void succeed_in_blas(int status, const char* what);

/// cuDNN is looked for, and nothing of it is called yet.
const LibraryState& dnn_state();

}  // namespace hone::cuda
