#include "base/size.hpp"
#include "device/null/device.hpp"
#include "device/problem.hpp"
#include "ir/type.hpp"

namespace hone::null {
namespace {

/// nullopt: no bytes, or a size that is not known.
std::optional<Dim> bytes_of(const Value& value) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank() ||
      value.type.tensor().dtype == DType::string)
    return std::nullopt;
  const TensorType& type = value.type.tensor();
  return ceil_div(product(type.shape()) * Dim(bits(type.dtype)), Dim(8));
}

double typical_bytes(const Problem& problem, const Value& value) {
  const auto bytes = bytes_of(value);
  return bytes ? static_cast<double>(size_for_estimates(problem, *bytes)) : 0;
}

const Value* first_result(const Graph& body) {
  return body.outputs().empty() ? nullptr : body.outputs().front().value;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Graph& body = *problem->region.body;
  double bytes = 0;
  for (const Value* input : body.inputs()) bytes += typical_bytes(*problem, *input);
  for (const GraphOutput& output : body.outputs()) bytes += typical_bytes(*problem, *output.value);
  made.seconds = problem->target->launch_seconds + bytes / problem->target->bytes_per_second;
  if (const Value* result = first_result(body)) {
    for (size_t i = 0; i < body.inputs().size(); ++i)
      if (problem->weights[i] == nullptr && body.inputs()[i]->type == result->type)
        made.may_overwrite.push_back(i);
    if (body.inputs().size() >= 2) made.scratch_bytes = bytes_of(*result).value_or(0);
  }
  made.problem = std::move(problem);
  return made;
}

class NullBound final : public Bound {
 public:
  NullBound(const Operands& operands, std::span<std::byte> scratch)
      : operands_(operands), scratch_(scratch) {}
  void rebind(const Operands& operands) override { operands_ = operands; }
  void enqueue(hone::Stream& stream) override {
    static_cast<Stream&>(stream).launch(operands_, scratch_);
  }

 private:
  Operands operands_;
  std::span<std::byte> scratch_;
};

struct NullPrepared final : Prepared {
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream&) const override {
    return std::make_unique<NullBound>(operands, scratch);
  }
};

}  // namespace

const KernelRegistry& kernels() {
  static const KernelRegistry kRegistry = [] {
    KernelRegistry registry;
    Kernel any{
        "null.any",
        1,
        [](const Problem&) { return Verdict(); },
        [](const Problem&) { return std::vector<Tuning>{{}}; },
        recipe,
        [](const Recipe&, std::vector<Tensor>, hone::Device&) -> std::shared_ptr<const Prepared> {
          return std::make_shared<const NullPrepared>();
        }};
    any.several = true;
    registry.add(any);
    return registry;
  }();
  return kRegistry;
}

}  // namespace hone::null
