#include "import/mxnet/symbol.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "import/report.hpp"

namespace hone::mxnet {
namespace {

using Json = nlohmann::json;

constexpr int kDepth = 16;                // of lists and objects; the format has five
constexpr size_t kMostBytes = 64U << 20;  // a description of 100,000 nodes takes 40 MB

class SymbolReader {
 public:
  SymbolReader(const std::string& file, const Limits& limits) : file_(file), limits_(limits) {}

  Symbol read(std::string_view text) {
    check(text.size() <= kMostBytes, Code::invalid_model, file_, " has ", text.size(),
          " bytes, more than a network's description takes");
    const Json json = parse(text);
    const Json& nodes = member(json, "nodes");
    want(nodes.is_array(), "nodes is no list");
    want(nodes.size() <= static_cast<size_t>(limits_.nodes + limits_.tensors), "it has ",
         nodes.size(), " nodes");
    Symbol symbol;
    symbol.nodes.reserve(nodes.size());
    for (const Json& node : nodes) symbol.nodes.push_back(read_node(node, symbol.nodes.size()));
    const Json& heads = member(json, "heads");
    want(heads.is_array(), "heads is no list");
    for (const Json& head : heads) symbol.heads.push_back(entry(head, nodes.size(), "heads"));
    symbol.version = read_version(json);
    return symbol;
  }

 private:
  Json parse(std::string_view text) const {
    const auto bounded = [&](int depth, Json::parse_event_t, Json&) {
      want(depth <= kDepth, "lists within lists, more than ", kDepth, " deep");
      return true;
    };
    try {
      return Json::parse(text.begin(), text.end(), bounded);
    } catch (const Json::parse_error& error) {
      fail(Code::invalid_model, file_, " is no JSON: it breaks at byte ", uint64_t{error.byte});
    } catch (const Json::exception&) {
      fail(Code::invalid_model, file_, " is no JSON: a number in it is out of range");
    }
  }

  Node read_node(const Json& json, size_t index) const {
    const std::string where = cat("node ", uint64_t{index});
    want(json.is_object(), where, " is no object");
    Node node;
    node.op = text(member(json, "op"), where);
    node.name = text(member(json, "name"), where);
    // The first generation has what is for the operator in "param", and what users say of the node
    // in "attr"; later ones have both in "attr", then in "attrs".
    const char* fields = json.contains("attrs")   ? "attrs"
                         : json.contains("param") ? "param"
                                                  : "attr";
    if (json.contains(fields)) read_attributes(json.at(fields), where, node);
    if (!json.contains("inputs")) return node;
    const Json& inputs = json.at("inputs");
    want(inputs.is_array(), "inputs of ", where, " is no list");
    for (const Json& input : inputs) node.inputs.push_back(entry(input, index, where));
    return node;
  }

  void read_attributes(const Json& json, const std::string& where, Node& node) const {
    want(json.is_object(), "the attributes of ", where, " are no object");
    for (const auto& [name, value] : json.items())
      node.attributes[checked(name)] = value.is_string() ? text(value, where) : value.dump();
  }

  /// [node, output] or [node, output, version]; `before`: nodes that may be named.
  Entry entry(const Json& json, size_t before, const std::string& where) const {
    want(json.is_array() && (json.size() == 2 || json.size() == 3), where,
         " refers to something that is no pair of numbers");
    uint32_t numbers[2];
    for (size_t i = 0; i < 2; ++i) {
      want(json[i].is_number_unsigned(), where, " refers to something that is no pair of numbers");
      const auto number = json[i].get<uint64_t>();
      const uint64_t end = i == 0 ? before : std::numeric_limits<uint32_t>::max();
      want(number < end, where, " refers to ", i == 0 ? "node " : "output ", number,
           ", which is not before it");
      numbers[i] = static_cast<uint32_t>(number);
    }
    return {numbers[0], numbers[1]};
  }

  /// {"mxnet_version": ["int", 10700]}, of the file as a whole.
  static std::string read_version(const Json& json) {
    if (!json.contains("attrs") || !json["attrs"].is_object()) return {};
    const Json& attributes = json["attrs"];
    if (!attributes.contains("mxnet_version")) return {};
    const Json& version = attributes["mxnet_version"];
    if (!version.is_array() || version.size() != 2 || !version[1].is_number_unsigned()) return {};
    const auto number = version[1].get<uint64_t>();
    return cat(number / 10'000, ".", number / 100 % 100, ".", number % 100);
  }

  const Json& member(const Json& json, const char* name) const {
    want(json.is_object() && json.contains(name), "there is no \"", name, "\" where one is wanted");
    return json.at(name);
  }

  std::string text(const Json& json, const std::string& where) const {
    want(json.is_string(), where, " has something that is no string where one is wanted");
    return checked(json.get<std::string>());
  }

  std::string checked(std::string text) const {
    want(text.size() <= limits_.name_bytes, "a string of ", uint64_t{text.size()}, " bytes");
    return text;
  }

  template <class... Parts>
  void want(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      fail(Code::invalid_model, file_, " describes no network: ", parts...);
  }

  const std::string& file_;
  const Limits& limits_;
};

}  // namespace

bool looks_like_symbol(std::string_view text) {
  constexpr size_t kBeginning = 4096;
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' &&
         text.substr(0, kBeginning).find("\"nodes\"") != std::string_view::npos &&
         text.find("\"heads\"") != std::string_view::npos;
}

Symbol read_symbol(std::string_view text, const std::string& file_name, const Limits& limits) {
  return SymbolReader(file_name, limits).read(text);
}

}  // namespace hone::mxnet
