#include "tune/measure.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include "base/log.hpp"
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
// What is recorded is so long, where runs are shorter, and no more runs than that.
constexpr double kRecorded = 5e-4;
constexpr int64_t kMostRecorded = 96;

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
    check(value.type.is_tensor() && value.type.tensor().has_rank() &&
              value.type.tensor().dtype != DType::string,
          Code::unsupported, "an operand is no tensor of numbers of a known rank");
    const TensorType& type = value.type.tensor();
    Operand operand{nullptr, type.dtype, {}};
    for (const Dim& dim : type.shape()) operand.shape.push_back(size_for_estimates(problem, dim));
    const auto count = try_element_count(operand.shape);
    check(count && *count <= kMostBytes / 8, Code::unsupported, "an operand is too large");
    const auto bytes = static_cast<int64_t>(bytes_for(type.dtype, *count));
    total_ += bytes;
    check(total_ <= kMostBytes, Code::unsupported, "the operands are too large");
    Buffer buffer = device.allocate(std::max<int64_t>(bytes, 1));
    buffer.bytes = bytes;
    const Tensor contents = weight != nullptr ? weight->tensor() : some(type.dtype, *count);
    fill(buffer, contents, device, stream);
    operand.data = buffer.data;
    buffers_.push_back(std::move(buffer));
    return operand;
  }

  static Tensor some(DType dtype, int64_t count) {
    constexpr int64_t kMost = int64_t{1} << 16;
    Tensor made(dtype, {std::min(count, kMost)});
    if (is_float(dtype))
      for (int64_t i = 0; i < made.count(); ++i)
        made.set_number(i, 0.5 + static_cast<double>(i * 7919 % 1009) / 1009);
    return made;
  }

  /// With the contents, over and over.
  static void fill(const Buffer& buffer, const Tensor& contents, Device& device, Stream& stream) {
    const auto part = [&](int64_t at, int64_t bytes) {
      return Buffer{buffer.data + at, bytes, buffer.host, nullptr};
    };
    const auto given = static_cast<int64_t>(contents.bytes().size());
    int64_t done = std::min(given, buffer.bytes);
    device.copy(part(0, done),
                {const_cast<std::byte*>(contents.bytes().data()), given, true, nullptr}, stream);
    while (done > 0 && done < buffer.bytes) {
      const int64_t more = std::min(done, buffer.bytes - done);
      device.copy(part(done, more), part(0, more), stream);
      done += more;
    }
    stream.synchronize();
  }

  Operands operands_;
  std::vector<Buffer> buffers_;
  int64_t total_ = 0;
};

/// Weights in kernels' forms, each made once: tunings of a kernel mostly share them.
using Packed = std::map<std::pair<size_t, std::string>, Tensor>;

std::vector<Tensor> forms_of(const Recipe& recipe, Packed& packed) {
  std::vector<Tensor> forms;
  const Problem& problem = *recipe.problem;
  for (const Packing& packing : recipe.packings) {
    Tensor& form = packed[{packing.input, packing.name}];
    if (form.bytes().empty())
      form = packing.pack(problem, recipe.tuning, problem.weights[packing.input]->tensor());
    forms.push_back(form);
  }
  return forms;
}

/// One way, prepared as often as there are copies of its weights.
class Candidate {
 public:
  /// What takes long, the code, is made meanwhile where the device does so: bind() waits for it.
  Candidate(const Way& way, const Arguments& arguments, Packed& packed, Device& device)
      : way_(&way), operands_(arguments.with(way.recipe)) {
    const Recipe& recipe = way.recipe;
    const Problem& problem = *recipe.problem;
    packed_ = forms_of(recipe, packed);
    const auto scratch = recipe.scratch_bytes.evaluate(problem.sizes);
    check(scratch && *scratch >= 0 && *scratch <= kMostBytes, Code::unsupported,
          "the working memory is too large");
    scratch_ = device.allocate(std::max<int64_t>(*scratch, 1));
    scratch_.bytes = *scratch;
    prepared_.push_back(way_->kernel->prepare(recipe, packed_, device));
  }

