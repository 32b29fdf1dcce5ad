// Matrix products by cuBLASLt, where it is installed: an engine that has one says so in its plan,
// and is planned again where the library is absent.

#include <algorithm>
#include <cmath>
#include <mutex>

#include "device/cuda/blas.hpp"
#include "device/cuda/device.hpp"
#include "device/cuda/emit/plain_product.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace library_product_kernel {
namespace {

using emitter::plain_product_of;
using emitter::PlainProduct;
using emitter::Steps;

constexpr int64_t kWorkspace = int64_t{32} << 20;
constexpr int64_t kWorkspaceAlignment = 256;  // cuBLASLt refuses others
constexpr int kWays = 3;                      // that its heuristic names first

std::span<std::byte> workspace_in(std::span<std::byte> scratch) {
  const uintptr_t over = reinterpret_cast<uintptr_t>(scratch.data()) % kWorkspaceAlignment;
  return scratch.subspan(over == 0 ? 0 : kWorkspaceAlignment - over, kWorkspace);
}

/// An operand or the result lies where the caller has it, not where a plan puts values.
bool has_callers(const Problem& problem) {
  const auto is_callers = [](const OperandLayout& layout) {
    return layout.alignment % kBufferAlignment != 0;
  };
  const size_t given = problem.inputs.size();
  if (given < problem.weights.size() || problem.outputs.empty()) return true;
  for (size_t i = 0; i < given; ++i)
    if (problem.weights[i] == nullptr && is_callers(problem.inputs[i])) return true;
  return std::ranges::any_of(problem.outputs, is_callers);
}

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) == 0) return Verdict::no("the target is no GPU");
  const PlainProduct product = plain_product_of(problem);
  if (!product.declined.empty()) return Verdict::no(product.declined);
  // The caller's own tensors lie elsewhere in each run: what was recorded here stays as it is.
  if (has_callers(problem)) return Verdict::no("an operand or the result is the caller's");
  const LibraryState& state = blas_state();
  return state.why.empty() ? Verdict() : Verdict::no(cat("cuBLASLt: ", state.why));
}

std::vector<Tuning> tunings(const Problem&) {
  std::vector<Tuning> all;
  for (int way = 0; way < kWays; ++way) all.push_back({{"way", way}});
  return all;
}

/// A product of this many rows and columns, fitted to times of an H200 (docs/cuda.md). Between two
/// that are as fast the one without a library is chosen.
double seconds_of(const Target& target, double batches, double rows, double columns, double depth,
                  double bytes, bool halves) {
  constexpr double kMultiprocessors = 132, kTile = 128, kManyWaves = 4, kPreferred = 1.03;
  constexpr double kBegin = 2e-6;               // kernels ahead have ended, those behind wait
  constexpr double kTileBegin = 1.2e-6;         // of halves: products wait for the first elements
  const double reached = halves ? 12.1 : 0.77;  // of the peak in f32
  double waves = batches * std::ceil(rows / kTile) * std::ceil(columns / kTile) / kMultiprocessors;
  if (waves < kManyWaves) waves = std::ceil(waves);
  const double tile =
      2 * kTile * kTile * depth * kMultiprocessors / (reached * target.flops_per_second) +
      (halves ? kTileBegin : 0);
  return kPreferred *
         (target.launch_seconds + kBegin + std::max(bytes / target.bytes_per_second, waves * tile));
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  const PlainProduct product = plain_product_of(*problem);
  const Target& target = *problem->target;
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(*problem, dim));
  };
  const double batches = size(product.contraction.batch_count()),
               rows = size(product.contraction.row_count()),
               columns = size(product.contraction.column_count()),
               depth = size(product.contraction.depth_count());
  const DType dtype = product.contraction.stage->dtype;
  const double bytes =
      batches * (rows * depth + depth * columns + rows * columns) * bits(dtype) / 8;
  Recipe made;
  made.tuning = tuning;
  made.scratch_bytes = kWorkspace + kWorkspaceAlignment;  // it lies at a multiple of fewer bytes
  made.seconds = seconds_of(target, batches, rows, columns, depth, bytes, dtype != DType::f32) +
                 1e-9 * static_cast<double>(tuning.at("way"));
  made.problem = std::move(problem);
  return made;
}

/// One for each GPU in use, as long as somebody has it.
std::shared_ptr<blas::Handle> handle_of(const std::shared_ptr<Gpu>& gpu) {
  static std::mutex mutex;
  static std::map<const Gpu*, std::weak_ptr<blas::Handle>> all;
  const std::lock_guard lock(mutex);
  std::weak_ptr<blas::Handle>& place = all[gpu.get()];
  if (auto handle = place.lock()) return handle;
  gpu->use();
  blas::Handle* made = nullptr;
  succeed_in_blas(blas_library().Create(&made), "opening it");
  std::shared_ptr<blas::Handle> handle(made, [gpu](blas::Handle* last) {
    try {
      gpu->use();
      blas_library().Destroy(last);
    } catch (const Error&) {  // nothing works any more
    }
  });
  place = handle;
  return handle;
}

