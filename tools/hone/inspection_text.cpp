#include <algorithm>
#include <cmath>

#include "inspection.hpp"
#include "output.hpp"

namespace hone::cli {
namespace {

constexpr int kReadable = 12;  // terms of a size that people still read

std::string number_text(int64_t value) {
  return value < 0 ? cat(value) : with_commas(static_cast<uint64_t>(value));
}

/// A size with the symbols that --shape gave replaced; its value at the example size of each symbol
/// when it is too long to read.
std::string dim_text(const Dim& dim, const Inspection& found) {
  const Dim left = dim.substitute([&](std::string_view name) -> std::optional<Dim> {
    const auto given = found.symbols.find(name);
    return given == found.symbols.end() ? std::nullopt : std::optional<Dim>(given->second);
  });
  if (const auto number = left.constant()) return number_text(*number);
  if (left.complexity() <= kReadable) return cat(left);
  std::set<std::string, std::less<>> names;
  left.collect_symbols(names);
  Bindings examples;
  for (const std::string& name : names) examples[name] = found.example;
  const auto value = left.evaluate(examples);
  return cat(value ? number_text(*value) : "?", " where ", join(names, " = "), " = ",
             found.example);
}

/// At the example sizes: the expression would be too long to read.
std::string example_arena_text(const Inspection& found) {
  std::set<std::string, std::less<>> names;
  for (const PlannedBuffer& buffer : found.plan.buffers) buffer.bytes.collect_symbols(names);
  Bindings examples = found.symbols;
  for (const std::string& name : names) examples.emplace(name, found.example);
  try {
    return cat(number_text(solve(lay_out(*found.typed, found.plan, examples).demand).bytes),
               " bytes where ", join(names, " = "), " = ", found.example);
  } catch (const Error&) {  // no example size suits this model
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
  if (found.peaks.empty() || terms > kReadable) return example_arena_text(found);
  std::vector<std::string> texts;
  for (const Dim& peak : found.peaks) texts.push_back(dim_text(peak, found));
  return cat("max(", join(texts, ", "), ") bytes");
}

void add_ports(std::vector<std::vector<std::string>>& rows, const Graph& graph) {
  bool first = true;
  for (const Value* input : graph.inputs()) {
    rows.push_back({first ? "inputs" : "", cat(input->name, ": ", input->type)});
    first = false;
  }
  first = true;
  for (const GraphOutput& output : graph.outputs()) {
    rows.push_back({first ? "outputs" : "", cat(output.name, ": ", output.value->type)});
    first = false;
  }
}

}  // namespace

Bindings example_sizes(const Inspection& found) {
  std::set<std::string, std::less<>> names;
  for (const PlannedBuffer& buffer : found.plan.buffers) buffer.bytes.collect_symbols(names);
  Bindings sizes = found.symbols;
  for (const std::string& name : names) sizes.emplace(name, found.example);
  return sizes;
}

namespace {

/// Simulated, against one stream, each as fast as if it were alone.
std::string stream_text(const StreamTrial& one, const StreamTrial& trial) {
  const auto ratio = [](double a, double b) { return b > 0 ? std::round(100 * a / b) / 100 : 1.0; };
  return cat(ratio(one.seconds, trial.seconds), " times as fast, ",
             ratio(static_cast<double>(trial.arena), static_cast<double>(one.arena)),
             " times the memory, ", trial.waits, " waits");
}

}  // namespace

std::string memory_text(const Inspection& found) {
  const Bindings sizes = example_sizes(found);
  const Layout layout = lay_out(*found.typed, found.plan, sizes);
  int64_t naive = 0;
  for (const int64_t bytes : layout.bytes) naive += bytes;
  const auto idle = std::count(layout.idle.begin(), layout.idle.end(), true);
  std::vector<std::string> where;
  for (const auto& [name, size] : sizes) where.push_back(cat(name, " = ", size));
  std::vector<std::vector<std::string>> rows{
      {"arena", cat(number_text(solve(layout.demand).bytes), " bytes",
                    where.empty() ? "" : " where ", join(where, ", "))},
      {"bound",
       cat(number_text(lower_bound(layout.demand)), " bytes: the most that is live at one step")},
      {"naive", cat(number_text(naive), " bytes: a buffer per value")},
      {"no work",
       cat(idle, " of ", found.plan.steps.size(), " steps: their results are in place")}};
  for (const StreamTrial& trial : found.streams)
    rows.push_back({cat(trial.streams, trial.streams == 1 ? " stream" : " streams"),
                    cat(stream_text(found.streams.front(), trial),
                        trial.streams == stream_count(found.plan) ? ", taken" : "")});
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
  add_ports(rows, *found.graph);
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

}  // namespace hone::cli
