// Our declarations of cuBLASLt against its header and against the library itself, where those are
// installed; and which products it is given.

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "device/cuda/blas.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/plain_product.hpp"
#include "device/cuda/halves.hpp"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#endif

namespace hone::test::blas_test {

using namespace cuda;

#ifdef CUBLAS_VERSION

TEST(BlasHeader, NumbersAreTheHeaders) {
  using blas::OfLayout, blas::OfPreference, blas::OfProduct;
  EXPECT_EQ(blas::kF32, CUDA_R_32F);
  EXPECT_EQ(blas::kF16, CUDA_R_16F);
  EXPECT_EQ(blas::kBf16, CUDA_R_16BF);
  EXPECT_EQ(blas::kComputeF32, CUBLAS_COMPUTE_32F);
  EXPECT_EQ(blas::kTransposed, CUBLAS_OP_T);
  EXPECT_EQ(blas::kPlain, CUBLASLT_EPILOGUE_DEFAULT);
  EXPECT_EQ(blas::kRelu, CUBLASLT_EPILOGUE_RELU);
  EXPECT_EQ(blas::kBias, CUBLASLT_EPILOGUE_BIAS);
  EXPECT_EQ(blas::kReluBias, CUBLASLT_EPILOGUE_RELU_BIAS);
  EXPECT_EQ(static_cast<int>(OfProduct::transposes_a), CUBLASLT_MATMUL_DESC_TRANSA);
  EXPECT_EQ(static_cast<int>(OfProduct::transposes_b), CUBLASLT_MATMUL_DESC_TRANSB);
  EXPECT_EQ(static_cast<int>(OfProduct::epilogue), CUBLASLT_MATMUL_DESC_EPILOGUE);
  EXPECT_EQ(static_cast<int>(OfProduct::bias), CUBLASLT_MATMUL_DESC_BIAS_POINTER);
  EXPECT_EQ(static_cast<int>(OfLayout::batches), CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
  EXPECT_EQ(static_cast<int>(OfLayout::batch_stride), CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
  EXPECT_EQ(static_cast<int>(OfPreference::workspace_bytes),
            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
  EXPECT_EQ(static_cast<int>(OfPreference::alignment_a),
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
  EXPECT_EQ(static_cast<int>(OfPreference::alignment_b),
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
  EXPECT_EQ(static_cast<int>(OfPreference::alignment_c),
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
  EXPECT_EQ(static_cast<int>(OfPreference::alignment_d),
            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
  EXPECT_EQ(sizeof(blas::Found), sizeof(cublasLtMatmulHeuristicResult_t));
  EXPECT_EQ(offsetof(blas::Found, status), offsetof(cublasLtMatmulHeuristicResult_t, state));
  EXPECT_EQ(sizeof(blas::Algorithm), sizeof(cublasLtMatmulAlgo_t));
}

#else

TEST(BlasHeader, IsCompared) { GTEST_SKIP() << "cublasLt.h is not installed"; }

#endif

template <class What, class Value, class Object>
void expect_kept(int (*set)(Object*, What, const void*, size_t),
                 int (*get)(Object*, What, void*, size_t, size_t*), Object* object, What what,
                 Value value) {
  EXPECT_EQ(set(object, what, &value, sizeof(value)), 0) << static_cast<int>(what);
  Value got{};
  size_t written = 0;
  EXPECT_EQ(get(object, what, &got, sizeof(got), &written), 0) << static_cast<int>(what);
  EXPECT_EQ(written, sizeof(value)) << static_cast<int>(what);
  EXPECT_EQ(got, value) << static_cast<int>(what);
}

TEST(Blas, GivesBackWhatIsSet) {
  if (!blas_state().why.empty()) GTEST_SKIP() << "cuBLASLt: " << blas_state().why;
  using blas::OfLayout, blas::OfPreference, blas::OfProduct;
  const Blas& lt = blas_library();
  blas::Description* product = nullptr;
  ASSERT_EQ(lt.MatmulDescCreate(&product, blas::kComputeF32, blas::kF32), 0);
  for (const OfProduct what : {OfProduct::transposes_a, OfProduct::transposes_b})
    expect_kept(lt.MatmulDescSetAttribute, lt.MatmulDescGetAttribute, product, what,
                int{blas::kTransposed});
  expect_kept(lt.MatmulDescSetAttribute, lt.MatmulDescGetAttribute, product, OfProduct::epilogue,
              int{blas::kReluBias});
  expect_kept(lt.MatmulDescSetAttribute, lt.MatmulDescGetAttribute, product, OfProduct::bias,
              static_cast<void*>(product));
  EXPECT_EQ(lt.MatmulDescDestroy(product), 0);
  blas::Layout* layout = nullptr;
  ASSERT_EQ(lt.MatrixLayoutCreate(&layout, blas::kF16, 8, 16, 8), 0);
  expect_kept(lt.MatrixLayoutSetAttribute, lt.MatrixLayoutGetAttribute, layout, OfLayout::batches,
              int32_t{3});
  expect_kept(lt.MatrixLayoutSetAttribute, lt.MatrixLayoutGetAttribute, layout,
              OfLayout::batch_stride, int64_t{128});
  EXPECT_EQ(lt.MatrixLayoutDestroy(layout), 0);
  blas::Preference* preference = nullptr;
  ASSERT_EQ(lt.MatmulPreferenceCreate(&preference), 0);
  expect_kept(lt.MatmulPreferenceSetAttribute, lt.MatmulPreferenceGetAttribute, preference,
              OfPreference::workspace_bytes, uint64_t{1} << 20);
  for (const OfPreference what : {OfPreference::alignment_a, OfPreference::alignment_b,
                                  OfPreference::alignment_c, OfPreference::alignment_d})
    expect_kept(lt.MatmulPreferenceSetAttribute, lt.MatmulPreferenceGetAttribute, preference, what,
                uint32_t{16});
  EXPECT_EQ(lt.MatmulPreferenceDestroy(preference), 0);
}

struct Product {
  std::string_view name, text;
  std::string_view says;  // steps of the operands and of the result, what is added; or why not
  bool channels = false;
};

const Product kPlain[] = {
    {"rows", "graph g(%x: f16[37,64], %z: f16[64,40]) -> (%y)\n  %y = MatMul(%x, %z)\n",
     "a 0,64,1 b 0,40,1 y 0,40,1"},
    {"several axes of rows",
     "graph g(%x: f16[2,n,64], %z: f16[64,40], %b: f16[40]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %b)\n  %y = Relu(%c)\n",
     "a 0,64,1 b 0,40,1 y 0,40,1 bias clips"},
    {"turned",
     "graph g(%x: bf16[64,70], %z: bf16[136,64]) -> (%y)\n"
     "  %y = Gemm(%x, %z) transA=true transB=true alpha=0.5\n",
     "a 0,1,70 b 0,1,64 y 0,136,1 scaled"},
    {"a summand",
     "graph g(%x: f32[30,64], %z: f32[64,40], %r: f32[30,40]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n",
     "a 0,64,1 b 0,40,1 y 0,40,1 summand 0,40,1 clips"},
    {"batches", "graph g(%x: f16[3,5,64], %z: f16[3,64,40]) -> (%y)\n  %y = MatMul(%x, %z)\n",
     "a 320,64,1 b 2560,40,1 y 200,40,1"},
    {"points of a picture",
     "graph g(%x: f16[2,64,9,11], %w: f16[72,64,1,1], %b: f16[72], %r: f16[2,72,9,11]) -> (%y)\n"
     "  %a = Conv(%x, %w, %b)\n  %c = Add(%a, %r)\n  %y = Relu(%c)\n",
     "a 0,64,1 b 0,1,64 y 0,72,1 bias summand 0,72,1 clips", true},
    {"a filter",
     "graph g(%x: f16[2,64,9,11], %w: f16[72,64,3,3]) -> (%y)\n"
     "  %y = Conv(%x, %w) pads=[1,1,1,1]\n",
     "it computes its operands", true},
    {"another function",
     "graph g(%x: f16[37,64], %z: f16[64,40]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %y = Tanh(%a)\n",
     "it computes more than a library adds"},
    {"two types",
     "graph g(%x: f16[37,64], %z: f16[64,40]) -> (%y)\n"
     "  %a = MatMul(%x, %z)\n  %y = Cast(%a) to=f32\n",
     "its operands and result are no floats of one type"},
};

std::string said(const emitter::PlainProduct& product) {
  if (!product.declined.empty()) return product.declined;
  const auto steps = [](std::string_view name, const emitter::Steps& at) {
    return cat(name, " ", at.batch, ",", at.row, ",", at.column);
  };
  std::string text = cat(steps("a", product.a_steps), " ", steps("b", product.b_steps), " ",
                         steps("y", product.result_steps));
  if (product.bias != nullptr) text += " bias";
  if (product.summand != nullptr) text += cat(" ", steps("summand", product.summand_steps));
  if (product.scale != 1) text += " scaled";
  if (product.clips) text += " clips";
  return text;
}

TEST(PlainProducts, AreFoundInRegions) {
  for (const Product& each : kPlain) {
    const auto graph = parse(each.text, all_ops());
    infer(*graph);
    const auto problem = problem_of(*graph, false, each.channels);
    EXPECT_EQ(said(emitter::plain_product_of(*problem)), each.says) << each.name;
  }
}

TEST(PlainProducts, OfTheCallersTensorsAreNotTheLibrarys) {
  const auto graph = parse(kPlain[0].text, all_ops());
  infer(*graph);
  const auto problem = problem_of(*graph, false, false);
  problem->target = std::make_shared<const Target>(target_of(90, nullptr));
  const Kernel& kernel = *kernels().find("cuda.cublaslt");
  EXPECT_EQ(kernel.accepts(*problem).yes, blas_state().why.empty());
  problem->outputs[0].alignment = 2;
  EXPECT_EQ(kernel.accepts(*problem).why, "an operand or the result is the caller's");
}

}  // namespace hone::test::blas_test
