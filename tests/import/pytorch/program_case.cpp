#include "import/pytorch/program_case.hpp"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "import/pytorch/pickle_bytes.hpp"
#include "import/pytorch/reader.hpp"
#include "import/values.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "support/zip_bytes.hpp"

namespace hone::test {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

/// Parts between commas that stand in no brackets and no quotes.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '"') quoted = !quoted;
    if (c == '[' || c == '(' || c == '{') ++depth;
    if (c == ']' || c == ')' || c == '}') --depth;
    if (quoted || (c != ',' || (depth > 0 && i < text.size()))) continue;
    if (i > start) parts.push_back(trim(text.substr(start, i - start)));
    start = i + 1;
  }
  return parts;
}

int64_t number_of(DType dtype) {
  const std::map<DType, int64_t> numbers = {
      {DType::u8, 1},  {DType::i8, 2},    {DType::i16, 3}, {DType::i32, 4},
      {DType::i64, 5}, {DType::f16, 6},   {DType::f32, 7}, {DType::boolean, 12},
      {DType::f64, 8}, {DType::bf16, 13}, {DType::c64, 10}};
  return numbers.at(dtype);
}

struct TypeText {
  DType dtype = DType::f32;
  std::vector<std::string_view> dims;  // "3", "n=3"
};
TypeText type_text(std::string_view text) {
  const size_t open = text.find('[');
  TypeText made{parse_dtype(text.substr(0, open)).value(), {}};
  for (const std::string_view dim : split(text.substr(open + 1, text.size() - open - 2), ','))
    if (!dim.empty()) made.dims.push_back(dim);
  return made;
}

/// The type of a tensor as descriptions have it.
Json meta_of(std::string_view text) {
  const TypeText type = type_text(text);
  Json sizes = Json::array(), strides = Json::array();
  int64_t stride = 1;
  for (size_t i = type.dims.size(); i-- > 0;) {
    const size_t equal = type.dims[i].find('=');
    if (equal == std::string_view::npos) {
      sizes.insert(sizes.begin(), Json{{"as_int", parse_int(type.dims[i]).value()}});
      strides.insert(strides.begin(), Json{{"as_int", stride}});
      stride *= parse_int(type.dims[i]).value();
    } else {
      // What torch 2.11 and 2.15 write.
      const std::string name =
          cat("Symbol('", type.dims[i].substr(0, equal), "', positive=True, integer=True)");
      sizes.insert(sizes.begin(), Json{{"as_expr", {{"expr_str", name}, {"hint", nullptr}}}});
      strides.insert(strides.begin(), Json{{"as_int", stride}});
    }
  }
  return {{"dtype", number_of(type.dtype)},
          {"sizes", sizes},
          {"requires_grad", false},
          {"device", {{"type", "cpu"}, {"index", nullptr}}},
          {"strides", strides},
          {"storage_offset", {{"as_int", 0}}},
          {"layout", 7}};
}

class ProgramWriter {
 public:
  Json argument(std::string_view text) {
    if (text == "None") return {{"as_none", true}};
    if (text == "True" || text == "False") return {{"as_bool", text == "True"}};
    if (text.front() == '"') return {{"as_string", text.substr(1, text.size() - 2)}};
    if (text.front() == '%') return {{"as_sym_int", {{"as_name", text.substr(1)}}}};
    if (text.front() == '[') return list(parts_of(text.substr(1, text.size() - 2)));
    if (text.front() == '{') return {{"as_graph", graphs_.at(std::string(text))}};
    if (text.starts_with("dtype:"))
      return {{"as_scalar_type", number_of(parse_dtype(text.substr(6)).value())}};
    if (const auto whole = parse_int(text)) return {{"as_int", *whole}};
    if (const auto real = parse_double(text)) return {{"as_float", real_of(*real)}};
    return {{"as_tensor", {{"name", text}}}};
  }

  /// "op outputs(name=value, ...)".
  Json node(std::string_view line) {
    const size_t open = line.find('('), space = line.find(' ');
    const std::string_view target = line.substr(0, space);
    const std::string_view given = line.substr(space + 1, open - space - 1);
    Json made;
    const bool is_op = target.find("::") == std::string_view::npos && !target.starts_with("_") &&
                       !target.starts_with("math.") && !target.starts_with("torch.");
    made["target"] = is_op ? cat("torch.ops.", target) : std::string(target);
    made["inputs"] = Json::array();
    for (const std::string_view part :
         parts_of(line.substr(open + 1, line.rfind(')') - open - 1))) {
      const size_t equal =
          part.front() == '"' || part.front() == '[' ? std::string_view::npos : part.find('=');
      const bool named = equal != std::string_view::npos;
      made["inputs"].push_back({{"name", named ? part.substr(0, equal) : std::string_view()},
                                {"arg", argument(named ? part.substr(equal + 1) : part)},
                                {"kind", 1}});
    }
    made["outputs"] = Json::array();
    last_.clear();
    for (const std::string_view output : parts_of(given)) made["outputs"].push_back(result(output));
    made["metadata"] = {{"stack_trace", "not read"}, {"nn_module_stack", "L__self__,,net.Net"}};
    return made;
  }

