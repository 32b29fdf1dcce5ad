#include "import/mxnet/network_case.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "import/mxnet/reader.hpp"
#include "import/values.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::test {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

/// From "[2,3]" and the numbers behind it.
Tensor tensor_of(const std::vector<std::string_view>& words, size_t first) {
  std::vector<int64_t> shape;
  for (const std::string_view dim : split(words.at(first).substr(1, words[first].size() - 2), ','))
    if (!dim.empty()) shape.push_back(parse_int(dim).value());
  Tensor tensor(DType::f32, shape);
  const size_t numbers = words.size() - first - 1;
  check(numbers == 1 || numbers == static_cast<size_t>(tensor.count()), Code::usage, words[1],
        " has ", uint64_t{numbers}, " numbers, wanted ", tensor.count());
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(
        i, parse_double(words[first + 1 + (numbers == 1 ? 0 : static_cast<size_t>(i))]).value());
  return tensor;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_tensor(std::string& bytes, const Tensor& tensor, MxnetForm form) {
  const auto rank = static_cast<uint32_t>(tensor.rank());
  if (form == MxnetForm::middle) put<uint32_t>(bytes, 0xF993FAC8);
  if (form == MxnetForm::newest) put<uint32_t>(bytes, 0xF993FAC9);
  if (form == MxnetForm::numpy) put<uint32_t>(bytes, 0xF993FACA);
  if (form == MxnetForm::newest || form == MxnetForm::numpy) put<int32_t>(bytes, 0);  // dense
  put(bytes, rank);
  for (const int64_t dim : tensor.shape()) {
    if (form == MxnetForm::oldest) put(bytes, static_cast<uint32_t>(dim));
    else put(bytes, dim);
  }
  put<int32_t>(bytes, 1);  // the device: a processor
  put<int32_t>(bytes, 0);
  put<int32_t>(bytes, 0);  // f32
  bytes.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
}

std::string stored(const std::vector<std::pair<std::string, Tensor>>& weights, MxnetForm form) {
  std::string bytes;
  put<uint64_t>(bytes, 0x112);
  put<uint64_t>(bytes, 0);
  put<uint64_t>(bytes, weights.size());
  for (const auto& [name, tensor] : weights) put_tensor(bytes, tensor, form);
  put<uint64_t>(bytes, weights.size());
  for (const auto& [name, tensor] : weights) {
    const bool auxiliary = name.find("moving_") != std::string::npos;
    const std::string full = cat(auxiliary ? "aux:" : "arg:", name);
    put<uint64_t>(bytes, full.size());
    bytes += full;
  }
  return bytes;
}

class SymbolWriter {
 public:
  explicit SymbolWriter(MxnetForm form) : form_(form) {}

  void variable(const std::string& name, const std::string& attributes = {}) {
    if (index_.contains(name)) return;
    add("null", name, Json::array(), words_of(attributes));
  }
  /// "Op name(a, b:1) key=value"
  void node(std::string_view line) {
    const size_t open = line.find('('), close = line.find(')');
    const size_t space = line.find(' ');
    const std::string op(line.substr(0, space));
    const std::string name(line.substr(space + 1, open - space - 1));
    Json inputs = Json::array();
    for (std::string_view input : split(line.substr(open + 1, close - open - 1), ',')) {
      input = trim(input);
      if (input.empty()) continue;
      const size_t colon = input.find(':');
      const std::string from(input.substr(0, colon));
      const int64_t output =
          colon == std::string_view::npos ? 0 : parse_int(input.substr(colon + 1)).value();
      variable(from);
      read_.insert({from, output});
      if (form_ == MxnetForm::oldest) inputs.push_back({index_[from], output});
      else inputs.push_back({index_[from], output, 0});
    }
    add(op, name, std::move(inputs), words_of(line.substr(close + 1)));
    nodes_in_order_.push_back(name);
  }

  std::string text(const std::vector<std::string>& heads) const {
    Json json;
    json["nodes"] = nodes_;
    json["arg_nodes"] = arguments_;
    json["heads"] = Json::array();
    if (heads.empty())
      for (const std::string& name : nodes_in_order_)
        if (!read_.contains({name, 0})) json["heads"].push_back({index_.at(name), 0});
    for (const std::string& head : heads) {
      const size_t colon = head.find(':');
      const int64_t output =
          colon == std::string::npos ? 0 : parse_int(head.substr(colon + 1)).value();
      json["heads"].push_back({index_.at(head.substr(0, colon)), output});
    }
    if (form_ != MxnetForm::oldest) json["attrs"] = {{"mxnet_version", {"int", 10700}}};
    return json.dump(1);
  }

 private:
  void add(const std::string& op, const std::string& name, Json inputs,
           const std::vector<std::string_view>& attributes) {
    Json node;
    node["op"] = op;
    node["name"] = name;
    Json fields = Json::object();
    for (const std::string_view word : attributes) {
      const size_t equal = word.find('=');
      fields[std::string(word.substr(0, equal))] = std::string(word.substr(equal + 1));
    }
    const char* key = form_ == MxnetForm::oldest   ? "param"
                      : form_ == MxnetForm::middle ? "attr"
                                                   : "attrs";
    node[key] = std::move(fields);
    if (form_ == MxnetForm::oldest) node["attr"] = {{"lr_mult", "2"}};
    node["inputs"] = std::move(inputs);
    if (form_ == MxnetForm::oldest) node["backward_source_id"] = -1;
    index_[name] = nodes_.size();
    if (op == "null") arguments_.push_back(nodes_.size());
    nodes_.push_back(std::move(node));
  }

  MxnetForm form_;
  Json nodes_ = Json::array(), arguments_ = Json::array();
  std::map<std::string, size_t> index_;
  std::set<std::pair<std::string, int64_t>> read_;
  std::vector<std::string> nodes_in_order_;
};

}  // namespace

NetworkCase network_case(std::string_view given, MxnetForm form) {
  NetworkCase made;
  SymbolWriter symbol(form);
  std::vector<std::pair<std::string, Tensor>> weights;
  std::vector<std::string> heads;
  for (const std::string_view line : split(given, '\n')) {
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (words[0] == "@w") weights.emplace_back(words.at(1), tensor_of(words, 2));
    else if (words[0] == "@in") made.inputs.emplace_back(words.at(1), tensor_of(words, 2));
    else if (words[0] == "@heads") heads.assign(words.begin() + 1, words.end());
    else if (words[0] == "@var")
      symbol.variable(std::string(words.at(1)), std::string(words.size() > 2 ? words[2] : ""));
    else symbol.node(line);
  }
  made.symbol = symbol.text(heads);
  made.weights = stored(weights, form);
  return made;
}

Imported import_case(const NetworkCase& network, const ImportOptions& options) {
  const auto copy = std::make_shared<const std::string>(network.weights);
  builder::ModelFile weights{std::as_bytes(std::span(*copy)), copy, "net-0000.params"};
  return mxnet::import_network(network.symbol, "net-symbol.json", weights, {}, options);
}

std::string values_of(const NetworkCase& network) {
  return values_of(*import_case(network).graph, network.inputs);
}

}  // namespace hone::test