struct Ready final : Prepared, std::enable_shared_from_this<Ready> {
  PlainProduct product;
  std::shared_ptr<const Problem> problem;  // that the product is of
  std::shared_ptr<Gpu> gpu;
  std::shared_ptr<blas::Handle> handle;
  int way = 0;
  int a = -1, b = -1, bias = -1, summand = -1;  // of the region's inputs
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

/// The library's matrices are stored column by column: ours are theirs turned, so that the result
/// is the second operand times the first.
class Multiplying final : public Bound {
 public:
  Multiplying(std::shared_ptr<const Ready> ready, const Operands& operands,
              std::span<std::byte> scratch)
      : ready_(std::move(ready)), scratch_(workspace_in(scratch)), symbols_(operands.symbols) {
    const emitter::Contraction& of = ready_->product.contraction;
    batches_ = value(of.batch_count());
    rows_ = value(of.row_count());
    columns_ = value(of.column_count());
    depth_ = value(of.depth_count());
    rebind(operands);
    if (batches_ * rows_ * columns_ == 0) return;
    ready_->gpu->use();
    describe();
    choose();
  }

  void rebind(const Operands& operands) override {
    const auto input = [&](int index) {
      return index < 0 ? nullptr : operands.inputs[static_cast<size_t>(index)].data;
    };
    a_ = input(ready_->a);
    b_ = input(ready_->b);
    bias_ = input(ready_->bias);
    result_ = operands.outputs[0].data;
    summand_ = ready_->summand < 0 ? result_ : input(ready_->summand);
    if (description_ != nullptr && bias_ != nullptr) set(blas::OfProduct::bias, bias_);
  }

  void enqueue(hone::Stream& stream) override {
    if (description_ == nullptr) return;
    const float alpha = static_cast<float>(ready_->product.scale);
    const float beta = ready_->summand < 0 ? 0.0F : 1.0F;
    static_cast<Stream&>(stream).launch([&](StreamHandle* queue) {
      succeed_in_blas(
          blas_library().Matmul(ready_->handle.get(), description_.get(), &alpha, b_,
                                b_layout_.get(), a_, a_layout_.get(), &beta, summand_,
                                summand_layout_.get(), result_, result_layout_.get(),
                                &found_.algorithm, scratch_.data(), scratch_.size(), queue),
          "multiplying");
    });
  }

 private:
  struct Destroy {
    void operator()(blas::Description* each) const { blas_library().MatmulDescDestroy(each); }
    void operator()(blas::Layout* each) const { blas_library().MatrixLayoutDestroy(each); }
    void operator()(blas::Preference* each) const { blas_library().MatmulPreferenceDestroy(each); }
  };
  using Layout = std::unique_ptr<blas::Layout, Destroy>;

  int64_t value(const Dim& dim) const { return known_size(dim, symbols_); }

  template <class Value>
  void set(blas::OfProduct what, const Value& value) {
    succeed_in_blas(
        blas_library().MatmulDescSetAttribute(description_.get(), what, &value, sizeof(value)),
        "describing a product");
  }

  /// Of a matrix of ours; true where it is the library's turned.
  bool is_turned(const Steps& steps, int64_t rows, int64_t columns, int64_t& step) const {
    const int64_t row = value(steps.row), column = value(steps.column);
    const bool by_rows = columns == 1 || column == 1;
    step = by_rows ? row : column;
    const int64_t least = by_rows ? columns : rows;
    if ((by_rows ? rows : columns) == 1) step = least;
    return !by_rows;
  }

  Layout layout(int64_t rows, int64_t columns, int64_t step, const Dim& batch) const {
    const DType dtype = ready_->product.contraction.stage->dtype;
    const int type = dtype == DType::f32   ? blas::kF32
                     : dtype == DType::f16 ? blas::kF16
                                           : blas::kBf16;
    check(step >= rows, Code::unsupported, "a matrix overlaps itself");
    blas::Layout* made = nullptr;
    succeed_in_blas(blas_library().MatrixLayoutCreate(&made, type, static_cast<uint64_t>(rows),
                                                      static_cast<uint64_t>(columns), step),
                    "describing a matrix");
    Layout layout(made);
    const auto count = static_cast<int32_t>(batches_);
    const int64_t stride = value(batch);
    check(batches_ < (int64_t{1} << 31), Code::unsupported, "a product of ", batches_, " matrices");
    const auto set_layout = [&](blas::OfLayout what, const auto& number) {
      succeed_in_blas(blas_library().MatrixLayoutSetAttribute(made, what, &number, sizeof(number)),
                      "describing a matrix");
    };
    set_layout(blas::OfLayout::batches, count);
    set_layout(blas::OfLayout::batch_stride, stride);
    return layout;
  }

