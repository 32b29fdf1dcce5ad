#include "export/onnx/operators.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.hpp"

namespace hone::onnx {
namespace {

constexpr std::string_view kTable =
#include "export/onnx/operators.inc"
    ;

template <class T>
T number(std::string_view text, int base = 10) {
  T value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
  check(read.ec == std::errc() && read.ptr == text.data() + text.size(), Code::internal,
        "operators.inc: \"", text, "\" is no number");
  return value;
}

/// "axis:i!", "mode:s=nearest", "pads:I".
AttributeRule rule_of(std::string_view word) {
  const size_t colon = word.find(':');
  check(colon != std::string_view::npos && colon + 1 < word.size(), Code::internal,
        "operators.inc: \"", word, "\" is no attribute");
  AttributeRule rule{word.substr(0, colon), word[colon + 1], false, std::nullopt};
  const std::string_view rest = word.substr(colon + 2);
  rule.required = rest == "!";
  if (rest.starts_with('=')) rule.otherwise = rest.substr(1);
  return rule;
}

/// "13ffe,80*": true for the star.
bool read_types(std::string_view text, std::vector<uint32_t>& types) {
  if (text == "-") return false;
  const bool many = text.ends_with('*');
  if (many) text.remove_suffix(1);
  for (const std::string_view mask : split(text, ',')) types.push_back(number<uint32_t>(mask, 16));
  return many;
}

OperatorVersion version_of(std::string_view line) {
  const std::vector<std::string_view> words = split(line, ' ');
  check(words.size() >= 5, Code::internal, "operators.inc: \"", line, "\" is no operator");
  OperatorVersion version;
  version.domain = words[0] == "ai.onnx" ? std::string_view() : words[0];
  version.name = words[1];
  version.since = number<int>(words[2]);
  version.many_inputs = read_types(words[3], version.inputs);
  version.many_outputs = read_types(words[4], version.outputs);
  for (size_t i = 5; i < words.size(); ++i) version.attributes.push_back(rule_of(words[i]));
  return version;
}

struct Table {
  std::map<std::pair<std::string_view, std::string_view>, std::vector<OperatorVersion>> operators;
  std::map<std::string_view, int> newest;

  Table() {
    for (const std::string_view line : split(kTable, '\n')) {
      if (line.empty()) continue;
      OperatorVersion version = version_of(line);
      int& last = newest[version.domain];
      last = std::max(last, version.since);
      operators[{version.domain, version.name}].push_back(std::move(version));
    }
  }
};

const Table& table() {
  static const Table made;
  return made;
}

}  // namespace

const AttributeRule* OperatorVersion::attribute(std::string_view wanted) const {
  for (const AttributeRule& rule : attributes)
    if (rule.name == wanted) return &rule;
  return nullptr;
}

uint32_t OperatorVersion::input(size_t i) const {
  if (i < inputs.size()) return inputs[i];
  return many_inputs ? inputs.back() : 0;
}

uint32_t OperatorVersion::output(size_t i) const {
  if (i < outputs.size()) return outputs[i];
  return many_outputs ? outputs.back() : 0;
}

std::span<const OperatorVersion> versions_of(std::string_view domain, std::string_view name) {
  const auto found = table().operators.find({domain, name});
  if (found == table().operators.end()) return {};
  return found->second;
}

int newest_version(std::string_view domain) {
  const auto found = table().newest.find(domain);
  return found == table().newest.end() ? 1 : found->second;
}

}  // namespace hone::onnx