  void line(std::string_view line) {
    const auto words = words_of(line);
    if (words[0] == "@graph") return begin_graph(words);
    if (words[0] == "@end") return end_graph(words);
    if (words[0] == "@w" || words[0] == "@in") return tensor(words);
    if (words[0] == "@out") {
      outputs_.assign(words.begin() + 1, words.end());
    } else if (words[0] == "@range") {
      const auto bound = [&](size_t i) {
        return words[i] == "none" ? Json(nullptr) : Json(parse_int(words[i]).value());
      };
      ranges_[std::string(words[1])] = {{"min_val", bound(2)}, {"max_val", bound(3)}};
    } else {
      nodes_.push_back(node(line));
    }
  }

  Json program() const {
    Json graph = {{"inputs", inputs_}, {"outputs", Json::array()}, {"nodes", nodes_}};
    graph["tensor_values"] = metas_;
    graph["sym_int_values"] = graph["sym_bool_values"] = Json::object();
    Json outputs = Json::array();
    for (const std::string& name : outputs_.empty() ? last_ : outputs_) {
      const Json argument = name.front() == '%'
                                ? Json{{"as_sym_int", {{"as_name", name.substr(1)}}}}
                                : Json{{"as_tensor", {{"name", name}}}};
      graph["outputs"].push_back(argument);
      outputs.push_back({{"user_output", {{"arg", argument}}}});
    }
    Json made;
    made["graph_module"] = {{"graph", graph},
                            {"signature", {{"input_specs", specs_}, {"output_specs", outputs}}},
                            {"module_call_graph", Json::array()}};
    made["opset_version"] = {{"aten", 10}};
    made["range_constraints"] = ranges_;
    made["schema_version"] = {{"major", 8}, {"minor", 17}};
    made["torch_version"] = "2.11.0";
    return made;
  }

  const std::vector<std::pair<std::string, Tensor>>& inputs() const { return given_; }
  const std::vector<std::pair<std::string, Tensor>>& weights() const { return weights_; }
  const Json& weight_metas() const { return weight_metas_; }

 private:
  static Json real_of(double value) {
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return value;
  }

  Json list(const std::vector<std::string_view>& parts) {
    std::vector<Json> items;
    std::set<std::string> kinds;
    for (const std::string_view part : parts) {
      items.push_back(argument(part));
      kinds.insert(items.back().begin().key());
    }
    const auto all = [&](const char* as, const auto& of) {
      Json made = Json::array();
      for (const Json& item : items) made.push_back(of(item));
      return Json{{as, made}};
    };
    if (kinds.empty()) return {{"as_ints", Json::array()}};
    if (kinds.contains("as_none"))
      return all("as_optional_tensors", [](const Json& item) { return item; });
    if (kinds.contains("as_sym_int"))
      return all("as_sym_ints", [](const Json& item) {
        return item.contains("as_sym_int") ? item["as_sym_int"] : item;
      });
    const std::string kind = *kinds.rbegin();
    return all(cat(kind, "s").c_str(), [](const Json& item) { return item.begin().value(); });
  }

  Json result(std::string_view output) {
    if (output.front() == '[') {
      Json tensors = Json::array();
      for (const std::string_view each : parts_of(output.substr(1, output.size() - 2))) {
        tensors.push_back({{"name", each}});
        last_.emplace_back(each);
      }
      return {{"as_tensors", tensors}};
    }
    if (output.front() == '%') return {{"as_sym_int", {{"as_name", output.substr(1)}}}};
    last_.emplace_back(output);
    return {{"as_tensor", {{"name", output}}}};
  }

