// ConstantOfShape and Range: results that follow from sizes and scalars.

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/step.hpp"
#include "ops/generate.hpp"

namespace hone::cpu {
namespace fill_kernel {
namespace {

constexpr int64_t kTile = 32 * 1024;  // elements that one worker takes at a time

Verdict supports(const Problem& problem) {
  const bool range = op_of<Range>(problem) != nullptr;
  if (!range && op_of<ConstantOfShape>(problem) == nullptr)
    return Verdict::no("ConstantOfShape and Range only");
  const TensorType& y = problem.region.single()->outputs[0]->type.tensor();
  if (!y.has_rank()) return Verdict::no("the result's rank is unknown");
  switch (y.dtype) {
    case DType::f64:
    case DType::f32:
    case DType::i64:
    case DType::i32: return {};
    default: break;
  }
  if (range) return Verdict::no("f64, f32, i64 and i32 only");
  if (const char* why = width_refusal(y.dtype)) return Verdict::no(why);
  return {};
}

struct FillShared final : Shared<FillShared> {
  std::vector<Source> operands_of;
  std::optional<Tensor> value;  // of ConstantOfShape
  DType dtype = DType::f32;

  int64_t geometry(const Operands& operands) const {
    if (!value) check_scalars(operands_of, {0, 1, 2}, operands);
    return element_count(operands.outputs[0].shape);
  }

  void run(int64_t count, const Operands& operands, std::span<std::byte>, Stream& stream) const {
    if (!value) {
      switch (dtype) {
        case DType::f64: return range<double, double>(count, operands, stream);
        case DType::f32: return range<float, double>(count, operands, stream);
        case DType::i64: return range<int64_t, uint64_t>(count, operands, stream);
        default: return range<int32_t, uint32_t>(count, operands, stream);
      }
    }
    with_width(bits(dtype) / 8, [&](auto element) {
      using T = decltype(element);
      const T same = *reinterpret_cast<const T*>(value->bytes().data());
      T* to = operands.outputs[0].as<T>();
      parallel_ranges(stream, count, kTile,
                      [&](int64_t first, int64_t last) { std::fill(to + first, to + last, same); });
    });
  }

  /// Floats are computed in double, integers wrap.
  template <class T, class D>
  void range(int64_t count, const Operands& operands, Stream& stream) const {
    const auto start = static_cast<D>(*operands_of[0].as<T>(operands));
    const auto step = static_cast<D>(*operands_of[2].as<T>(operands));
    T* to = operands.outputs[0].as<T>();
    parallel_ranges(stream, count, kTile, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        to[i] = static_cast<T>(start + static_cast<D>(i) * step);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<FillShared>();
  shared->operands_of = sources(problem);
  if (const auto* op = op_of<ConstantOfShape>(problem)) shared->value = op->value.clone();
  shared->dtype = problem.region.single()->outputs[0]->type.tensor().dtype;
  return shared;
}

}  // namespace
}  // namespace fill_kernel

void register_fill(KernelRegistry& registry) {
  using namespace fill_kernel;
  registry.add({"cpu.fill", 1, supports, no_tunings, streaming_recipe<1>, prepare});
}

}  // namespace hone::cpu
