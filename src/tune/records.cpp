#include "tune/records.hpp"

#include <charconv>

#include "base/text.hpp"
#include "device/problem.hpp"

namespace hone {
namespace {

constexpr std::string_view kHeader = "hone tuning 1";

void append_type(std::string& out, const Problem& problem, const Value& value) {
  if (!value.type.is_tensor() || !value.type.tensor().has_rank()) {
    out += "other";
    return;
  }
  std::vector<int64_t> sizes;
  for (const Dim& dim : value.type.tensor().shape())
    sizes.push_back(size_for_estimates(problem, dim));
  out += cat(value.type.tensor().dtype, "[", join(sizes, ","), "]");
}

/// Where the operand or result is not dense.
void append_strides(std::string& out, const Problem& problem,
                    const std::vector<OperandLayout>& layouts, size_t i) {
  if (i >= layouts.size() || layouts[i].strides.empty()) return;
  std::vector<int64_t> strides;
  for (const Dim& stride : layouts[i].strides)
    strides.push_back(size_for_estimates(problem, stride));
  out += cat(" by ", join(strides, ","));
}

/// The next word up to a space; the text moves behind it.
std::string_view word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view found = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return found;
}

}  // namespace

std::string timing_text(const Problem& problem) {
  const Target& target = *problem.target;
  std::string text = cat(target.text(), " caches ", target.l1, " ", target.l2, " ", target.l3,
                         " workers ", problem.share.workers, "\n");
  std::map<const Value*, size_t> numbers;
  const Graph& body = *problem.region.body;
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    const Value* input = body.inputs()[i];
    numbers.emplace(input, numbers.size());
    append_type(text, problem, *input);
    append_strides(text, problem, problem.inputs, i);
    text += problem.weights[i] != nullptr ? " constant\n" : "\n";
  }
  for (const Node& node : body.nodes()) {
    append(text, node.op);
    for (const Value* input : node.inputs) {
      if (input == nullptr) text += " -";
      else if (const auto found = numbers.find(input); found != numbers.end())
        text += cat(" ", found->second);
      else text += " literal";
    }
    for (const Value* output : node.outputs) {
      if (output == nullptr) continue;
      numbers.emplace(output, numbers.size());
      text += ' ';
      append_type(text, problem, *output);
    }
    text += '\n';
  }
  for (size_t i = 0; i < problem.outputs.size(); ++i)
    append_strides(text, problem, problem.outputs, i);
  return text;
}

Record record_of(const Hash& problem, const Way& way) {
  return {problem, cat(way.kernel->name, "/", way.kernel->version), tuning_text(way.recipe.tuning)};
}

Records Records::parse(std::string_view text) {
  Records records;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (number == 1) {
      check(line == kHeader, Code::usage, "line 1 is \"", line, "\", wanted \"", kHeader, "\"");
      continue;
    }
    if (line.empty() || line.front() == '#') continue;
    const std::string_view whole = line;
    const auto problem = parse_hash(word(line));
    Record record;
    record.kernel = word(line);
    record.tuning = word(line);
    const std::string_view time = word(line);
    Entry entry;
    const auto [read, error] =
        std::from_chars(time.data(), time.data() + time.size(), entry.seconds);
    check(problem && record.tuning.size() >= 2 && record.tuning.front() == '{' &&
              record.tuning.back() == '}' && error == std::errc() &&
              read == time.data() + time.size() && entry.seconds > 0 && entry.seconds < 1e9,
          Code::usage, "line ", number, " is no record: \"", whole, "\"");
    record.problem = *problem;
    record.tuning = record.tuning.substr(1, record.tuning.size() - 2);
    entry.about = line;
    records.set(record, std::move(entry));
  }
  return records;
}

std::string Records::print() const {
  std::string text = cat(kHeader, "\n");
  for (const auto& [record, entry] : entries_) {
    char seconds[32];
    const auto end = std::to_chars(seconds, seconds + sizeof(seconds), entry.seconds).ptr;
    text +=
        cat(record.problem, " ", record.kernel, " {", record.tuning, "} ",
            std::string_view(seconds, static_cast<size_t>(end - seconds)), " ", entry.about, "\n");
  }
  return text;
}

std::optional<double> Records::find(const Record& record) const {
  const auto found = entries_.find(record);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.seconds);
}

void Records::merge(const Records& other) {
  for (const auto& [record, entry] : other.entries_) entries_[record] = entry;
}

}  // namespace hone