  void tensor(const std::vector<std::string_view>& words) {
    const std::string name(words.at(1));
    const Tensor contents = tensor_of(words, 2);
    const Json argument = {{"name", name}};
    inputs_.push_back({{"as_tensor", argument}});
    metas_[name] = meta_of(words[2]);
    if (words[0] == "@in") {
      specs_.push_back({{"user_input", {{"arg", {{"as_tensor", argument}}}}}});
      given_.emplace_back(name, contents);
      return;
    }
    specs_.push_back({{"parameter", {{"arg", argument}, {"parameter_name", name}}}});
    weight_metas_[name] = {{"path_name", cat("weight_", uint64_t{weights_.size()})},
                           {"is_param", true},
                           {"use_pickle", false},
                           {"tensor_meta", metas_[name]}};
    weights_.emplace_back(name, contents);
  }

  /// "@graph {name} a b": nodes up to "@end y" make a graph that takes a, b and gives y.
  void begin_graph(const std::vector<std::string_view>& words) {
    graph_name_ = words.at(1);
    outer_.swap(nodes_);
    nodes_ = Json::array();
    graph_inputs_ = Json::array();
    for (size_t i = 2; i < words.size(); ++i) graph_inputs_.push_back(argument(words[i]));
  }
  void end_graph(const std::vector<std::string_view>& words) {
    Json outputs = Json::array();
    for (size_t i = 1; i < words.size(); ++i) outputs.push_back(argument(words[i]));
    graphs_[graph_name_] = {{"name", graph_name_},
                            {"graph",
                             {{"inputs", graph_inputs_},
                              {"outputs", outputs},
                              {"nodes", nodes_},
                              {"tensor_values", Json::object()}}}};
    nodes_.swap(outer_);
  }

  Json nodes_ = Json::array(), outer_ = Json::array(), inputs_ = Json::array();
  Json specs_ = Json::array(), metas_ = Json::object(), ranges_ = Json::object();
  Json weight_metas_ = Json::object(), graph_inputs_;
  std::string graph_name_;
  std::map<std::string, Json> graphs_;
  std::vector<std::string> outputs_, last_;
  std::vector<std::pair<std::string, Tensor>> given_, weights_;
};

}  // namespace

Tensor tensor_of(const std::vector<std::string_view>& words, size_t first) {
  const TypeText type = type_text(words.at(first));
  std::vector<int64_t> shape;
  for (const std::string_view dim : type.dims) {
    const size_t equal = dim.find('=');
    shape.push_back(
        parse_int(equal == std::string_view::npos ? dim : dim.substr(equal + 1)).value());
  }
  Tensor tensor(type.dtype, shape);
  const size_t numbers = words.size() - first - 1;
  check(numbers == 1 || numbers == static_cast<size_t>(tensor.count()), Code::usage, words[1],
        " has ", uint64_t{numbers}, " numbers, wanted ", tensor.count());
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(
        i, parse_double(words[first + 1 + (numbers == 1 ? 0 : static_cast<size_t>(i))]).value());
  return tensor;
}

ProgramCase program_case(std::string_view given, ProgramForm form) {
  ProgramWriter writer;
  for (const std::string_view line : split(given, '\n'))
    if (!words_of(line).empty()) writer.line(trim(line));
  const std::string description = writer.program().dump();
  std::vector<std::pair<std::string, std::string>> entries;
  const std::string saved = saved_tensors(writer.weights());
  if (form == ProgramForm::oldest) {
    entries = {{"serialized_exported_program.json", description},
               {"serialized_state_dict.pt", saved},
               {"serialized_constants.pt", saved_tensors({})},
               {"version", "8.1"}};
  } else if (form == ProgramForm::pickled) {
    entries = {{"net/archive_format", "pt2"},
               {"net/models/model.json", description},
               {"net/data/weights/model.pt", saved}};
  } else {
    entries = {{"net/models/model.json", description}, {"net/archive_format", "pt2"}};
    for (size_t i = 0; i < writer.weights().size(); ++i)
      entries.emplace_back(cat("net/data/weights/weight_", uint64_t{i}),
                           bytes_of(writer.weights()[i].second));
    entries.emplace_back("net/data/weights/model_weights_config.json",
                         Json{{"config", writer.weight_metas()}}.dump());
    entries.emplace_back("net/data/constants/model_constants_config.json", R"({"config": {}})");
  }
  return {zip_of(entries), writer.inputs()};
}

Imported import_archive(const std::string& archive, const ImportOptions& options) {
  const auto copy = std::make_shared<const std::string>(archive);
  return pytorch::import_model({std::as_bytes(std::span(*copy)), copy, "net.pt2"}, options);
}

std::string values_of(const ProgramCase& program) {
  const Imported imported = import_archive(program.archive);
  return values_of(*imported.graph, program.inputs);
}

}  // namespace hone::test
