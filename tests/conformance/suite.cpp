#include "conformance/suite.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "import/onnx/free_names.hpp"
#include "import/onnx/proto.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

std::string text_after(const std::string& text, std::string_view key) {
  const size_t at = text.find(cat("\"", key, "\":"));
  if (at == std::string::npos) return {};
  const size_t first = text.find_first_not_of(" \"", at + key.size() + 3);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_first_of(",\"}", first) - first);
}

Tolerance tolerance_of(const fs::path& folder) {
  Tolerance tolerance;
  // Their values were computed in single precision: zeros among numbers of tens are 1.9e-7 there.
  const std::string name = folder.filename().string();
  if (name == "test_dft_inverse" || name == "test_dft_inverse_opset19") tolerance.absolute = 1e-6;
  if (!fs::exists(folder / "data.json")) return tolerance;
  const std::string text = read_text(folder / "data.json");
  if (const std::string given = text_after(text, "rtol"); !given.empty())
    tolerance.relative = std::stod(given);
  if (const std::string given = text_after(text, "atol"); !given.empty())
    tolerance.absolute = std::stod(given);
  return tolerance;
}

/// light_X.onnx with light_X_output_0.pb ... beside it; real/test_X has its tolerance.
Case network(std::string name, const fs::path& model) {
  Case made;
  made.name = std::move(name);
  made.model = model;
  const std::string stem = model.stem().string();
  made.outputs = numbered(model.parent_path(), stem + "_output_");
  const std::string plain = stem.starts_with("light_") ? stem.substr(6) : stem;
  made.tolerance = tolerance_of(model.parent_path().parent_path() / "real" / ("test_" + plain));
  return made;
}

std::optional<Case> case_at(const fs::path& place) {
  const std::string name = place.filename().string();
  if (place.extension() == ".onnx") return network(place.stem().string(), place);
  if (fs::exists(place / "model.onnx")) {
    Case made;
    made.name = name;
    made.model = place / "model.onnx";
    made.sets = numbered(place, "test_data_set_");
    made.tolerance = tolerance_of(place);
    return made;
  }
  if (!fs::exists(place / "data.json")) return std::nullopt;
  const std::string url = text_after(read_text(place / "data.json"), "url");
  return network(name, place.parent_path().parent_path() / "light" / fs::path(url).filename());
}

class Reader {
 public:
  explicit Reader(Contents& contents) : contents_(contents) {}

  void model(std::string_view bytes) {
    const onnx::ModelProto model = onnx::decode_model(bytes);
    check(model.graph.has_value(), Code::invalid_model, "no graph");
    std::vector<onnx::FunctionProto> functions;
    for (const std::string_view message : model.functions) {
      functions.push_back(onnx::decode_function(message, limits_));
      locals_.emplace(functions.back().domain, functions.back().name);
    }
    for (const onnx::FunctionProto& function : functions)
      nodes(function.nodes, function.opsets.empty() ? model.opsets : function.opsets);
    graph(*model.graph, model.opsets);
  }

 private:
  using Opsets = std::vector<onnx::OpsetId>;

  void graph(std::string_view message, const Opsets& opsets) {
    const onnx::GraphProto graph = onnx::decode_graph(message, limits_);
    for (const auto* list : {&graph.inputs, &graph.outputs})
      for (const onnx::NamedType& value : *list)
        if (!value.type.empty()) type(onnx::decode_type(value.type, limits_));
    nodes(graph.nodes, opsets);
  }

  void type(const onnx::StatedType& stated) {
    if (stated.kind == Type::Kind::tensor && stated.dtype == DType::string)
      leave(CaseScope::strings);
    for (const onnx::StatedType& element : stated.element) type(element);
  }

  void nodes(const std::vector<onnx::NodeProto>& nodes, const Opsets& opsets) {
    for (const onnx::NodeProto& node : nodes) {
      int64_t version = 1;
      for (const onnx::OpsetId& opset : opsets)
        if (opset.domain == node.domain) version = opset.version;
      if (!locals_.contains({node.domain, node.op_type}))
        contents_.operators.insert({std::string(node.domain), std::string(node.op_type), version});
      leave(scope_of(node.domain, node.op_type));
      for (const onnx::Attribute& attribute : node.attributes)
        if (const auto body = onnx::graph_of(attribute)) graph(*body, opsets);
    }
  }

  void leave(CaseScope scope) {
    if (contents_.scope == CaseScope::inside) contents_.scope = scope;
  }

  Contents& contents_;
  Limits limits_;
  std::set<std::pair<std::string_view, std::string_view>> locals_;
};

}  // namespace

std::vector<fs::path> numbered(const fs::path& folder, std::string_view prefix) {
  std::vector<std::pair<int64_t, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (!stem.starts_with(prefix)) continue;
    found.emplace_back(parse_int(std::string_view(stem).substr(prefix.size())).value_or(0),
                       entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> files;
  for (auto& [number, path] : found) files.push_back(std::move(path));
  return files;
}

std::vector<Case> cases_of(const fs::path& folder) {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(folder))
    if (auto found = case_at(entry.path())) cases.push_back(std::move(*found));
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

std::string_view name(CaseScope scope) {
  constexpr std::array<std::string_view, 4> kNames = {"inside", "training", "strings",
                                                      "ImageDecoder"};
  return kNames[static_cast<size_t>(scope)];
}

CaseScope scope_of(std::string_view domain, std::string_view op) {
  constexpr std::array<std::string_view, 5> kTexts = {
      "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"};
  if (domain.find("training") != std::string_view::npos) return CaseScope::training;
  if (!domain.empty()) return CaseScope::inside;
  if (op == "ImageDecoder") return CaseScope::image_decoder;
  return std::find(kTexts.begin(), kTexts.end(), op) != kTexts.end() ? CaseScope::strings
                                                                     : CaseScope::inside;
}

Contents contents_of(const fs::path& model) {
  const auto file = MappedFile::open(model);
  const auto bytes = file->bytes();
  Contents contents;
  Reader(contents).model({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return contents;
}

}  // namespace hone
