#include "export/onnx/versions.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace hone::onnx {
namespace {

constexpr int kOldest = 18;  // of ai.onnx that is written

template <class T>
bool lists(const std::vector<T>& values, std::string_view text) {
  if (text.size() < 2 || text.front() != '[') return false;
  return cat("[", join(values, ";"), "]") == text;
}

/// What the data says is what the standard's default says.
bool says(const AttributeModel::Data& data, std::string_view text) {
  return std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_same_v<T, int64_t>) return parse_int(text) == value;
        else if constexpr (std::is_same_v<T, float>) return parse_float(text) == value;
        else if constexpr (std::is_same_v<T, std::string>) return value == text;
        else if constexpr (std::is_same_v<T, Choice>)
          return value.name == text || parse_int(text) == value.number;
        else if constexpr (requires { value.size(), value.front(); }) return lists(value, text);
        else return false;
      },
      data);
}

bool is_empty_list(const AttributeModel::Data& data) {
  return std::visit(
      []<class T>(const T& value) {
        if constexpr (std::is_same_v<T, std::string>) return false;
        else if constexpr (std::is_same_v<T, std::shared_ptr<const GraphModel>>)
          return value == nullptr;
        else if constexpr (requires { value.empty(); }) return value.empty();
        else return false;
      },
      data);
}

/// The data as the kind of attribute that the operator has; nullopt: it cannot be.
std::optional<AttributeModel::Data> as_kind(const AttributeModel::Data& data, char kind) {
  if (const auto* choice = std::get_if<Choice>(&data)) {
    if (kind == 's') return choice->name;
    if (kind == 'i') return choice->number;
    return std::nullopt;
  }
  constexpr std::string_view kKinds = "ifs?IFStyg";  // by the variant's index
  const char own = kKinds[data.index()];
  if (own == kind) return data;
  const auto* number = std::get_if<int64_t>(&data);
  if (kind == 'f' && number != nullptr) return static_cast<float>(*number);
  if (is_empty_list(data) && (kind == 'I' || kind == 'F' || kind == 'S')) return data;
  return std::nullopt;
}

bool is_written(const AttributeModel& attribute, const AttributeRule& rule) {
  if (rule.required) return true;
  if (is_empty_list(attribute.data)) return rule.otherwise && !attribute.is_default;
  if (rule.otherwise) return !says(attribute.data, *rule.otherwise);
  return !attribute.is_default;
}

/// Why this version cannot say the node; empty: it can.
std::string problem(const NodeModel& node, const OperatorVersion& version) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i].empty()) continue;
    const uint32_t takes = version.input(i);
    if (takes == 0) return cat("version ", version.since, " has no input ", i);
    const uint32_t type = i < node.input_types.size() ? node.input_types[i] : 0;
    if (type != 0 && (takes & type) == 0)
      return cat("version ", version.since, " does not take the element type of input ", i);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    const uint32_t gives = version.output(i);
    if (gives == 0) return cat("version ", version.since, " has no output ", i);
    const uint32_t type = i < node.output_types.size() ? node.output_types[i] : 0;
    if (type != 0 && (gives & type) == 0)
      return cat("version ", version.since, " does not give the element type of output ", i);
  }
  for (const AttributeModel& attribute : node.attributes) {
    const AttributeRule* rule = version.attribute(attribute.name);
    if (rule == nullptr) {
      if (!attribute.is_default)
        return cat("version ", version.since, " has no attribute ", attribute.name);
    } else if (is_written(attribute, *rule) && !as_kind(attribute.data, rule->kind)) {
      return cat("attribute ", attribute.name, " has another type in version ", version.since);
    }
  }
  for (const AttributeRule& rule : version.attributes)
    if (rule.required && std::none_of(node.attributes.begin(), node.attributes.end(),
                                      [&](const auto& a) { return a.name == rule.name; }))
      return cat("version ", version.since, " needs attribute ", rule.name);
  return "";
}

const OperatorVersion* version_at(const NodeModel& node, int version) {
  const OperatorVersion* found = nullptr;
  for (const OperatorVersion& each : versions_of(node.domain, node.op_type))
    if (each.since <= version || found == nullptr) found = &each;
  return found;
}

}  // namespace

int oldest_version(const NodeModel& node) {
  if (node.domain == kRegionDomain) return 1;
  const auto versions = versions_of(node.domain, node.op_type);
  check(!versions.empty(), Code::unsupported, "there is no operator ", node.op_type,
        node.domain.empty() ? "" : " of ", node.domain);
  // Other domains than ai.onnx rarely change; what our ops mean is the newest.
  const int least =
      std::max(node.since, node.domain.empty() ? kOldest : newest_version(node.domain));
  std::string why;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (i + 1 < versions.size() && versions[i + 1].since <= least) continue;
    why = problem(node, versions[i]);
    if (why.empty()) return std::max(least, versions[i].since);
  }
  fail(Code::unsupported, why);
}

std::vector<AttributeModel> attributes_at(const NodeModel& node, int version) {
  std::vector<AttributeModel> written;
  if (node.domain == kRegionDomain) return written;
  const OperatorVersion* operator_version = version_at(node, version);
  check(operator_version != nullptr, Code::internal, node.op_type, " has no versions");
  const std::string why = problem(node, *operator_version);
  check(why.empty(), Code::unsupported, node.op_type, " ", node.name, ": ", why);
  for (const AttributeModel& attribute : node.attributes) {
    const AttributeRule* rule = operator_version->attribute(attribute.name);
    if (rule == nullptr || !is_written(attribute, *rule)) continue;
    written.push_back({attribute.name, *as_kind(attribute.data, rule->kind), false});
  }
  return written;
}

}  // namespace hone::onnx
