// GroupNormalization and InstanceNormalization: neighbouring channels of a sample by their own mean
// and variance. Where there are fewer groups than work for all workers, they share each.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace group_norm_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kParts = 64;        // of a group that workers share
constexpr int64_t kMostGroups = 64;   // that they share

struct Fields {
  int64_t groups = 0;  // 0: as many as channels
  float epsilon = 0;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<GroupNormalization>(problem))
    return Fields{op->num_groups, op->epsilon};
  if (const auto* op = op_of<InstanceNormalization>(problem)) return Fields{0, op->epsilon};
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  if (!fields_of(problem)) return Verdict::no("GroupNormalization and InstanceNormalization only");
  const DType type = operand_type(problem, 0)->dtype;
  if ((type != DType::f32 && !is_half(type)) || !all_are(problem, type))
    return Verdict::no("f32, f16 and bf16 of known rank only");
  if (operand_type(problem, 0)->rank() < 2) return Verdict::no("there are no channels");
  return {};
}

/// Groups that workers share are fewer than this.
int64_t most_shared(int64_t workers) { return std::min(2 * workers, kMostGroups); }

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 4);
  const TensorType& x = *operand_type(*problem, 0);
  if (is_half(x.dtype)) {  // a group
    const int64_t groups = fields_of(*problem)->groups;
    Dim floats = groups == 0 ? Dim(1) : ceil_div(x.shape()[1], Dim(groups));
    for (size_t d = 2; d < x.shape().size(); ++d) floats = floats * x.shape()[d];
    made.scratch_bytes = worker_scratch(problem->share, floats);
    made.problem = std::move(problem);
    return made;
  }
  made.scratch_bytes =
      Dim(most_shared(problem->share.workers) * kParts * static_cast<int64_t>(sizeof(double)));
  made.problem = std::move(problem);
  return made;
}

struct Moments {
  double mean, variance;
};

struct GroupNormShared final : Shared<GroupNormShared> {
  Region region;
  Fields fields{};
  DType type = DType::f32;
  std::vector<Source> operands_of;
  int64_t workers = 1;

