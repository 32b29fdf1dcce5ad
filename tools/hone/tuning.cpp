#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "output.hpp"
#include "tuning_file.hpp"

namespace hone::cli {
namespace {

struct TuningVerb {
  std::string file, merge, diff, output;
};

void list(const Records& records) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [record, entry] : records.entries())
    rows.push_back(
        {seconds_text(entry.seconds),
         record.tuning.empty() ? record.kernel : cat(record.kernel, " {", record.tuning, "}"),
         entry.about});
  print(table(rows, {true, false, false}));
}

/// Records that both have, the largest changes first, then how many only one has.
void show_difference(const Records& before, const Records& after) {
  struct Change {
    double ratio;
    std::vector<std::string> row;
  };
  std::vector<Change> changes;
  size_t only_after = 0;
  for (const auto& [record, entry] : after.entries()) {
    const auto old = before.find(record);
    if (!old) {
      ++only_after;
      continue;
    }
    const double ratio = entry.seconds / *old;
    char text[32];
    std::snprintf(text, sizeof text, "%.2fx", ratio);
    changes.push_back(
        {std::max(ratio, 1 / ratio),
         {text, seconds_text(*old), seconds_text(entry.seconds), record.kernel, entry.about}});
  }
  std::ranges::stable_sort(changes, std::greater<>(), &Change::ratio);
  std::vector<std::vector<std::string>> rows;
  for (Change& change : changes) rows.push_back(std::move(change.row));
  print(table(rows, {true, true, true, false, false}));
  line(changes.size(), " in both, ", before.entries().size() - changes.size(),
       " only in the first, ", only_after, " only in the second");
}

void tuning(const TuningVerb& verb) {
  const std::filesystem::path path =
      verb.file.empty() ? default_tuning_file() : std::filesystem::path(verb.file);
  check(std::filesystem::exists(path), Code::io, path.string(), ": no such file");
  Records records = read_records(path);
  if (!verb.diff.empty()) {
    check(std::filesystem::exists(verb.diff), Code::io, verb.diff, ": no such file");
    return show_difference(records, read_records(verb.diff));
  }
  if (verb.merge.empty()) return list(records);
  check(!verb.output.empty(), Code::usage, "--merge needs -o FILE");
  check(std::filesystem::exists(verb.merge), Code::io, verb.merge, ": no such file");
  records.merge(read_records(verb.merge));
  write_records(records, verb.output);
  line(verb.output, "  ", records.entries().size(), " records");
}

}  // namespace

std::function<void()> declare_tuning(Arguments& arguments) {
  const auto verb = std::make_shared<TuningVerb>();
  arguments.option("--file", verb->file, "FILE",
                   "What was timed; that in the user's cache when not given");
  arguments.option("--merge", verb->merge, "FILE",
                   "Add the records of this file; where both have one, its");
  arguments.option("--diff", verb->diff, "FILE", "Compare with the records of this file");
  arguments.option("-o,--output", verb->output, "FILE", "Where merged records go");
  return [verb] { tuning(*verb); };
}

}  // namespace hone::cli
