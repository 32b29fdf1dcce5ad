// SequenceMap as a Loop that takes each element out, runs the body and puts the results into new
// sequences.

#include "import/onnx/node_reader.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/sequence.hpp"

namespace hone::onnx {
namespace {

bool is_sequence(const Value* value) { return value->type.kind() == Type::Kind::sequence; }

/// The body of the loop: `body` on the elements at the turn's number.
Body body_of_turn(NodeReader& node, const Graph& body, const std::vector<Value*>& mapped,
                  const std::vector<Value*>& captures, const std::vector<Value*>& made) {
  auto turn = std::make_shared<Graph>("map");
  const Origins origin{node.origin()};
  Value* number = turn->add_input("turn", Type::tensor(DType::i64, {}));
  Value* go_on = turn->add_input("go_on", Type::tensor(DType::boolean, {}));
  std::vector<Value*> before, inputs;
  for (const Value* value : made) before.push_back(turn->add_input(value->name, value->type));
  for (const Value* value : mapped) {
    Value* whole = turn->add_input(value->name, without_symbols(value->type));
    inputs.push_back(is_sequence(value) ? turn->add_node(SequenceAt{}, {whole, number},
                                                         {cat(value->name, ".at")}, origin)
                                              ->output()
                                        : whole);
  }
  for (size_t i = 0; i < captures.size(); ++i)
    inputs.push_back(turn->add_input(captures[i]->name, body.inputs()[mapped.size() + i]->type));
  const std::vector<Value*> results = inline_body(*turn, body, inputs);
  turn->add_output("go_on", go_on);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string name = cat(before[i]->name, ".next");
    turn->add_output(
        name, turn->add_node(SequenceInsert{}, {before[i], results[i]}, {name}, origin)->output());
  }
  return turn;
}

void import_sequence_map(NodeReader& node) {
  std::vector<Value*> mapped;
  std::vector<Type> own;
  for (int i = 0; i < node.inputs(); ++i) {
    mapped.push_back(node.required(i));
    const Type& type = mapped.back()->type;
    own.push_back(without_symbols(is_sequence(mapped.back()) ? type.element() : type));
  }
  node.check(!mapped.empty() && is_sequence(mapped[0]), "input 0 is no sequence");
  const Bodies read = node.bodies({"body"}, own);
  const Graph& body = *read.bodies[0];
  node.check(static_cast<int>(body.outputs().size()) >= node.outputs(), "the body gives ",
             body.outputs().size(), " values, wanted ", node.outputs());
  std::vector<Value*> inputs{node.intermediate(SequenceLength{}, {mapped[0]}, "length"), nullptr};
  std::vector<Value*> made;
  for (size_t i = 0; i < body.outputs().size(); ++i) {
    const Type& type = body.outputs()[i].value->type;
    node.check(type.is_tensor(), "the body gives ", type, ", wanted tensors");
    made.push_back(
        node.intermediate(SequenceEmpty{.dtype = type.tensor().dtype}, {}, cat("empty", i)));
  }
  const auto add = [&](const std::vector<Value*>& values) {
    inputs.insert(inputs.end(), values.begin(), values.end());
  };
  add(made), add(mapped), add(read.captures);
  const Body turn = body_of_turn(node, body, mapped, read.captures, made);
  node.emit_all(Loop{.body = turn, .states = static_cast<int64_t>(made.size())}, inputs,
                static_cast<int>(made.size()));
}

}  // namespace

void register_sequence_map(Importers& importers) {
  importers.add("SequenceMap", import_sequence_map);
}

}  // namespace hone::onnx
