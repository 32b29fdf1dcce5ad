#include "bench_kernels.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/pattern.hpp"
#include "machine.hpp"
#include "output.hpp"
#include "report/inspection.hpp"
#include "report/profile_report.hpp"
#include "tune/kernel_times.hpp"

namespace hone::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  std::string region;
  KernelTime time;
  double flops = 0, bytes = 0;  // of one run; bytes of operands and results
  bool best = false;            // of its region's
};

double number(const Dim& dim) { return static_cast<double>(dim.constant().value_or(0)); }

double bytes_of(const Value& value) {
  const TensorType& type = value.type.tensor();
  return number(product(type.shape())) * bits(type.dtype) / 8;
}

std::vector<Row> rows_of(const KernelCase& one, const std::vector<KernelTime>& times) {
  Row row;
  row.region = one.name;
  for (const Node& node : one.graph->nodes()) row.flops += number(report::flops_of(node));
  for (const Value* input : one.graph->inputs()) row.bytes += bytes_of(*input);
  for (const Value* constant : one.graph->constants()) row.bytes += bytes_of(*constant);
  for (const GraphOutput& output : one.graph->outputs()) row.bytes += bytes_of(*output.value);
  std::vector<Row> rows;
  for (const KernelTime& time : times) {
    rows.push_back(row);
    rows.back().time = time;
    rows.back().best = rows.size() == 1;
  }
  return rows;
}

std::string kernel_text(const KernelTime& time) {
  return time.tuning.empty() ? time.kernel : cat(time.kernel, " {", tuning_text(time.tuning), "}");
}

std::vector<std::vector<std::string>> cells(const std::vector<Row>& rows,
                                            const Ceilings& ceilings) {
  std::vector<std::vector<std::string>> made{
      {"region", "kernel", "time", "estimate", "GFLOP/s", "GB/s"}};
  for (const Row& row : rows)
    made.push_back({row.best ? row.region : "", kernel_text(row.time),
                    seconds_text(row.time.seconds), seconds_text(row.time.estimate),
                    report::rate_text(row.flops / row.time.seconds, ceilings.flops_per_second),
                    report::rate_text(row.bytes / row.time.seconds, ceilings.bytes_per_second)});
  return made;
}

std::string markdown(const std::vector<std::vector<std::string>>& cells) {
  std::string text;
  for (const auto& row : cells) {
    text += cat("| ", join(row, " | "), " |\n");
    if (&row == &cells.front()) text += "|---|---|---:|---:|---:|---:|\n";
  }
  return text;
}

std::string comma_separated(const std::vector<Row>& rows) {
  std::string text = "region,kernel,tuning,seconds,estimate,flops,bytes\n";
  for (const Row& row : rows)
    text += cat(csv_field(row.region), ",", row.time.kernel, ",",
                csv_field(tuning_text(row.time.tuning)), ",", short_number(row.time.seconds, 9),
                ",", short_number(row.time.estimate, 9), ",", short_number(row.flops, 15), ",",
                short_number(row.bytes, 15), "\n");
  return text;
}

std::string json(const std::vector<Row>& rows, const Ceilings& ceilings, const Target& target,
                 int workers) {
  Json json = {{"processor", processor_name()},
               {"target", target.text()},
               {"workers", workers},
               {"flops_per_second", ceilings.flops_per_second},
               {"bytes_per_second", ceilings.bytes_per_second}};
  json["times"] = Json::array();
  for (const Row& row : rows)
    json["times"].push_back({{"region", row.region},
                             {"kernel", row.time.kernel},
                             {"tuning", row.time.tuning},
                             {"seconds", row.time.seconds},
                             {"estimate", row.time.estimate},
                             {"flops", row.flops},
                             {"bytes", row.bytes}});
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string kernels_report(const std::string& names, const ModelOptions& options,
                           std::string_view format) {
  const Pattern pattern(names);
  const auto device = open_device(options.device);
  const int workers = options.workers > 0 ? options.workers : device->target()->workers;
  const auto stream = device->stream({workers});
  std::vector<Row> rows;
  for (const KernelCase& one : kernel_cases())
    for (Row& row : rows_of(one, time_kernels(*one.graph, pattern, *device, *stream)))
      rows.push_back(std::move(row));
  check(!rows.empty(), Code::usage, "--kernels ", names, ": no kernel of ",
        device->target()->text(), " by such a name runs any of the regions");
  const Ceilings ceilings = device->ceilings({workers});
  if (format == "json") return json(rows, ceilings, *device->target(), workers);
  if (format == "csv") return comma_separated(rows);
  const auto table_cells = cells(rows, ceilings);
  const std::string about =
      cat(processor_name(), ", ", device->target()->text(), ", ", workers,
          workers == 1 ? " worker" : " workers", "; 100 % is ", report::ceilings_text(ceilings));
  if (format == "md") return cat(about, "\n\n", markdown(table_cells));
  return cat(about, "\n\n", table(table_cells, {false, false, true, true, true, true}));
}

}  // namespace hone::cli
