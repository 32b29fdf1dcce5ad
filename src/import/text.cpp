#include "import/text.hpp"

#include <charconv>
#include <map>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/size.hpp"
#include "import/report.hpp"
#include "ir/change_bodies.hpp"
#include "ir/inference.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone {
namespace {

/// The contents of constants that the text only names, from where it says that they are.
class Contents {
 public:
  Contents(const std::filesystem::path& folder, const ImportOptions& options)
      : folder_(folder), options_(options) {}

  /// Whether something was found for the graph or a body.
  bool find_all(Graph& graph) {
    bool any = false;
    for (Value* constant : graph.constants()) {
      if (!constant->weight->is_absent()) continue;
      constant->weight = find(constant->name, *constant->weight);
      any = true;
    }
    for (Node& node : graph.nodes()) {
      const auto changed = change_bodies(node.op, [this](Graph& body) { return find_all(body); });
      if (!changed) continue;
      graph.set_op(&node, *changed);
      any = true;
    }
    return any;
  }

 private:
  /// "net.graph.data+0x40": a file below the text's folder, and where in it.
  std::shared_ptr<const Weight> find(const std::string& name, const Weight& named) {
    const std::string& source = named.source();
    const size_t plus = source.rfind("+0x");
    uint64_t offset = 0;
    const char *digits = source.data() + plus + 3, *end = source.data() + source.size();
    const bool is_place = plus != std::string::npos && plus > 0 &&
                          std::from_chars(digits, end, offset, 16).ptr == end && digits != end;
    const auto file = is_place ? open(source.substr(0, plus)) : nullptr;
    if (file == nullptr) {
      check(options_.random_weights.has_value(), Code::io, "the contents of @", shown(name),
            " are not here: the text says ", source.empty() ? "nothing" : shown(source),
            " (--random-weights makes others)");
      return Weight::random(named.dtype(), named.shape(),
                            hash_text(name).low ^ *options_.random_weights, options_.random_gain);
    }
    check(named.dtype() != DType::string, Code::unsupported, "@", shown(name),
          " has strings, which are not read from ", shown(source));
    const auto bytes = file->bytes();
    check(offset <= bytes.size() && named.bytes() <= bytes.size() - offset, Code::invalid_model,
          "@", shown(name), " has ", named.bytes(), " bytes at ", shown(source), ", the file has ",
          bytes.size());
    auto made = Weight::of(
        Tensor::borrow(named.dtype(), named.shape(), bytes.subspan(offset, named.bytes()), file),
        source);
    check(named.hash() == Hash{} || made->hash() == named.hash(), Code::invalid_model, "@",
          shown(name), " at ", shown(source), " has other contents than the text was written with");
    return made;
  }

  /// Null: it is absent, and weights are to be made from a seed.
  std::shared_ptr<const MappedFile> open(const std::string& name) {
    const auto [place, is_new] = files_.emplace(name, nullptr);
    if (!is_new) return place->second;
    std::error_code error;
    const bool there =
        std::filesystem::exists(std::filesystem::symlink_status(folder_ / name, error));
    if (there || !options_.random_weights)
      place->second =
          MappedFile::open_below(folder_, name, options_.follow_links ? Links::all : Links::hub);
    return place->second;
  }

  const std::filesystem::path& folder_;
  const ImportOptions& options_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

int64_t nodes_of(const Graph& graph) {
  auto count = static_cast<int64_t>(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    const FieldList fields = node.op.fields();
    for (const Field& field : fields.list())
      if (const auto* body = std::get_if<Body*>(&field.ref); body != nullptr && **body != nullptr)
        count += nodes_of(***body);
  }
  return count;
}

/// A text says everything that it asks for; what is left to bound is what is computed for it.
void check_limits(const Graph& graph, const Limits& limits) {
  const int64_t nodes = nodes_of(graph);
  const auto facts = static_cast<int64_t>(graph.requirements().size());
  const auto ports = static_cast<int64_t>(graph.inputs().size() + graph.outputs().size());
  check(nodes <= limits.nodes, Code::invalid_model, nodes, " nodes, at most ", limits.nodes);
  check(facts <= limits.requirements, Code::invalid_model, facts, " facts about sizes, at most ",
        limits.requirements);
  check(ports <= limits.interface, Code::invalid_model, ports, " inputs and outputs, at most ",
        limits.interface);
}

}  // namespace

bool looks_like_text(std::string_view text) {
  while (text.starts_with('#') || text.starts_with('\n'))
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.starts_with("graph ");
}

Imported import_text(std::string_view text, const std::filesystem::path& folder,
                     const ImportOptions& options, const std::string& file_name) try {
  Imported made;
  made.format = "graph text";
  made.graph = parse(text, all_ops());
  check_limits(*made.graph, options.limits);
  (void)Contents(folder, options).find_all(*made.graph);
  verify(*made.graph, "reading");
  infer(*made.graph);  // contents that are known are not in the text
  return made;
} catch (const Error& error) {
  const Code code = error.code() == Code::internal ? Code::invalid_model : error.code();
  throw Error(code, cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone
