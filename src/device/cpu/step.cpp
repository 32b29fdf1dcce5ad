#include "device/cpu/step.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/size.hpp"
#include "device/problem.hpp"
#include "device/slow_runs.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::cpu {

void run_by_ops(const Graph& body, const Operands& operands, const Bindings& symbols,
                Stream& stream) {
  check(stream.notes() == nullptr, Code::device, "ops run by their own evaluation");
  count_slow_run(body);
  std::vector<Tensor> inputs;
  for (const Operand& each : operands.inputs)
    inputs.push_back(Tensor::borrow(each.dtype, each.shape,
                                    {each.data, bytes_for(each.dtype, element_count(each.shape))},
                                    nullptr));
  const std::vector<Tensor> results = evaluate(body, inputs, symbols);
  for (size_t i = 0; i < results.size(); ++i)
    std::memcpy(operands.outputs[i].data, results[i].bytes().data(), results[i].bytes().size());
}

double typical(const Problem& problem, const Dim& dim) {
  return static_cast<double>(size_for_estimates(problem, dim));
}

double typical_count(const Problem& problem, const Type& type) {
  double count = 1;
  for (const Dim& dim : type.tensor().shape()) count *= typical(problem, dim);
  return count;
}

bool all_are(const Problem& problem, DType dtype) {
  const auto fits = [&](const Value* value) {
    return value == nullptr || (value->type.is_tensor() && value->type.tensor().has_rank() &&
                                value->type.tensor().dtype == dtype);
  };
  const Node& node = *problem.region.single();
  return std::all_of(node.inputs.begin(), node.inputs.end(), fits) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), fits);
}

namespace {

int region_input(const Problem& problem, const Value* value) {
  if (value == nullptr) return -2;
  const auto& inputs = problem.region.body->inputs();
  const auto found = std::find(inputs.begin(), inputs.end(), value);
  return found == inputs.end() ? -1 : static_cast<int>(found - inputs.begin());
}

}  // namespace

int region_input(const Problem& problem, size_t operand) {
  return region_input(problem, problem.region.single()->input(operand));
}

Source::Source(const Problem& problem, const Value* operand)
    : Source(operand, region_input(problem, operand)) {}

Source::Source(const Problem& problem, size_t operand)
    : Source(problem.region.single()->input(operand), region_input(problem, operand)) {}

Source::Source(const Value* value, int input) : input_(input) {
  if (input_ == -1) literal_ = value->weight->tensor().clone();
}

void check_scalars(const std::vector<Source>& operands_of, std::initializer_list<size_t> which,
                   const Operands& operands) {
  for (const size_t i : which) {
    if (i >= operands_of.size() || !operands_of[i].present()) continue;
    const std::vector<int64_t>& shape = operands_of[i].shape(operands);
    check(element_count(shape) == 1, Code::usage, "operand ", i, " has shape ", shape_text(shape),
          ", wanted a scalar");
  }
}

std::vector<Source> sources(const Problem& problem) {
  std::vector<Source> all;
  std::unordered_map<const Value*, int> places;  // there may be very many
  for (const Value* input : problem.region.body->inputs())
    places.emplace(input, static_cast<int>(places.size()));
  for (const Value* value : problem.region.single()->inputs) {
    const auto found = places.find(value);
    const int literal = value == nullptr ? -2 : -1;
    all.push_back(Source(value, found == places.end() ? literal : found->second));
  }
  return all;
}

int wanted_output(const Problem& problem, size_t result) {
  const std::vector<Value*>& outputs = problem.region.single()->outputs;
  if (result >= outputs.size() || outputs[result] == nullptr) return -1;
  return static_cast<int>(std::count_if(outputs.begin(),
                                        outputs.begin() + static_cast<std::ptrdiff_t>(result),
                                        [](const Value* each) { return each != nullptr; }));
}

const TensorType* operand_type(const Problem& problem, size_t operand) {
  const Value* value = problem.region.single()->input(operand);
  return value == nullptr ? nullptr : &value->type.tensor();
}

const Weight* constant_operand(const Problem& problem, size_t operand) {
  const int input = region_input(problem, operand);
  if (input >= 0) return problem.weights[static_cast<size_t>(input)].get();
  return input == -1 ? problem.region.single()->inputs[operand]->weight.get() : nullptr;
}

std::vector<int64_t> evaluated(const Dims& dims, const Bindings& symbols) {
  std::vector<int64_t> numbers;
  for (const Dim& dim : dims) {
    const auto number = dim.evaluate(symbols);
    check(number.has_value(), Code::internal, "a parameter ", dim, " has no value");
    numbers.push_back(*number);
  }
  return numbers;
}

const char* width_refusal(DType dtype) {
  return bits(dtype) < 8 || bits(dtype) > 64
             ? "elements of less than a byte or more than eight, or strings"
             : nullptr;
}

const char* number_refusal(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::i64:
    case DType::i32:
    case DType::i8:
    case DType::u8: return nullptr;
    default: return "f64, f32, f16, bf16, i64, i32, i8 and u8 only";
  }
}

double streaming_seconds(const Problem& problem, double operations) {
  const Node& node = *problem.region.single();
  double bytes = 0, results = 0;
  const auto add = [&](const Value* value) {
    if (value == nullptr || !value->type.is_tensor() || !value->type.tensor().has_rank())
      return 0.0;
    const double count = typical_count(problem, value->type);
    bytes += count * bits(value->type.tensor().dtype) / 8;
    return count;
  };
  for (const Value* input : node.inputs) add(input);
  for (const Value* output : node.outputs) results += add(output);
  return bytes / problem.target->bytes_per_second +
         results * operations / problem.target->flops_per_second;
}

}  // namespace hone::cpu
