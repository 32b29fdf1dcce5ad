#include "import/tensorflow/main_import.hpp"

#include <algorithm>
#include <set>

#include "import/tensorflow/input_sizes.hpp"
#include "ops/common/complex.hpp"

namespace hone::tensorflow {
namespace {

/// Samples a second of a sound whose file is decoded by the graph: what is known of all networks
/// that hear commands. The file, which would tell, is decoded by the caller.
constexpr int kSampleRate = 16000;

bool is_placeholder(std::string_view op) { return op == "Placeholder" || op == "PlaceholderV2"; }

bool tells_nothing(const NodeDef& node) {
  static constexpr std::string_view kOps[] = {
      "Const",      "Placeholder", "PlaceholderV2",     "PlaceholderWithDefault",
      "NoOp",       "Assert",      "VarHandleOp",       "Variable",
      "VariableV2", "Print",       "PrintV2",           "AssignVariableOp",
      "Assign",     "SaveV2",      "MergeV2Checkpoints"};
  return std::find(std::begin(kOps), std::end(kOps), node.op) != std::end(kOps) ||
         node.op.ends_with("Summary");
}

}  // namespace

std::vector<std::string_view> unread_results(const GraphDef& graph) {
  std::set<std::string_view> read, awaited;
  for (const NodeDef& node : graph.nodes)
    for (const std::string_view input : node.inputs) try {
        const Edge edge = parse_edge(input);
        (edge.is_control ? awaited : read).insert(edge.node);
      } catch (const Error&) {  // told when the node is imported
      }
  std::vector<std::string_view> names, unless_awaited;
  for (const NodeDef& node : graph.nodes) {
    if (read.contains(node.name) || tells_nothing(node)) continue;
    names.push_back(node.name);
    if (!awaited.contains(node.name)) unless_awaited.push_back(node.name);
  }
  return unless_awaited.empty() ? names : unless_awaited;
}

MainImport::MainImport(ModelContext& context, builder::Frame& frame, const GraphFile& file)
    : context_(context), frame_(frame), file_(file), graph_(context, frame, file.graph, "", 0) {}

Item MainImport::input(std::string_view name, int64_t type, const StatedShape& shape) {
  Item made = Item::failed();
  frame_.model().attempt(
      [&] {
        const auto dtype = dtype_of(type);
        check(dtype.has_value() && *dtype != DType::string, Code::unsupported,
              "its elements are of ", type_name(type));
        check(shape.has_value(), Code::unsupported, "nothing tells how many axes it has: --shape ",
              shown(name), "=1x224x224x3 says so");
        const bool complex = is_complex(*dtype);
        std::vector<int64_t> sizes = *shape;
        if (complex) sizes.push_back(2);
        builder::StatedType stated{Type::Kind::tensor,
                                   complex ? part_type(*dtype) : *dtype,
                                   std::vector<builder::StatedDim>(sizes.size()),
                                   {}};
        for (size_t i = 0; i < sizes.size(); ++i)
          if (sizes[i] >= 0) (*stated.dims)[i].value = sizes[i];
        const Type full = builder::OpenType(name, symbols_).of(stated);
        made = Item::of(frame_.graph().add_input(name, full), frame_);
        if (complex) made.kind = Item::Kind::pairs;
      },
      [&](const Error& error) {
        frame_.model().report_place(cat("input ", builder::quoted(name)), error);
      });
  return made;
}

void MainImport::add_input(std::string_view name, const TensorInfo& info) {
  const Edge edge = parse_edge(info.name);
  check(edge.index == 0, Code::unsupported, "an input that is result ", edge.index, " of ",
        builder::quoted(edge.node));
  StatedShape shape = info.shape;
  const ImportOptions& options = frame_.model().options;
  const auto given = options.shapes.find(name);
  if (!shape && given != options.shapes.end()) shape = without_pairs(given->second, info.type);
  const NodeIndex& index = context_.index(file_.graph);
  if (const auto node = index.find(edge.node); !shape && node != index.end())
    shape = sizes_of_input(file_.graph, index, file_.graph.nodes[node->second], options,
                           file_.producer);
  graph_.define(edge.node, {input(name, info.type, shape)});
}

/// The samples of a sound stand for the file that the graph would decode.
void MainImport::add_sound(const NodeDef& decoder) {
  const Limits& limits = frame_.model().options.limits;
  const auto number = [&](std::string_view name) {
    const auto message = decoder.attribute(name);
    const int64_t value = message ? decode_attribute(*message, limits).integer.value_or(-1) : -1;
    return value > 0 ? value : -1;
  };
  const std::vector<int64_t> sizes{number("desired_samples"), number("desired_channels")};
  const Item samples = input(decoder.name, 1, sizes);
  Value* rate =
      frame_.constant(cat(decoder.name, ":1"), Weight::of(Tensor::scalar(DType::i32, kSampleRate)));
  graph_.define(decoder.name, {samples, Item::of(rate, frame_)});
}

void MainImport::add_placeholder(const NodeDef& placeholder) {
  const ImportOptions& options = frame_.model().options;
  const auto message = placeholder.attribute("dtype");
  const int64_t type = message ? decode_attribute(*message, options.limits).type.value_or(0) : 0;
  const StatedShape sizes = sizes_of_input(file_.graph, context_.index(file_.graph), placeholder,
                                           options, file_.producer);
  graph_.define(placeholder.name, {input(placeholder.name, type, sizes)});
}

void MainImport::import(const std::vector<std::pair<std::string, std::string_view>>& outputs) {
  std::vector<std::string_view> edges;
  for (const auto& [name, edge] : outputs) edges.push_back(edge);
  for (const uint32_t i : graph_.needed(edges))
    if (file_.graph.nodes[i].op == "DecodeWav") add_sound(file_.graph.nodes[i]);
  for (const uint32_t i : graph_.needed(edges))
    if (is_placeholder(file_.graph.nodes[i].op)) add_placeholder(file_.graph.nodes[i]);
  builder::ModelBuild& model = frame_.model();
  if (outputs.empty())
    model.report_place("the graph", Error(Code::invalid_model, "it has no outputs"));
  std::vector<Item> items;
  const auto tell = [&](const Error& error) { model.report_place("the outputs", error); };
  if (!model.attempt([&] { items = graph_.import(edges); }, tell)) return;
  for (size_t i = 0; i < outputs.size(); ++i) add_output(outputs[i].first, items[i]);
}

void MainImport::add_output(const std::string& name, const Item& given) {
  if (given.kind == Item::Kind::failed) return;
  Item item = given;
  if (item.kind == Item::Kind::pairs) item.kind = Item::Kind::value;
  if (Value* value = graph_.value_of(item)) return frame_.graph().add_output(name, value);
  frame_.model().report_place(
      cat("output ", builder::quoted(name)),
      Error(Code::unsupported, item.kind == Item::Kind::dead ? "it is of a branch that is not taken"
                                                             : "it is no tensor"));
}

}  // namespace hone::tensorflow
