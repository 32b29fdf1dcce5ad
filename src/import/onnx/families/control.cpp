#include "import/onnx/node_reader.hpp"
#include "import/onnx/proto.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::onnx {
namespace {

void import_if(NodeReader& node) {
  if (const auto condition = node.known_scalar(0)) {
    // The other branch need not even be well typed: exporters squeeze there what is not 1.
    const std::string_view taken = *condition != 0 ? "then_branch" : "else_branch";
    node.ignore(*condition != 0 ? "else_branch" : "then_branch");
    const std::vector<Value*> results = node.inline_body(taken);
    node.check(static_cast<int>(results.size()) == node.outputs(), taken, " gives ", results.size(),
               " results, wanted ", node.outputs());
    for (int i = 0; i < node.outputs(); ++i) node.give(i, results[static_cast<size_t>(i)]);
    return;
  }
  Bodies read = node.bodies({"then_branch", "else_branch"});
  std::vector<Value*> inputs{node.required(0)};
  inputs.insert(inputs.end(), read.captures.begin(), read.captures.end());
  node.emit_all(If{.then_branch = read.bodies[0], .else_branch = read.bodies[1]}, inputs);
}

/// What a body says of one of its inputs or outputs; nothing: kind none.
const StatedType& stated(const std::vector<StatedType>& types, size_t i) {
  static const StatedType kNothing;
  return i < types.size() ? types[i] : kNothing;
}

/// The body's input `i` keeps the size in every turn, as the body itself says.
bool keeps(const StatedType& in, const StatedType& out, size_t dim, const Dim& size) {
  return size.constant() && in.dims && out.dims && (*in.dims)[dim].value == size.constant() &&
         (*out.dims)[dim].value == size.constant();
}

/// The type of a state as the body's nodes may rely on it: turns may change its sizes, and its rank
/// where the body says another one. Inference finds what holds.
Type state_type(const Type& initial, const StatedType& in, const StatedType& out, size_t i) {
  if (initial.kind() == Type::Kind::sequence && initial.element().is_tensor())
    return Type::sequence(Type::unranked(initial.element().tensor().dtype));
  if (!initial.is_tensor()) return without_symbols(initial);
  const TensorType& type = initial.tensor();
  for (const StatedType* said : {&in, &out})
    if (!type.has_rank() || (said->dims && said->dims->size() != type.shape().size()))
      return Type::unranked(type.dtype);
  Dims dims;
  for (const Dim& size : type.shape())
    dims.push_back(
        keeps(in, out, dims.size(), size) ? size : Dim::symbol(cat("in", i, "_d", dims.size())));
  return Type::tensor(type.dtype, std::move(dims));
}

/// One number, of the rank that the body says.
Type number_type(DType dtype, const StatedType& said) {
  return Type::tensor(dtype, said.dims && said.dims->size() == 1 ? Dims{1} : Dims{});
}

void append(std::vector<Value*>& to, const std::vector<Value*>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

void import_loop(NodeReader& node) {
  const NodeReader::Signature said = node.signature("body");
  node.check(said.inputs.size() >= 2 && said.outputs.size() + 1 >= said.inputs.size(),
             "the body takes ", said.inputs.size(), " values and gives ", said.outputs.size());
  const size_t states = said.inputs.size() - 2;
  std::vector<Type> own{number_type(DType::i64, said.inputs[0]),
                        number_type(DType::boolean, said.inputs[1])};
  std::vector<Value*> inputs{node.input(0), node.input(1)};
  for (size_t i = 0; i < states; ++i) {
    inputs.push_back(node.required(static_cast<int>(i) + 2));
    own.push_back(
        state_type(inputs.back()->type, said.inputs[i + 2], stated(said.outputs, i + 1), i + 2));
  }
  node.check(node.inputs() <= static_cast<int>(states) + 2, "has ", node.inputs(),
             " inputs, the body takes ", states, " states");
  const Bodies read = node.bodies({"body"}, own);
  append(inputs, read.captures);
  node.emit_all(Loop{.body = read.bodies[0], .states = static_cast<int64_t>(states)}, inputs,
                static_cast<int>(said.outputs.size()) - 1);
}

/// A slice of a scanned operand, as the body takes it.
Type slice_type(NodeReader& node, const Type& type, int64_t axis, size_t i) {
  node.check(type.is_tensor(), "scans ", type, ", wanted a tensor");
  if (!type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  const auto rank = static_cast<int64_t>(dims.size());
  node.check(axis >= -rank && axis < rank, "scans axis ", axis, " of ", type);
  dims.erase(dims.begin() + (axis < 0 ? axis + rank : axis));
  for (size_t d = 0; d < dims.size(); ++d)
    if (!dims[d].is_constant()) dims[d] = Dim::symbol(cat("in", i, "_d", d));
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

/// Number of scanned operands, of states.
std::pair<size_t, size_t> scan_counts(NodeReader& node, int first) {
  const int64_t scanned = node.integer("num_scan_inputs"), operands = node.inputs() - first;
  node.check(scanned >= 1 && scanned <= operands, "scans ", scanned, " of ", operands, " operands");
  return {static_cast<size_t>(scanned), static_cast<size_t>(operands - scanned)};
}

void import_scan(NodeReader& node) {
  const NodeReader::Signature said = node.signature("body");
  const auto [scanned, states] = scan_counts(node, 0);
  Scan scan;
  scan.states = static_cast<int64_t>(states);
  scan.scanned = static_cast<int64_t>(scanned);
  scan.input_axes = node.ints("scan_input_axes");
  scan.output_axes = node.ints("scan_output_axes");
  scan.input_directions = node.ints("scan_input_directions");
  scan.output_directions = node.ints("scan_output_directions");
  node.check(scan.input_axes.empty() || scan.input_axes.size() == scanned, "scan_input_axes has ",
             scan.input_axes.size(), " entries, wanted ", scanned);
  std::vector<Value*> inputs;
  std::vector<Type> own;
  for (size_t i = 0; i < states + scanned; ++i) {
    inputs.push_back(node.required(static_cast<int>(i)));
    const Type& type = inputs.back()->type;
    if (i < states) {
      own.push_back(state_type(type, stated(said.inputs, i), stated(said.outputs, i), i));
    } else {
      const int64_t axis = scan.input_axes.empty() ? 0 : scan.input_axes[i - states];
      own.push_back(slice_type(node, type, axis, i));
    }
  }
  const Bodies read = node.bodies({"body"}, own);
  scan.body = read.bodies[0];
  append(inputs, read.captures);
  node.emit_all(std::move(scan), inputs, static_cast<int>(said.outputs.size()));
}

/// A Scan of opset 8: as the members of its batch, the first axis of all operands, see it.
struct BatchedScan {
  Scan scan;
  std::vector<Value*> inputs;  // states and scanned operands, then captures
  std::vector<Type> members;   // of the states and scanned operands
  size_t results = 0;
};

BatchedScan read_batched_scan(NodeReader& node) {
  const NodeReader::Signature said = node.signature("body");
  const auto [scanned, states] = scan_counts(node, 1);
  BatchedScan read;
  read.results = said.outputs.size();
  node.check(read.results >= states, "the body gives ", read.results, " values for ", states,
             " states");
  read.scan.states = static_cast<int64_t>(states);
  read.scan.scanned = static_cast<int64_t>(scanned);
  read.scan.input_directions = node.ints("directions");
  std::vector<Type> own;
  for (size_t i = 0; i < states + scanned; ++i) {
    read.inputs.push_back(node.required(static_cast<int>(i) + 1));
    read.members.push_back(slice_type(node, read.inputs.back()->type, 0, i));
    const Type& member = read.members.back();
    own.push_back(i < states
                      ? state_type(member, stated(said.inputs, i), stated(said.outputs, i), i)
                      : slice_type(node, member, 0, i));
  }
  const Bodies bodies = node.bodies({"body"}, own);
  read.scan.body = bodies.bodies[0];
  append(read.inputs, bodies.captures);
  return read;
}

/// Nodes of the graph that scans one member of a batch; `length`: its places that count, absent:
/// all.
class MemberGraph {
 public:
  explicit MemberGraph(std::string origin) : origin_(std::move(origin)) {}

  std::shared_ptr<Graph> of(const BatchedScan& read, bool has_length) {
    if (has_length) add_length();
    std::vector<Value*> operands;
    for (size_t i = 0; i < read.inputs.size(); ++i) {
      const bool is_capture = i >= read.members.size();
      operands.push_back(
          is_capture ? graph_->add_input(cat("capture", i), read.scan.body->inputs()[i]->type)
                     : graph_->add_input(cat("member", i), read.members[i]));
    }
    const auto states = static_cast<size_t>(read.scan.states);
    Value* whole = operands[states];
    if (has_length)
      for (size_t i = states; i < read.members.size(); ++i) operands[i] = shortened(operands[i]);
    std::vector<std::string> names;
    for (size_t i = 0; i < read.results; ++i) names.push_back(cat("result", i));
    const Node* each = graph_->add_node(read.scan, operands, names, {origin_});
    for (size_t i = 0; i < read.results; ++i) {
      Value* result = each->outputs[i];
      if (has_length && i >= states) result = lengthened(result, whole);
      graph_->add_output(cat("y", i), result);
    }
    return graph_;
  }

 private:
  Value* add(Op op, std::vector<Value*> inputs, std::string name) {
    return graph_->add_node(std::move(op), std::move(inputs), {std::move(name)}, {origin_})
        ->output();
  }

  void add_length() {
    Value* scalar = graph_->add_input("length", Type::tensor(DType::i64, Dims{}));
    length_ = add(Reshape{.shape = Dims{1}}, {scalar}, "length1");
  }

  /// The places that count.
  Value* shortened(Value* member) {
    return add(Slice{.starts = Dims{0}, .axes = Dims{0}}, {member, nullptr, length_},
               cat(member->name, "_start"));
  }

  /// As many places as `whole` has, zeros behind those that count.
  Value* lengthened(Value* result, Value* whole) {
    if (pads_ == nullptr) {
      Value* all = add(Shape{.end = 1}, {whole}, "all");
      Value* none = graph_->add_constant("none", Weight::of(Tensor::ints({0}, DType::i64)));
      Value* more = add(Sub{}, {all, length_}, "more");
      pads_ = add(Concat{}, {none, more}, "pads");
    }
    return add(Pad{.axes = Dims{0}}, {result, pads_}, cat(result->name, "_padded"));
  }

  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>("batch");
  std::string origin_;
  Value *length_ = nullptr, *pads_ = nullptr;
};

/// Opset 8: a scan over the batch around one over the places.
void import_batched_scan(NodeReader& node) {
  BatchedScan read = read_batched_scan(node);
  Value* lengths = node.input(0);
  Scan over_batch;
  over_batch.body = MemberGraph(node.origin()).of(read, lengths != nullptr);
  over_batch.scanned = static_cast<int64_t>(read.members.size()) + (lengths != nullptr ? 1 : 0);
  if (lengths != nullptr) read.inputs.insert(read.inputs.begin(), lengths);
  node.emit_all(std::move(over_batch), read.inputs, static_cast<int>(read.results));
}

}  // namespace

void register_control(Importers& importers) {
  importers.add("If", import_if);
  importers.add("Loop", import_loop);
  importers.add("Scan", import_batched_scan, 8, 8);
  importers.add("Scan", import_scan, 9);
}

}  // namespace hone::onnx