  void describe() {
    const PlainProduct& product = ready_->product;
    blas::Description* made = nullptr;
    succeed_in_blas(blas_library().MatmulDescCreate(&made, blas::kComputeF32, blas::kF32),
                    "describing a product");
    description_.reset(made);
    int64_t a_step = 0, b_step = 0, result_step = 0, summand_step = 0;
    const bool a_turned = is_turned(product.a_steps, rows_, depth_, a_step);
    const bool b_turned = is_turned(product.b_steps, depth_, columns_, b_step);
    (void)is_turned(product.result_steps, rows_, columns_, result_step);
    if (b_turned) set(blas::OfProduct::transposes_a, blas::kTransposed);
    if (a_turned) set(blas::OfProduct::transposes_b, blas::kTransposed);
    const bool biased = product.bias != nullptr;
    const int epilogue = product.clips ? (biased ? blas::kReluBias : blas::kRelu)
                                       : (biased ? blas::kBias : blas::kPlain);
    set(blas::OfProduct::epilogue, epilogue);
    if (biased) set(blas::OfProduct::bias, bias_);
    a_layout_ = a_turned ? layout(rows_, depth_, a_step, product.a_steps.batch)
                         : layout(depth_, rows_, a_step, product.a_steps.batch);
    b_layout_ = b_turned ? layout(depth_, columns_, b_step, product.b_steps.batch)
                         : layout(columns_, depth_, b_step, product.b_steps.batch);
    result_layout_ = layout(columns_, rows_, result_step, product.result_steps.batch);
    if (product.summand != nullptr)
      (void)is_turned(product.summand_steps, rows_, columns_, summand_step);
    summand_layout_ = product.summand == nullptr
                          ? layout(columns_, rows_, result_step, product.result_steps.batch)
                          : layout(columns_, rows_, summand_step, product.summand_steps.batch);
  }

  /// The first of what its heuristic names, or the one that the tuning says.
  void choose() {
    blas::Preference* made = nullptr;
    succeed_in_blas(blas_library().MatmulPreferenceCreate(&made), "asking for ways");
    const std::unique_ptr<blas::Preference, Destroy> preference(made);
    const auto prefer = [&](blas::OfPreference what, const auto& number) {
      succeed_in_blas(
          blas_library().MatmulPreferenceSetAttribute(made, what, &number, sizeof(number)),
          "asking for ways");
    };
    prefer(blas::OfPreference::workspace_bytes, static_cast<uint64_t>(scratch_.size()));
    for (const auto what : {blas::OfPreference::alignment_a, blas::OfPreference::alignment_b,
                            blas::OfPreference::alignment_c, blas::OfPreference::alignment_d})
      prefer(what, uint32_t{16});
    blas::Found found[kWays] = {};
    int count = 0;
    succeed_in_blas(blas_library().MatmulAlgoGetHeuristic(
                        ready_->handle.get(), description_.get(), b_layout_.get(), a_layout_.get(),
                        summand_layout_.get(), result_layout_.get(), made, kWays, found, &count),
                    "asking for ways");
    check(count > 0, Code::unsupported, "cuBLASLt knows no way to compute a product");
    found_ = found[std::min(count - 1, ready_->way)];
  }

  std::shared_ptr<const Ready> ready_;
  const std::span<std::byte> scratch_;
  const Bindings symbols_;
  int64_t batches_ = 0, rows_ = 0, columns_ = 0, depth_ = 0;
  std::byte *a_ = nullptr, *b_ = nullptr, *bias_ = nullptr, *summand_ = nullptr, *result_ = nullptr;
  std::unique_ptr<blas::Description, Destroy> description_;
  Layout a_layout_, b_layout_, summand_layout_, result_layout_;
  blas::Found found_{};
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  return std::make_unique<Multiplying>(shared_from_this(), operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  auto ready = std::make_shared<Ready>();
  ready->problem = recipe.problem;
  ready->product = plain_product_of(*recipe.problem);
  check(ready->product.declined.empty(), Code::internal,
        "a product is refused now: ", ready->product.declined);
  const auto& inputs = recipe.problem->region.body->inputs();
  const auto index = [&](const Value* value) {
    const auto found = std::find(inputs.begin(), inputs.end(), value);
    return found == inputs.end() ? -1 : static_cast<int>(found - inputs.begin());
  };
  ready->a = index(ready->product.a);
  ready->b = index(ready->product.b);
  ready->bias = index(ready->product.bias);
  ready->summand = index(ready->product.summand);
  ready->way = static_cast<int>(recipe.tuning.at("way"));
  ready->gpu = static_cast<Device&>(device).gpu();
  ready->handle = handle_of(ready->gpu);
  return ready;
}

}  // namespace
}  // namespace library_product_kernel

void register_library_product(KernelRegistry& registry) {
  using namespace library_product_kernel;
  Kernel kernel{"cuda.cublaslt", 1, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
