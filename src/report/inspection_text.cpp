#include <algorithm>
#include <cmath>

#include "report/inspection.hpp"
#include "report/text.hpp"

namespace hone::report {
namespace {

constexpr int kReadable = 12;  // terms of a size that people still read

std::string number_text(int64_t value) {
  return value < 0 ? cat(value) : with_commas(static_cast<uint64_t>(value));
}

/// A size with the symbols that --shape gave replaced; its value at the assumed sizes when it is
/// too long to read.
std::string dim_text(const Dim& dim, const Inspection& found) {
  const Dim left = dim.substitute([&](std::string_view name) -> std::optional<Dim> {
    const auto given = found.sizes.given().find(name);
    const bool open = given == found.sizes.given().end();
    return open ? std::nullopt : std::optional<Dim>(given->second);
  });
  if (const auto number = left.constant()) return number_text(*number);
  if (left.complexity() <= kReadable) return cat(left);
  Symbols names;
  left.collect_symbols(names);
  const auto value = found.sizes.value(left);
  return cat(value ? number_text(*value) : "?", found.sizes.where(names));
}

/// At the assumed sizes: the expression would be too long to read.
std::string assumed_arena_text(const Inspection& found) {
  const Symbols names = buffer_symbols(found.plan);
  try {
    const Layout layout = lay_out(*found.typed, found.plan, found.sizes.of(names));
    return cat(number_text(solve(layout.demand).bytes), " bytes", found.sizes.where(names));
  } catch (const Error&) {  // it has no arena at these sizes
    return "depends on sizes that are open; --shape NAME=1x3x224x224 gives them";
  }
}

std::string arena_text(const Inspection& found) {
  if (found.arena_bytes)
    return cat(number_text(*found.arena_bytes), " bytes, at least ",
               number_text(*found.bound_bytes), " in this order of steps");
  if (found.peaks.size() == 1) return cat(dim_text(found.peaks.front(), found), " bytes");
  int terms = 0;
  for (const Dim& peak : found.peaks) terms += peak.complexity();
  if (found.peaks.empty() || terms > kReadable) return assumed_arena_text(found);
  std::vector<std::string> texts;
  for (const Dim& peak : found.peaks) texts.push_back(dim_text(peak, found));
  return cat("max(", join(texts, ", "), ") bytes");
}

void add_ports(std::vector<std::vector<std::string>>& rows, const Graph& graph,
               const Defaults* defaults) {
  bool first = true;
  for (const Value* input : graph.inputs()) {
    rows.push_back({first ? "inputs" : "", cat(input->name, ": ", input->type)});
    first = false;
  }
  first = true;
  constexpr size_t kDefaults = 8;  // of an old model every weight is one
  const std::vector<const Value*> own = default_inputs(defaults);
  for (size_t i = 0; i < std::min(own.size(), kDefaults); ++i)
    rows.push_back({i == 0 ? "defaults" : "", cat(own[i]->name, ": ", own[i]->type)});
  if (own.size() > kDefaults) rows.push_back({"", cat("and ", own.size() - kDefaults, " more")});
  first = true;
  for (const GraphOutput& output : graph.outputs()) {
    rows.push_back({first ? "outputs" : "", cat(output.name, ": ", output.value->type)});
    first = false;
  }
}

/// Of a plan of several streams beside that of one, in words.
std::string stream_text(const std::vector<StreamTrial>& trials, const StreamTrial& trial,
                        bool taken) {
  if (trials.size() == 1) return "taken: a second one would have nothing to do";
  if (trial.streams == 1) return taken ? "taken" : "not taken";
  const StreamTrial& one = trials.front();
  const auto ratio = [](double a, double b) { return b > 0 ? std::round(100 * a / b) / 100 : 1.0; };
  const double faster = ratio(one.seconds, trial.seconds);
  const double more = ratio(static_cast<double>(trial.arena), static_cast<double>(one.arena));
  return cat(faster > 1 ? cat(faster, " times as fast as 1 stream") : "no faster than 1 stream",
             ", ", more > 1 ? cat("with ", more, " times the memory") : "with no more memory",
             " and ", trial.waits, trial.waits == 1 ? " wait" : " waits", " for one another; ",
             taken ? "taken" : "not taken");
}

}  // namespace

std::string memory_text(const Inspection& found) {
  const Symbols names = buffer_symbols(found.plan);
  const Layout layout = lay_out(*found.typed, found.plan, found.sizes.of(names));
  int64_t unshared = 0;
  for (const int64_t bytes : layout.bytes) unshared += bytes;
  const auto idle = std::count(layout.idle.begin(), layout.idle.end(), true);
  std::vector<std::vector<std::string>> rows{
      {"arena", cat(number_text(solve(layout.demand).bytes), " bytes", found.sizes.where(names))},
      {"bound", cat(number_text(lower_bound(layout.demand)),
                    " bytes are in use at one step: no arena is smaller")},
      {"unshared", cat(number_text(unshared), " bytes, if every value had its own")},
      {"no work",
       cat(idle, " of ", found.plan.steps.size(), " steps: their results are in place already")}};
  for (const StreamTrial& trial : found.report.streams)
    rows.push_back(
        {cat(trial.streams, trial.streams == 1 ? " stream" : " streams"),
         stream_text(found.report.streams, trial, trial.streams == stream_count(found.plan))});
  if (found.report.streams.size() > 1)
    rows.push_back({"",
                    "by the kernels' estimates, at the sizes that are expected, as if each "
                    "stream ran as fast as alone"});
  return table(rows);
}

std::string ops_text(const Inspection& found) {
  std::vector<std::vector<std::string>> rows{{"op", "nodes", "FLOPs"}};
  for (const OpRow& row : found.ops)
    rows.push_back(
        {row.op, cat(row.nodes), row.flops.is(0) ? std::string() : dim_text(row.flops, found)});
  return table(rows, {false, true, false});
}

namespace {

std::string sections_text(const std::vector<SectionEntry>& sections) {
  std::vector<std::vector<std::string>> rows{{"section", "part", "offset", "bytes", "hash"}};
  for (const SectionEntry& each : sections)
    rows.push_back({std::string(name(each.kind)), each.part == 0 ? "" : cat(each.part),
                    with_commas(each.offset), with_commas(each.length), cat(each.hash)});
  return table(rows, {false, true, true, true, false}) + "\n";
}

}  // namespace

std::string inspection_text(const Inspection& found) {
  std::vector<std::vector<std::string>> rows{{"file", found.file}};
  for (const auto& [key, value] : found.about)
    if (!value.empty()) rows.push_back({key, value});
  add_ports(rows, *found.graph, found.defaults.get());
  for (const Require& require : found.graph->requirements())
    rows.push_back({"require", cat(require)});
  rows.push_back({"nodes", number_text(found.nodes)});
  rows.push_back({"parameters",
                  cat(number_text(found.parameters), " in ", number_text(found.parameter_tensors),
                      " tensors, ", bytes_text(static_cast<uint64_t>(found.parameter_bytes)))});
  rows.push_back({"FLOPs", dim_text(found.flops, found)});
  rows.push_back({"arena", cat(arena_text(found),
                               " (a buffer per value: ", dim_text(found.naive_bytes, found), ")")});
  if (!found.open_sizes.empty())
    rows.push_back(
        {"", cat("and ", found.open_sizes.size(),
                 " values whose size only running tells, among them %", found.open_sizes.front())});
  rows.push_back({"problems", "none"});
  return table(rows) + "\n" +
         (found.sections.empty() ? std::string() : sections_text(found.sections)) + ops_text(found);
}

}  // namespace hone::report
