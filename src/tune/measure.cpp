#include "tune/measure.hpp"

#include <algorithm>
#include <chrono>

#include "base/size.hpp"
#include "device/problem.hpp"

namespace hone {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMostBytes = int64_t{1} << 30;  // of the operands, and of the copies of weights
constexpr int kMostCopies = 8;
constexpr int kLeastRounds = 3, kMostRounds = 15;
constexpr double kEnough = 0.02;  // seconds for one way, where a round takes less
constexpr double kLong = 0.005;   // a run: caches hold nothing over so long a time
constexpr double kFarBehind = 1.5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// Operands and results of a problem, with contents that every op accepts: floats from 0.5 to 1.5,
/// integers of 0.
class Arguments {
 public:
  Arguments(const Problem& problem, Device& device, Stream& stream) {
    const Graph& body = *problem.region.body;
    operands_.symbols = problem.sizes;
    for (size_t i = 0; i < body.inputs().size(); ++i)
      operands_.inputs.push_back(
          made(problem, *body.inputs()[i], problem.weights[i].get(), device, stream));
    for (const GraphOutput& output : body.outputs())
      operands_.outputs.push_back(made(problem, *output.value, nullptr, device, stream));
  }

  /// Those of a recipe: what it packs has no bytes.
  Operands with(const Recipe& recipe) const {
    Operands operands = operands_;
    for (const Packing& packing : recipe.packings) operands.inputs[packing.input].data = nullptr;
    return operands;
  }

 private:
  Operand made(const Problem& problem, const Value& value, const Weight* weight, Device& device,
               Stream& stream) {
    check(value.type.is_tensor() && value.type.tensor().has_rank(), Code::unsupported,
          "an operand is no tensor of a known rank");
    const TensorType& type = value.type.tensor();
    Operand operand{nullptr, type.dtype, {}};
    for (const Dim& dim : type.shape()) operand.shape.push_back(size_for_estimates(problem, dim));
    const auto count = try_element_count(operand.shape);
    check(count && *count <= kMostBytes / 8, Code::unsupported, "an operand is too large");
    Tensor contents = weight != nullptr ? weight->tensor() : Tensor(type.dtype, operand.shape);
    if (weight == nullptr && is_float(type.dtype))
      for (int64_t i = 0; i < *count; ++i)
        contents.set_number(i, 0.5 + static_cast<double>(i * 7919 % 1009) / 1009);
    const auto bytes = static_cast<int64_t>(contents.bytes().size());
    total_ += bytes;
    check(total_ <= kMostBytes, Code::unsupported, "the operands are too large");
    Buffer buffer = device.allocate(std::max<int64_t>(bytes, 1));
    const Buffer source{const_cast<std::byte*>(contents.bytes().data()), bytes, true, nullptr};
    buffer.bytes = bytes;
    device.copy(buffer, source, stream);
    stream.synchronize();
    operand.data = buffer.data;
    buffers_.push_back(std::move(buffer));
    return operand;
  }

  Operands operands_;
  std::vector<Buffer> buffers_;
  int64_t total_ = 0;
};

/// One way, prepared as often as there are copies of its weights.
class Candidate {
 public:
  Candidate(const Way& way, const Arguments& arguments, Device& device, Stream& stream)
      : way_(&way), operands_(arguments.with(way.recipe)) {
    const Recipe& recipe = way.recipe;
    const Problem& problem = *recipe.problem;
    for (const Packing& packing : recipe.packings)
      packed_.push_back(
          packing.pack(problem, recipe.tuning, problem.weights[packing.input]->tensor()));
    const auto scratch = recipe.scratch_bytes.evaluate(problem.sizes);
    check(scratch && *scratch >= 0 && *scratch <= kMostBytes, Code::unsupported,
          "the working memory is too large");
    scratch_ = device.allocate(std::max<int64_t>(*scratch, 1));
    scratch_.bytes = *scratch;
    prepare(device, stream);
  }

  /// Runs it once, for pages and caches, and makes the other copies where runs are short.
  void warm_up(Device& device, Stream& stream) {
    if (run(stream) > kLong) return;
    int64_t bytes = 0;
    for (const Tensor& tensor : packed_) bytes += static_cast<int64_t>(tensor.bytes().size());
    const Problem& problem = *way_->recipe.problem;
    const int64_t cached = 2 * problem.target->l2 * std::max(1, problem.share.workers);
    if (bytes == 0) return;
    const int64_t copies =
        std::min({cached / bytes + 1, int64_t{kMostCopies}, kMostBytes / bytes + 1});
    for (int64_t copy = 1; copy < copies; ++copy) {
      for (Tensor& tensor : packed_) tensor = tensor.clone();
      prepare(device, stream);
    }
    run(stream);
  }

  /// All copies once; seconds for one.
  double run(Stream& stream) {
    double seconds = 0;
    stream.run([&] {
      const Clock::time_point start = Clock::now();
      for (const auto& bound : bound_) bound->enqueue(stream);
      stream.synchronize();
      seconds = seconds_since(start) / static_cast<double>(bound_.size());
    });
    return seconds;
  }

 private:
  void prepare(Device& device, Stream& stream) {
    prepared_.push_back(way_->kernel->prepare(way_->recipe, packed_, device));
    const std::span working(scratch_.data, static_cast<size_t>(scratch_.bytes));
    bound_.push_back(prepared_.back()->bind(operands_, working, stream));
  }

  const Way* way_;
  Operands operands_;
  std::vector<Tensor> packed_;  // the last copy
  std::vector<std::shared_ptr<const Prepared>> prepared_;
  Buffer scratch_;
  std::vector<std::unique_ptr<Bound>> bound_;
};

std::vector<double> timed(std::vector<Candidate>& candidates, Device& device, Stream& stream) {
  std::vector<std::vector<double>> times(candidates.size());
  std::vector<double> spent(candidates.size()), medians(candidates.size());
  for (Candidate& candidate : candidates) candidate.warm_up(device, stream);
  for (int round = 0; round < kMostRounds; ++round) {
    bool any = false;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double least = *std::min_element(medians.begin(), medians.end());
      const bool is_behind = round >= 2 && medians[i] > kFarBehind * least;
      const bool is_long = round > 0 && spent[i] > kEnough * kLeastRounds;
      const bool is_enough = round >= kLeastRounds && spent[i] > kEnough;
      if (is_behind || is_long || is_enough) continue;
      const Clock::time_point start = Clock::now();
      times[i].push_back(candidates[i].run(stream));
      spent[i] += seconds_since(start);
      medians[i] = median(times[i]);
      any = true;
    }
    if (!any) break;
  }
  return medians;
}

}  // namespace

std::vector<double> measure(const std::vector<Way>& ways, Device& device, Stream& stream) {
  try {
    const Arguments arguments(*ways.front().recipe.problem, device, stream);
    std::vector<Candidate> candidates;
    for (const Way& way : ways) candidates.emplace_back(way, arguments, device, stream);
    return timed(candidates, device, stream);
  } catch (const Error& error) {
    if (error.code() == Code::internal) throw;
    return {};
  }
}

}  // namespace hone
