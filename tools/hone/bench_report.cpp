#include "bench_report.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "output.hpp"

namespace hone::cli {
namespace {

using Json = nlohmann::ordered_json;

/// One column of the tables: its title for people, its name for programs.
struct Column {
  const char* title;
  const char* name;
  double (*value)(const Measured& measured);
  std::string (*shown)(double value);
};

std::string rate(double value) {
  return value < 1000 ? short_number(value) : cat(std::llround(value));
}
std::string count(double value) { return cat(static_cast<int64_t>(value)); }
std::string bytes(double value) { return bytes_text(static_cast<uint64_t>(value)); }

constexpr Column kColumns[] = {
    {"inferences/s", "inferences_per_second", [](const Measured& m) { return m.per_second(); },
     rate},
    {"samples/s", "samples_per_second",
     [](const Measured& m) { return m.per_second() * static_cast<double>(m.samples); }, rate},
    {"min", "min", [](const Measured& m) { return m.latency.least; }, seconds_text},
    {"mean", "mean", [](const Measured& m) { return m.latency.mean; }, seconds_text},
    {"median", "median", [](const Measured& m) { return m.latency.median; }, seconds_text},
    {"p90", "p90", [](const Measured& m) { return m.latency.p90; }, seconds_text},
    {"p95", "p95", [](const Measured& m) { return m.latency.p95; }, seconds_text},
    {"p99", "p99", [](const Measured& m) { return m.latency.p99; }, seconds_text},
    {"max", "max", [](const Measured& m) { return m.latency.most; }, seconds_text},
    {"enqueued", "enqueued", [](const Measured& m) { return m.enqueued; }, seconds_text},
    {"runs", "runs", [](const Measured& m) { return static_cast<double>(m.latency.runs); }, count},
    {"first run", "first", [](const Measured& m) { return m.first; }, seconds_text},
    {"arena", "arena_bytes", [](const Measured& m) { return static_cast<double>(m.arena_bytes); },
     bytes},
};

/// All but those that say nothing of these cases.
std::vector<Column> columns_of(const BenchReport& report) {
  std::vector<Column> columns;
  const auto was_enqueued = [](const Measured& measured) { return measured.enqueued > 0; };
  for (const Column& column : kColumns)
    if (std::string_view(column.name) != "enqueued" ||
        std::ranges::any_of(report.cases, was_enqueued))
      columns.push_back(column);
  return columns;
}

std::vector<std::pair<std::string, std::string>> facts(const BenchReport& report) {
  const auto many = [](int64_t number, const char* what) {
    return cat(number, " ", what, number == 1 ? "" : "s");
  };
  return {
      {"model", report.model},
      {"engine", cat(report.built ? "built in " : "loaded in ", seconds_text(report.open_seconds),
                     ", packed weights ", bytes_text(static_cast<uint64_t>(report.packed_bytes)))},
      {"machine", cat(report.processor, ", ", many(report.cores, "usable core"))},
      {"target", cat(report.target, ", ", report.version)},
      {"run by", cat(many(report.contexts, "context"), " of ", many(report.workers, "worker"),
                     ", warmed up for ", seconds_text(report.warm_up))},
      {"memory", cat(bytes_text(static_cast<uint64_t>(report.peak_bytes)), " at most")},
  };
}

std::vector<std::vector<std::string>> rows(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows{{"inputs"}};
  const std::vector<Column> columns = columns_of(report);
  for (const Column& column : columns) rows.front().emplace_back(column.title);
  for (const Measured& measured : report.cases) {
    rows.push_back({measured.inputs});
    for (const Column& column : columns)
      rows.back().push_back(column.shown(column.value(measured)));
  }
  return rows;
}

std::string plain(const BenchReport& report) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& [name, fact] : facts(report)) lines.push_back({name, fact});
  std::vector<bool> right(columns_of(report).size() + 1, true);
  right.front() = false;
  return cat(table(lines), "\n", table(rows(report), right));
}

std::string markdown(const BenchReport& report) {
  std::string text;
  for (const auto& [name, fact] : facts(report)) text += cat("- ", name, ": ", fact, "\n");
  text += "\n";
  const auto add = [&](const std::vector<std::string>& row) {
    text += cat("| ", join(row, " | "), " |\n");
  };
  const auto all = rows(report);
  add(all.front());
  text += "|---|";
  for (size_t i = 0; i < columns_of(report).size(); ++i) text += "---:|";
  text += "\n";
  for (size_t i = 1; i < all.size(); ++i) add(all[i]);
  return text;
}

std::string comma_separated(const BenchReport& report) {
  std::string text = "model,target,workers,contexts,inputs";
  const std::vector<Column> columns = columns_of(report);
  for (const Column& column : columns) text += cat(",", column.name);
  text += "\n";
  for (const Measured& measured : report.cases) {
    text += cat(csv_field(report.model), ",", csv_field(report.target), ",", report.workers, ",",
                report.contexts, ",", csv_field(measured.inputs));
    for (const Column& column : columns) text += cat(",", short_number(column.value(measured), 12));
    text += "\n";
  }
  return text;
}

std::string json(const BenchReport& report) {
  Json json;
  json["model"] = report.model;
  json["version"] = report.version;
  json["machine"] = {{"processor", report.processor}, {"usable_cores", report.cores}};
  json["target"] = report.target;
  json["workers"] = report.workers;
  json["contexts"] = report.contexts;
  json["warm_up"] = report.warm_up;
  json[report.built ? "build" : "load"] = report.open_seconds;
  json["packed_bytes"] = report.packed_bytes;
  json["peak_bytes"] = report.peak_bytes;
  json["cases"] = Json::array();
  for (const Measured& measured : report.cases) {
    Json one = {{"inputs", measured.inputs}, {"samples", measured.samples}};
    for (const Column& column : columns_of(report)) {
      const double value = column.value(measured);
      if (column.shown == count || column.shown == bytes) one[column.name] = std::llround(value);
      else one[column.name] = value;
    }
    json["cases"].push_back(std::move(one));
  }
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string report_text(const BenchReport& report, std::string_view format) {
  if (format == "json") return json(report);
  if (format == "csv") return comma_separated(report);
  return format == "md" ? markdown(report) : plain(report);
}

}  // namespace hone::cli