  struct Geometry {
    int64_t groups = 0, in_group = 1;  // of all samples; channels
    int64_t plane = 1, channels = 1;   // elements of a channel; of a sample
    bool by_group[2] = {};             // scale, bias: one number a group, else one a channel
    int64_t size() const { return in_group * plane; }
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands_of[0].shape(operands);
    if (element_count(shape) == 0) return {};
    Geometry g;
    g.channels = shape[1];
    const int64_t groups = fields.groups == 0 ? g.channels : fields.groups;
    check(g.channels % groups == 0, Code::invalid_model, g.channels,
          " channels do not divide into ", groups, " groups (", describe(*region.single()), ")");
    for (size_t i = 0; i < 2; ++i) {
      const int64_t count = element_count(operands_of[i + 1].shape(operands));
      g.by_group[i] = count == groups;
      check(count == groups || count == g.channels, Code::invalid_model, "operand ", i + 1, " has ",
            count, " elements for ", g.channels, " channels (", describe(*region.single()), ")");
    }
    g.groups = shape[0] * groups;
    g.in_group = g.channels / groups;
    g.plane = element_count(shape) / (shape[0] * g.channels);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.groups == 0) return;
    if (type == DType::f32 && g.groups < most_shared(workers) && g.size() >= 2 * kTile)
      return shared_groups(g, operands, reinterpret_cast<double*>(scratch.data()), stream);
    const RowFunctions& rows = row_functions();
    const std::byte* from = operands_of[0].data(operands);
    std::byte* to = operands.outputs[0].data;
    parallel_ranges(stream, g.groups, kTile / g.size(), [&](int64_t first, int64_t last) {
      float* room = scratch_of(scratch, g.size());
      for (int64_t group = first; group < last; ++group) {
        const int64_t at = group * g.size();
        const float* own = widened(type, from, at, g.size(), room);
        float* results = place_of(type, to, at, room);
        const auto count = static_cast<double>(g.size());
        const double mean = long_sum(rows, g.size(), own) / count;
        const double squares = long_squares(rows, g.size(), static_cast<float>(mean), own);
        finish(g, operands, group, moments(mean, squares / count), 0, g.size(), own, results);
        narrow(type, results, g.size(), to, at);
      }
    });
  }

  /// `squares`: their mean about the rounded mean.
  static Moments moments(double mean, double squares) {
    const double rest = mean - double{static_cast<float>(mean)};
    return {mean, squares - rest * rest};
  }

  /// Elements [begin, end) of a group, which is `from` and becomes `to`.
  void finish(const Geometry& g, const Operands& operands, int64_t group, const Moments& m,
              int64_t begin, int64_t end, const float* from, float* to) const {
    const RowFunctions& rows = row_functions();
    const int64_t in_sample = group % (g.channels / g.in_group);
    const double factor = 1 / std::sqrt(m.variance + double{fields.epsilon});
    while (begin < end) {
      const int64_t channel = in_sample * g.in_group + begin / g.plane;
      const int64_t stop = std::min(end, (begin / g.plane + 1) * g.plane);
      const double own = factor * number(operands, 1, g.by_group[0] ? in_sample : channel);
      // What the mean loses by rounding is made up for by the shift.
      const auto center = static_cast<float>(m.mean);
      const double shift = number(operands, 2, g.by_group[1] ? in_sample : channel) -
                           (m.mean - double{center}) * own;
      rows.standardize(stop - begin, center, static_cast<float>(own), static_cast<float>(shift),
                       from + begin, to + begin);
      begin = stop;
    }
  }

  double number(const Operands& operands, size_t operand, int64_t at) const {
    return load_double(type, operands_of[operand].data(operands), at);
  }

  /// Each group in kParts parts: their sums, their squares, the results.
  void shared_groups(const Geometry& g, const Operands& operands, double* sums,
                     Stream& stream) const {
    const RowFunctions& rows = row_functions();
    const auto* from = operands_of[0].as<float>(operands);
    const auto count = static_cast<double>(g.size());
    const auto begin = [&](int64_t part) { return g.size() * part / kParts; };
    const auto total = [&](int64_t group) {
      double sum = 0;
      for (int64_t part = 0; part < kParts; ++part) sum += sums[group * kParts + part];
      return sum;
    };
    const auto each = [&](const auto& part_of) {
      stream.parallel(g.groups * kParts, [&](int64_t i) { part_of(i, i / kParts, i % kParts); });
    };
    each([&](int64_t i, int64_t group, int64_t part) {
      sums[i] =
          long_sum(rows, begin(part + 1) - begin(part), from + group * g.size() + begin(part));
    });
    double means[kMostGroups];
    for (int64_t group = 0; group < g.groups; ++group) means[group] = total(group) / count;
    each([&](int64_t i, int64_t group, int64_t part) {
      sums[i] = long_squares(rows, begin(part + 1) - begin(part), static_cast<float>(means[group]),
                             from + group * g.size() + begin(part));
    });
    Moments all[kMostGroups];
    for (int64_t group = 0; group < g.groups; ++group)
      all[group] = moments(means[group], total(group) / count);
    each([&](int64_t, int64_t group, int64_t part) {
      finish(g, operands, group, all[group], begin(part), begin(part + 1), from + group * g.size(),
             operands.outputs[0].as<float>() + group * g.size());
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<GroupNormShared>();
  shared->region = problem.region;
  shared->fields = *fields_of(problem);
  shared->type = operand_type(problem, 0)->dtype;
  shared->operands_of = sources(problem);
  shared->workers = problem.share.workers;
  return shared;
}

}  // namespace
}  // namespace group_norm_kernel

void register_group_norm(KernelRegistry& registry) {
  using namespace group_norm_kernel;
  registry.add({"cpu.group_norm", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
