#include "report/profile_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "report/text.hpp"
#include "runtime/program.hpp"

namespace hone::report {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(double share) { return cat(short_number(100 * share, 3), " %"); }

std::vector<ProfiledStep> dearest_first(std::vector<ProfiledStep> steps) {
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return steps;
}

double sum_of(const std::vector<ProfiledStep>& steps) {
  return std::accumulate(steps.begin(), steps.end(), 0.0,
                         [](double sum, const auto& step) { return sum + step.seconds; });
}

/// Layers of the model, the first few.
std::string layers_text(const ProfiledStep& step) {
  constexpr size_t kShown = 2;
  if (step.layers.empty()) return cat("%", step.result);
  std::vector<std::string> shown(
      step.layers.begin(),
      step.layers.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, step.layers.size())));
  std::string text = join(shown, ", ");
  if (step.layers.size() > kShown) text += cat(" and ", step.layers.size() - kShown, " more");
  return text;
}

std::string steps_table(const ProfileReport& report, int most) {
  const double sum = sum_of(report.steps);
  std::vector<std::vector<std::string>> rows{
      {"time", "share", "turns", "kernel", "ops", "result", "GFLOP/s", "GB/s", "layers"}};
  int shown = 0;
  for (const ProfiledStep& step : dearest_first(report.steps)) {
    if (most > 0 && shown++ == most) break;
    rows.push_back({seconds_text(step.seconds), percent(step.seconds / sum),
                    step.turns == 1 ? "" : cat(step.turns), step.kernel, step.ops, step.type,
                    rate_text(step.flops_per_second(), report.ceilings.flops_per_second),
                    rate_text(step.bytes_per_second(), report.ceilings.bytes_per_second),
                    layers_text(step)});
  }
  return table(rows, {true, true, true, false, false, false, true, true, false});
}

std::string kernels_table(const ProfileReport& report) {
  struct Sum {
    std::string kernel;
    double seconds = 0;
    int64_t steps = 0, flops = 0, bytes = 0;
  };
  std::vector<Sum> sums;
  for (const ProfiledStep& step : report.steps) {
    const std::string name = step.kernel.substr(0, step.kernel.find(" {"));
    auto found = std::find_if(sums.begin(), sums.end(),
                              [&](const Sum& each) { return each.kernel == name; });
    if (found == sums.end()) found = sums.insert(sums.end(), {name});
    found->seconds += step.seconds, ++found->steps;
    found->flops += step.flops, found->bytes += step.bytes;
  }
  std::stable_sort(sums.begin(), sums.end(),
                   [](const Sum& a, const Sum& b) { return a.seconds > b.seconds; });
  const double whole = sum_of(report.steps);
  std::vector<std::vector<std::string>> rows{
      {"time", "share", "steps", "kernel", "GFLOP/s", "GB/s"}};
  for (const Sum& each : sums)
    rows.push_back({seconds_text(each.seconds), percent(each.seconds / whole), cat(each.steps),
                    each.kernel,
                    rate_text(static_cast<double>(each.flops) / each.seconds,
                              report.ceilings.flops_per_second),
                    rate_text(static_cast<double>(each.bytes) / each.seconds,
                              report.ceilings.bytes_per_second)});
  return table(rows, {true, true, true, false, true, true});
}

std::string plain(const ProfileReport& report, int most) {
  std::vector<std::vector<std::string>> facts{
      {"model", report.model},
      {"inputs", report.inputs},
      {"target",
       cat(report.target, ", ", report.workers, report.workers == 1 ? " worker" : " workers")},
      {"run", cat(seconds_text(report.seconds), ", the median of ", report.runs, "; ",
                  report.steps.size(), " steps, ", seconds_text(report.between), " between them")},
  };
  if (const std::string most_here = ceilings_text(report.ceilings); !most_here.empty())
    facts.push_back({"100 %", most_here});
  for (const auto& [region, times] : report.slow)
    facts.push_back({"slow", cat(region, ": not as its kernel takes it, ", times,
                                 " times by reference evaluation")});
  return cat(table(facts), "\n", kernels_table(report), "\n", steps_table(report, most));
}

std::string comma_separated(const ProfileReport& report) {
  std::string text = "place,seconds,turns,kernel,ops,result,type,flops,bytes,layers\n";
  for (const ProfiledStep& step : report.steps)
    text += cat(step.place, ",", short_number(step.seconds, 9), ",", step.turns, ",",
                csv_field(step.kernel), ",", csv_field(step.ops), ",", csv_field(step.result), ",",
                csv_field(step.type), ",", step.flops, ",", step.bytes, ",",
                csv_field(join(step.layers, ";")), "\n");
  return text;
}

std::string dumped(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string json(const ProfileReport& report) {
  Json json = {{"model", report.model},     {"inputs", report.inputs}, {"target", report.target},
               {"workers", report.workers}, {"runs", report.runs},     {"seconds", report.seconds}};
  json["flops_per_second"] = report.ceilings.flops_per_second;
  json["bytes_per_second"] = report.ceilings.bytes_per_second;
  json["slow"] = report.slow;
  json["steps"] = Json::array();
  for (const ProfiledStep& step : report.steps)
    json["steps"].push_back({{"result", step.result},
                             {"type", step.type},
                             {"seconds", step.seconds},
                             {"turns", step.turns},
                             {"kernel", step.kernel},
                             {"ops", step.ops},
                             {"flops", step.flops},
                             {"bytes", step.bytes},
                             {"layers", step.layers}});
  return dumped(json);
}

}  // namespace

std::string rate_text(double per_second, double ceiling) {
  if (per_second == 0) return {};
  const std::string rate = short_number(per_second / 1e9, 3);
  if (ceiling == 0) return rate;
  return cat(rate, " (", short_number(100 * per_second / ceiling, per_second < ceiling ? 2 : 3),
             " %)");
}

std::string ceilings_text(const Ceilings& ceilings) {
  std::vector<std::string> told;
  if (ceilings.flops_per_second > 0)
    told.push_back(cat(short_number(ceilings.flops_per_second / 1e9, 4), " GFLOP/s of f32"));
  if (ceilings.bytes_per_second > 0)
    told.push_back(cat(short_number(ceilings.bytes_per_second / 1e9, 3),
                       " GB/s of a copy in memory, which caches exceed"));
  return join(told, ", ");
}

std::string report_text(const ProfileReport& report, std::string_view format, int most) {
  if (format == "json") return json(report);
  return format == "csv" ? comma_separated(report) : plain(report, most);
}

std::string trace_json(const Profile& profile) {
  Json events = Json::array();
  if (profile.times().empty()) return dumped({{"traceEvents", events}});
  const auto start = profile.times().front().begin;
  const auto micros = [](auto span) {
    return std::chrono::duration<double, std::micro>(span).count();
  };
  for (const Profile::Time& time : profile.times()) {
    const Program::Step& step = time.program->steps()[time.step];
    const Step& planned = time.program->plan().steps[time.step];
    events.push_back({{"name", cat(step.node->op.name(), " ", planned.node)},
                      {"cat", planned.kernel.empty() ? "control" : planned.kernel},
                      {"ph", "X"},
                      {"ts", micros(time.begin - start)},
                      {"dur", micros(time.end - time.begin)},
                      {"pid", 1},
                      {"tid", 1},
                      {"args", {{"run", time.run}, {"layers", join(step.node->origin, ", ")}}}});
  }
  return dumped({{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}});
}

}  // namespace hone::report