  void bind(Stream& stream) {
    const std::span working(scratch_.data, static_cast<size_t>(scratch_.bytes));
    while (bound_.size() < prepared_.size())
      bound_.push_back(prepared_[bound_.size()]->bind(operands_, working, stream));
  }

  /// Runs it once, for pages and caches, and makes the other copies where runs are short.
  void warm_up(Device& device, Stream& stream) {
    run(stream);
    double once = run(stream);
    if (once > kLong) return;
    int64_t bytes = 0;
    for (const Tensor& tensor : packed_) bytes += static_cast<int64_t>(tensor.bytes().size());
    if (bytes > 0) {
      const Problem& problem = *way_->recipe.problem;
      // Those of a device apart are one for all of it.
      const int caches = device.is_apart() ? 1 : std::max(1, problem.share.workers);
      const int64_t copies = std::min({2 * problem.target->l2 * caches / bytes + 1,
                                       int64_t{kMostCopies}, kMostBytes / bytes + 1});
      for (int64_t copy = 1; copy < copies; ++copy) {
        for (Tensor& tensor : packed_) tensor = tensor.clone();
        prepared_.push_back(way_->kernel->prepare(way_->recipe, packed_, device));
      }
      bind(stream);
      once = run(stream);
    }
    // On the host's processors copies that are recorded would run beside each other.
    if (device.is_apart()) record(once, stream);
  }

  /// All copies once, or what was recorded; seconds for one.
  double run(Stream& stream) {
    double seconds = 0;
    stream.run([&] {
      const Clock::time_point start = Clock::now();
      if (recording_ != nullptr) recording_->replay(stream);
      else
        for (const auto& bound : bound_) bound->enqueue(stream);
      stream.synchronize();
      const auto runs = static_cast<double>(bound_.size()) * (recording_ != nullptr ? turns_ : 1);
      seconds = seconds_since(start) / runs;
    });
    return seconds;
  }

 private:
  /// As steps of an engine run; and many in a row, so that what one replay takes of the host does
  /// not count.
  void record(double once, Stream& stream) {
    const auto copies = static_cast<double>(bound_.size());
    turns_ = static_cast<int>(
        std::clamp(kRecorded / (once * copies), 1.0, std::max(1.0, kMostRecorded / copies)));
    stream.run([&] {
      if (!stream.begin_recording()) return;
      for (int turn = 0; turn < turns_; ++turn)
        for (const auto& bound : bound_) bound->enqueue(stream);
      try {
        recording_ = stream.end_recording();
      } catch (const Error& error) {  // runs as it is, then
        if (error.code() != Code::device) throw;
      }
    });
    run(stream);
  }

  const Way* way_;
  Operands operands_;
  std::vector<Tensor> packed_;  // the last copy
  std::vector<std::shared_ptr<const Prepared>> prepared_;
  Buffer scratch_;
  std::vector<std::unique_ptr<Bound>> bound_;
  int turns_ = 1;  // that are recorded, of all copies
  std::unique_ptr<Recording> recording_;
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
    Packed packed;
    std::vector<Candidate> candidates;
    for (const Way& way : ways) candidates.emplace_back(way, arguments, packed, device);
    for (Candidate& candidate : candidates) candidate.bind(stream);
    return timed(candidates, device, stream);
  } catch (const Error& error) {
    if (error.code() == Code::internal) throw;
    log(Level::detail, "a problem is not timed: ", error.message());
    return {};
  }
}

void begin_making(const std::vector<Way>& ways, Device& device) {
  try {
    Packed packed;
    for (const Way& way : ways)
      (void)way.kernel->prepare(way.recipe, forms_of(way.recipe, packed), device);
  } catch (const Error&) {  // measure() meets it, too
  }
}

}  // namespace hone
