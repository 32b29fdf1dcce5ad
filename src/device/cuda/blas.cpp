#include "device/cuda/blas.hpp"

#include "base/error.hpp"

namespace hone::cuda {
namespace {

struct OpenedBlas {
  Blas functions{};
  LibraryState state;
};

/// 130100 is 13.1.0.
std::string version_text(size_t version) {
  return cat(version / 10000, ".", version / 100 % 100, ".", version % 100);
}

OpenedBlas open_blas() {
  OpenedBlas opened;
  Blas& lt = opened.functions;
  const Symbol symbols[] = {
      {"cublasLtGetVersion", place(lt.GetVersion)},
      {"cublasLtGetStatusString", place(lt.GetStatusString)},
      {"cublasLtCreate", place(lt.Create)},
      {"cublasLtDestroy", place(lt.Destroy)},
      {"cublasLtMatmulDescCreate", place(lt.MatmulDescCreate)},
      {"cublasLtMatmulDescDestroy", place(lt.MatmulDescDestroy)},
      {"cublasLtMatmulDescSetAttribute", place(lt.MatmulDescSetAttribute)},
      {"cublasLtMatmulDescGetAttribute", place(lt.MatmulDescGetAttribute)},
      {"cublasLtMatrixLayoutCreate", place(lt.MatrixLayoutCreate)},
      {"cublasLtMatrixLayoutDestroy", place(lt.MatrixLayoutDestroy)},
      {"cublasLtMatrixLayoutSetAttribute", place(lt.MatrixLayoutSetAttribute)},
      {"cublasLtMatrixLayoutGetAttribute", place(lt.MatrixLayoutGetAttribute)},
      {"cublasLtMatmulPreferenceCreate", place(lt.MatmulPreferenceCreate)},
      {"cublasLtMatmulPreferenceDestroy", place(lt.MatmulPreferenceDestroy)},
      {"cublasLtMatmulPreferenceSetAttribute", place(lt.MatmulPreferenceSetAttribute)},
      {"cublasLtMatmulPreferenceGetAttribute", place(lt.MatmulPreferenceGetAttribute)},
      {"cublasLtMatmulAlgoGetHeuristic", place(lt.MatmulAlgoGetHeuristic)},
      {"cublasLtMatmul", place(lt.Matmul)},
  };
  const auto files = library_files("HONE_CUBLASLT", "libcublasLt.so", {"13", "12"});
  opened.state = open_library(files, symbols);
  if (opened.state.why.empty()) opened.state.version = version_text(lt.GetVersion());
  return opened;
}

const OpenedBlas& opened_blas() {
  static const OpenedBlas kOpened = open_blas();
  return kOpened;
}

LibraryState open_dnn() {
  size_t (*version)() = nullptr;
  const Symbol symbols[] = {{"cudnnGetVersion", place(version)}};
  const auto files = library_files("HONE_CUDNN", "libcudnn.so", {"9"});
  LibraryState state = open_library(files, symbols);
  if (state.why.empty()) state.version = version_text(version());
  return state;
}

}  // namespace

const LibraryState& blas_state() { return opened_blas().state; }

const LibraryState& dnn_state() {
  static const LibraryState kState = open_dnn();
  return kState;
}

const Blas& blas_library() {
  check(opened_blas().state.why.empty(), Code::device,
        "cuBLASLt cannot be used: ", opened_blas().state.why);
  return opened_blas().functions;
}

void succeed_in_blas(int status, const char* what) {
  check(status == 0, Code::device, "cuBLASLt, ", what, ": ",
        status == 0 ? "" : opened_blas().functions.GetStatusString(status));
}

}  // namespace hone::cuda
