// A network as a whole: inputs, weights, nodes in their order, outputs, and the report.

#include "import/mxnet/reader.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/hash.hpp"
#include "base/size.hpp"
#include "import/builder/stated_type.hpp"
#include "import/mxnet/input_sizes.hpp"

namespace hone::mxnet {
namespace {

const Importers& importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

class NetworkImport {
 public:
  NetworkImport(const Symbol& symbol, const WeightSource& weights, builder::ModelBuild& model,
                Graph& graph)
      : symbol_(symbol),
        weights_(weights),
        model_(model),
        frame_(model, graph, nullptr),
        results_(symbol.nodes.size()) {}

  void import() {
    const Needed needed = needed_nodes(symbol_, importers());
    sizes_ = input_sizes(symbol_, importers(), needed, weights_);
    count_results();
    find_weights();
    for (size_t i = 0; i < symbol_.nodes.size(); ++i) {
      if (!needed.nodes[i]) continue;
      const Node& node = symbol_.nodes[i];
      model_.count_node(frame_.graph());
      const auto tell = [&](const Error& error) { report(node, error); };
      if (node.is_variable()) model_.attempt([&] { add_variable(i); }, tell);
      else model_.attempt([&] { add_node(i); }, tell);
    }
    add_outputs();
  }

 private:
  /// Of each node as many as others read of it; there is no list of them in the file.
  void count_results() {
    constexpr size_t kMostOfOne = 4096, kMost = 1'000'000;
    size_t all = 0;
    const auto count = [&](const Entry& entry) {
      const Node& node = symbol_.nodes[entry.node];
      auto& values = results_[entry.node];
      if (entry.output < values.size()) return;
      all += entry.output + 1 - values.size();
      const bool exists = node.is_variable() ? entry.output == 0 : entry.output < kMostOfOne;
      check(exists && all <= kMost, Code::invalid_model, "result ", entry.output, " of node ",
            builder::quoted(node.name), " is read, which does not have so many");
      values.resize(entry.output + 1);
    };
    for (const Node& node : symbol_.nodes)
      for (const Entry& input : node.inputs) count(input);
    for (const Entry& head : symbol_.heads) count(head);
  }

  /// Which variables can only be weights: the network has no inputs there.
  void find_weights() {
    is_weight_.resize(symbol_.nodes.size());
    for (const Node& node : symbol_.nodes) {
      const Importer* importer = importers().find(node.op);
      if (importer == nullptr) continue;
      for (size_t k = importer->weights; k < node.inputs.size(); ++k)
        is_weight_[node.inputs[k].node] = true;
    }
  }

  void add_variable(size_t i) {
    const Node& node = symbol_.nodes[i];
    Value*& value = results_[i].at(0);
    if (const auto* stored = weights_.stored ? weights_.stored->find(node.name) : nullptr) {
      value = frame_.constant(node.name, *stored);
      return;
    }
    if (is_weight_[i]) return void(value = missing_weight(i));
    builder::StatedType stated{Type::Kind::tensor, type_of(node), std::nullopt, {}};
    if (!sizes_[i].empty()) {
      const int most = model_.options.limits.rank;
      check(sizes_[i].size() <= static_cast<size_t>(most), Code::invalid_model, "it has ",
            sizes_[i].size(), " dimensions (at most ", most, ")");
      stated.dims.emplace();
      for (const int64_t size : sizes_[i]) {
        stated.dims->emplace_back();
        if (size > 0) stated.dims->back().value = size;
      }
    }
    const Type type = builder::OpenType(node.name, symbols_).of(stated);
    value = frame_.graph().add_input(node.name, type);
  }

  /// "__dtype__" numbers types as files of tensors do.
  static DType type_of(const Node& variable) {
    const auto found = variable.attributes.find("__dtype__");
    const auto number =
        found == variable.attributes.end() ? std::nullopt : parse_int(found->second);
    if (!number || *number < 0) return DType::f32;
    return stored_type(*number).value_or(DType::f32);
  }

  /// From the seed, where the description states sizes, as Gluon's does.
  Value* missing_weight(size_t i) {
    const Node& node = symbol_.nodes[i];
    const auto& sizes = sizes_[i];
    check(weights_.stored == nullptr, Code::invalid_model, "a weight that ",
          weights_.stored ? weights_.stored->file().name : std::string(),
          " does not store: does it belong to this network? --weights names another file");
    const ImportOptions& options = model_.options;
    check(options.random_weights.has_value(), Code::io, weights_.absence);
    const bool known = !sizes.empty() && std::count(sizes.begin(), sizes.end(), 0) == 0;
    check(
        known, Code::unsupported,
        "a weight whose sizes are in the file of weights alone, so it cannot be made from a seed");
    element_count(sizes);
    return frame_.constant(
        node.name,
        Weight::random(DType::f32, sizes, hash_text(node.name).low ^ *options.random_weights,
                       options.random_gain));
  }

