#include "tune/tuner.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "tune/measure.hpp"

namespace hone {

Tuner::Tuner(std::shared_ptr<Device> device, int workers, Records records, TunerOptions options)
    : device_(std::move(device)),
      stream_(device_->stream({workers})),
      records_(std::move(records)),
      options_(options) {}

Tuner::~Tuner() = default;

bool Tuner::may_measure() const {
  return options_.measures && spent_.count() < options_.budget &&
         (options_.stop == nullptr || !options_.stop->load());
}

std::vector<double> Tuner::recorded(const Hash& problem, const std::vector<Way>& ways) const {
  std::vector<double> times;
  for (const Way& way : ways) {
    const auto time = records_.find(record_of(problem, way));
    if (!time) return {};
    times.push_back(*time);
  }
  return times;
}

/// A device apart compiles while others are measured: of many problems side by side.
void Tuner::expect(const std::vector<std::vector<Way>>& problems) {
  if (!device_->is_apart()) return;
  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<Way>& ways : problems) {
    const Hash hash = hash_text(timing_text(*ways.front().recipe.problem));
    if (!may_measure() || seen_.contains(hash) || !recorded(hash, ways).empty() ||
        !expected_.insert(hash).second)
      continue;
    begin_making(ways, *device_);
  }
  spent_ += std::chrono::steady_clock::now() - start;
}

std::vector<double> Tuner::seconds(const std::vector<Way>& ways) {
  const Problem& problem = *ways.front().recipe.problem;
  const Hash hash = hash_text(timing_text(problem));
  const auto [seen, is_new] = seen_.emplace(hash, false);
  std::vector<double> times = recorded(hash, ways);
  if (!times.empty()) {
    if (is_new) ++known_;
    seen->second = true;
    return times;
  }
  // A problem for which estimates held once is not measured later: equal steps run equal kernels.
  if (!is_new || !may_measure()) {
    if (is_new) ++estimated_;
    return {};
  }
  const auto start = std::chrono::steady_clock::now();
  times = measure(ways, *device_, *stream_);
  spent_ += std::chrono::steady_clock::now() - start;
  if (times.empty()) {
    ++estimated_;
    return {};
  }
  ++measured_;
  seen->second = true;
  std::vector<std::string> ops;
  for (const Node& node : problem.region.body->nodes()) ops.emplace_back(node.op.name());
  const Value& result = *problem.region.body->outputs().front().value;
  for (size_t i = 0; i < ways.size(); ++i)
    records_.set(record_of(hash, ways[i]), {times[i], cat(join(ops, " "), " ", result.type)});
  return times;
}

std::vector<double> Tuner::seconds_of_engines(std::string_view question,
                                              const std::vector<std::string>& ways,
                                              const std::function<double(size_t way)>& measure) {
  const Hash hash = hash_text(question);
  std::vector<Record> records;
  std::vector<double> times;
  for (std::string way : ways) {
    std::ranges::replace(way, ' ', '_');  // a word of the text form
    records.push_back({hash, "engine", std::move(way)});
    if (const auto time = records_.find(records.back())) times.push_back(*time);
  }
  if (times.size() == ways.size()) return times;
  times.clear();
  while (times.size() < ways.size() && may_measure()) {
    const auto start = std::chrono::steady_clock::now();
    times.push_back(measure(times.size()));
    spent_ += std::chrono::steady_clock::now() - start;
  }
  if (times.size() < ways.size()) return times;  // of some, which is no answer for later builds
  ++measured_;
  for (size_t i = 0; i < ways.size(); ++i) records_.set(records[i], {times[i], "a whole engine"});
  return times;
}

}  // namespace hone
