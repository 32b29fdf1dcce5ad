// Reference evaluation as a kernel: runs any op, slowly and right; the fallback of every region of
// one.

#include "base/size.hpp"
#include "device/cpu/stream.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::cpu {
namespace reference_kernel {
namespace {

/// Slower than any estimate of a kernel made for its op.
constexpr double kLastResort = 1e3;

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (node == nullptr) return Verdict::no("runs single ops only");
  if (node->op.op_class().eval == nullptr) return Verdict::no("the op has no reference evaluation");
  return {true, "by reference evaluation: correct, slow"};
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.problem = std::move(problem);
  made.tuning = tuning;
  made.seconds = kLastResort;
  return made;
}

class ReferenceBound final : public Bound {
 public:
  ReferenceBound(const Region& region, const Operands& operands) : region_(region) {
    size_t wanted = 0;
    for (const Value* output : region.body->nodes().front().outputs) {
      places_.push_back(wanted);
      wanted += output != nullptr;
    }
    rebind(operands);
  }

  void rebind(const Operands& operands) override { operands_ = operands; }

  void enqueue(hone::Stream&) override {
    const Graph& body = *region_.body;
    const Node& node = body.nodes().front();
    std::vector<Tensor> held;
    for (const Operand& each : operands_.inputs)
      held.push_back(Tensor::borrow(each.dtype, each.shape,
                                    {each.data, bytes_for(each.dtype, element_count(each.shape))},
                                    nullptr));
    std::vector<const Tensor*> inputs;
    size_t next = 0;
    for (const Value* input : node.inputs) {
      if (input == nullptr) inputs.push_back(nullptr);
      else if (input->is_constant()) inputs.push_back(&input->weight->tensor());
      else inputs.push_back(&held[next++]);
    }
    const auto allocate = [&](int output, DType dtype, const std::vector<int64_t>& shape) {
      const Operand& to = operands_.outputs[places_[static_cast<size_t>(output)]];
      check(to.dtype == dtype && to.shape == shape, Code::internal, describe(node), " gave ", dtype,
            shape_text(shape), ", planned as ", to.dtype, shape_text(to.shape));
      return Tensor::borrow_mutable(dtype, shape, {to.data, bytes_for(dtype, element_count(shape))},
                                    nullptr);
    };
    Evaluation evaluation(node, std::move(inputs), operands_.symbols, allocate);
    node.op.op_class().eval(node.op.data(), evaluation);
  }

 private:
  const Region region_;
  std::vector<size_t> places_;  // of results among the outputs: those that are wanted, in order
  Operands operands_;
};

struct ReferencePrepared final : Prepared {
  explicit ReferencePrepared(Region region) : region(std::move(region)) {}
  bool records() const override { return false; }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte>,
                              hone::Stream&) const override {
    return std::make_unique<ReferenceBound>(region, operands);
  }
  Region region;
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<ReferencePrepared>(recipe.problem->region);
}

}  // namespace
}  // namespace reference_kernel

void register_reference(KernelRegistry& registry) {
  using namespace reference_kernel;
  registry.add({"cpu.reference", 1, supports, tunings, recipe, prepare});
}

}  // namespace hone::cpu