  void add_node(size_t i) {
    const Node& node = symbol_.nodes[i];
    const Importer* importer = importers().find(node.op);
    if (importer == nullptr) {
      report(node, Error(Code::unsupported, "not among the operators that Hone runs"),
             advice(node.op));
      throw builder::FailedBefore();
    }
    std::vector<Value*> inputs;
    for (size_t k = 0; k < std::min(node.inputs.size(), importer->labels); ++k) {
      const Entry& entry = node.inputs[k];
      Value* value = results_[entry.node][entry.output];
      if (value == nullptr) throw builder::FailedBefore();
      inputs.push_back(value);
    }
    std::vector<std::string> names;
    const size_t count = results_[i].size();
    for (size_t k = 0; k < count; ++k)
      names.push_back(count == 1 ? node.name : cat(node.name, "_output", uint64_t{k}));
    NodeReader reader(frame_, {node.name, node.op, std::move(inputs), std::move(names)}, node,
                      weights_);
    importer->run(reader);
    if (reader.failed()) throw builder::FailedBefore();
    for (const std::string& name : reader.unread())
      reader.unsupported("the attribute ", shown(name), " is not known");
    for (size_t k = 0; k < count; ++k) {
      results_[i][k] = reader.bound(static_cast<int>(k));
      check(results_[i][k] != nullptr, Code::invalid_model, "has no result ", uint64_t{k});
    }
  }

  void add_outputs() {
    if (symbol_.heads.empty())
      model_.report_place("the network", Error(Code::invalid_model, "it has no outputs"));
    std::map<std::string, Value*> given;
    for (const Entry& head : symbol_.heads) {
      Value* value = results_[head.node][head.output];
      if (value == nullptr) continue;
      const Node& node = symbol_.nodes[head.node];
      const bool alone = results_[head.node].size() == 1;
      std::string name = alone ? node.name : cat(node.name, "_output", head.output);
      // Nodes may have one name; what is named twice is given once.
      auto [place, is_new] = given.emplace(name, value);
      while (!is_new && place->second != value)
        std::tie(place, is_new) = given.emplace(name += ".1", value);
      if (is_new) frame_.graph().add_output(name, value);
    }
  }

  static std::string advice(const std::string& op) {
    if (op == "Custom") return "its code is outside of the file: export the network without it";
    if (op == "_foreach" || op == "_while_loop" || op == "_cond")
      return "control flow: unroll it before the export";
    const auto names = importers().names();
    const auto meant = closest(op, names);
    return meant ? cat("is it ", *meant, ", misspelt?") : std::string();
  }

  void report(const Node& node, const Error& error, std::string suggestion = {}) {
    if (node.is_variable())
      return model_.report_place(cat("variable ", builder::quoted(node.name)), error);
    model_.report.add(builder::problem_of(node.name, shown(node.op), error, std::move(suggestion)));
  }

  const Symbol& symbol_;
  const WeightSource& weights_;
  builder::ModelBuild& model_;
  builder::Frame frame_;
  builder::SymbolNames symbols_;
  std::vector<std::vector<Value*>> results_;  // of each node; null: it failed, which is told
  std::vector<std::vector<int64_t>> sizes_;   // of each variable
  std::vector<bool> is_weight_;
};

}  // namespace

Imported import_network(std::string_view text, const std::string& file_name,
                        std::optional<builder::ModelFile> weights, const std::string& absence,
                        const ImportOptions& options) try {
  const Symbol symbol = read_symbol(text, file_name, options.limits);
  std::optional<Stored> stored;
  if (weights) stored.emplace(*std::move(weights), options.limits);
  const WeightSource source{stored ? &*stored : nullptr, absence};
  Imported result;
  result.format = "mxnet";
  if (!symbol.version.empty()) result.producer = cat("mxnet ", symbol.version);
  auto made = std::make_unique<Graph>("network");
  const builder::ModelFile none;
  builder::ModelBuild model{options, stored ? stored->file() : none,
                            options.limits.made_name_bytes + 4 * text.size()};
  NetworkImport(symbol, source, model, *made).import();
  if (!model.report.empty())
    throw model.report.error({file_name, result.version, result.producer, model.nodes});
  builder::drop_unused_constants(*made);
  result.graph = std::move(made);
  return result;
} catch (const builder::BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file_name, ")"));
} catch (const Error& error) {
  if (error.message().find(file_name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone::mxnet
