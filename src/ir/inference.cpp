#include "ir/inference.hpp"

#include <algorithm>
#include <set>

#include "base/hash.hpp"
#include "base/size.hpp"
#include "ir/dim/dim_facts.hpp"
#include "ir/dim/dim_terms.hpp"
#include "ir/dim/sizes.hpp"

namespace hone {

const Type& Inference::type(int input) const {
  const Value* value = node_.input(static_cast<size_t>(input));
  check(value != nullptr, "operand ", input, " is missing");
  return value->type;
}

const TensorType& Inference::tensor(int input) const {
  const Type& found = type(input);
  check(found.is_tensor(), "operand ", input, " is ", found, ", wanted a tensor");
  return found.tensor();
}

namespace {

/// Contents of such a tensor are kept. One without elements may still have an endless dimension.
bool is_small(const std::vector<int64_t>& shape) {
  return try_element_count(shape).value_or(kKnownElements + 1) <= kKnownElements &&
         std::all_of(shape.begin(), shape.end(),
                     [](int64_t size) { return size <= kKnownElements; });
}

/// Contents of a small integer constant as dims, kept on the value for the next reader.
void learn_contents(Value& value) {
  const Weight& weight = *value.weight;
  if (!is_small(weight.shape()) || weight.is_random() || weight.is_absent()) return;
  if (!is_integer(weight.dtype()) && weight.dtype() != DType::boolean) return;
  Dims contents;
  for (const int64_t element : weight.tensor().integers()) contents.emplace_back(element);
  value.known = std::move(contents);
}

}  // namespace

const Dims* Inference::known(int input) const {
  Value* value = node_.input(static_cast<size_t>(input));
  if (value == nullptr) return nullptr;
  if (!value->known && value->is_constant()) learn_contents(*value);
  return value->known ? &*value->known : nullptr;
}

const Tensor* Inference::constant(int input) const {
  const Value* value = node_.input(static_cast<size_t>(input));
  if (value == nullptr || !value->is_constant()) return nullptr;
  if (value->weight->is_random() || value->weight->is_absent()) return nullptr;
  return &value->weight->tensor();
}

const Dims* Inference::parameter(const std::optional<Dims>& field, int operand) const {
  return field ? &*field : known(operand);
}

namespace {

bool has_symbol(const Type& type, std::string_view name) {
  if (type.is_tensor() && !type.tensor().has_rank()) return false;
  if (type.is_tensor())
    return std::any_of(type.tensor().shape().begin(), type.tensor().shape().end(),
                       [&](const Dim& dim) {
                         if (dim.is_constant()) return false;
                         if (const auto symbol = dim.as_symbol()) return *symbol == name;
                         std::set<std::string, std::less<>> names;
                         dim.collect_symbols(names);
                         return names.contains(name);
                       });
  std::set<std::string, std::less<>> names;
  collect_symbols(type, names);
  return names.contains(name);
}

/// Parts of the longest term's factors.
int longest_term(const Dim& dim) {
  int longest = 0;
  for (const DimTerm& term : DimAccess::terms(dim)) {
    int parts = 0;
    for (const DimAtomRef& factor : term.factors) parts += factor->size;
    longest = std::max(longest, parts);
  }
  return longest;
}

/// The product of these sizes is certainly not too long: so many terms and parts it has at most.
bool surely_fits(const Dims& dims) {
  size_t terms = 1;
  int parts = 2;  // a coefficient
  for (const Dim& dim : dims) {
    terms *= DimAccess::terms(dim).size() + (DimAccess::offset(dim) != 0 ? 1 : 0);
    if (terms > kDimTerms) return false;
    parts += longest_term(dim);
  }
  return static_cast<int>(terms) * parts <= kDimSize && parts <= static_cast<int>(kDimFactors);
}

/// The bytes of a tensor of these sizes have room in a dimension, whatever its elements are.
bool bytes_fit(const Dims& dims) {
  constexpr int64_t kMostBits = 128;
  if (surely_fits(dims)) return true;
  try {
    return !(product(dims) * Dim(kMostBits)).is_too_long();
  } catch (const Error&) {  // no number of bytes
    return true;
  }
}

bool is_too_long(const Type& type) {
  if (type.is_none()) return false;
  if (!type.is_tensor()) return is_too_long(type.element());
  return type.tensor().has_rank() &&
         std::any_of(type.tensor().shape().begin(), type.tensor().shape().end(),
                     [](const Dim& dim) { return dim.is_too_long(); });
}

}  // namespace

std::string name_in_symbols(const std::string& value_name) {
  constexpr size_t kMost = 256;
  if (value_name.size() <= kMost) return value_name;
  return cat(value_name.substr(0, kMost / 2), "_", hash_text(value_name));
}

Type Inference::written_out(int output, Type type) {
  if (!type.is_tensor()) return is_too_long(type) ? without_symbols(type) : type;
  if (!type.tensor().has_rank()) return type;
  const Dims& sizes = type.tensor().shape();
  if (!is_too_long(type) && bytes_fit(sizes)) return type;
  Dims dims = sizes;
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i].is_too_long()) dims[i] = fresh(output, static_cast<int>(i));
  while (!bytes_fit(dims)) {
    const auto longest = std::max_element(dims.begin(), dims.end(), [](const Dim& a, const Dim& b) {
      return a.complexity() < b.complexity();
    });
    if (longest->is_constant() || longest->as_symbol()) break;  // of a rank that nobody has
    *longest = fresh(output, static_cast<int>(longest - dims.begin()));
  }
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

namespace {

/// What the requirements decide of sizes. `of_inputs`: symbols of the graph's inputs. Sizes of
/// which only running tells stay: a requirement of such a size may go with the node that tells it.
template <class OfInputs>
void settle(Dims& sizes, const Graph& graph, OfInputs of_inputs) {
  const auto counts = [&](const Dim& dim) {
    SymbolNames names;
    dim.collect_symbols(names);
    return std::all_of(names.begin(), names.end(), of_inputs);
  };
  const SizeFacts facts = size_facts(graph, counts);
  for (Dim& size : sizes)
    if (has_extremum(size) && counts(size)) size = settled(size, facts);
}

}  // namespace

void Inference::set(int output, Type type) {
  if (!wants(output)) return;
  if (type.is_tensor() && type.tensor().has_rank() &&
      std::ranges::any_of(type.tensor().shape(), has_extremum)) {
    Dims sizes = type.tensor().shape();
    settle(sizes, graph_, [&](const std::string& name) { return is_input_symbol(name); });
    type = Type::tensor(type.tensor().dtype, std::move(sizes));
  }
  type = written_out(output, std::move(type));
  node_.outputs[static_cast<size_t>(output)]->type = std::move(type);
}

void Inference::set_known(int output, Dims contents) {
  if (!wants(output) || contents.size() > static_cast<size_t>(kKnownElements)) return;
  Value* value = node_.outputs[static_cast<size_t>(output)];
  const auto shape = value->type.is_tensor() ? value->type.tensor().concrete() : std::nullopt;
  if (!shape || !is_small(*shape) || try_element_count(*shape) != std::ssize(contents)) return;
  const bool narrow = value->type.tensor().dtype == DType::i32;
  const auto wraps = [](const Dim& dim) {
    const auto number = dim.constant();
    return number && *number != static_cast<int32_t>(*number);
  };
  if (narrow && std::any_of(contents.begin(), contents.end(), wraps)) return;
  if (std::any_of(contents.begin(), contents.end(), [](const Dim& d) { return d.is_too_long(); }))
    return;
  if (std::ranges::any_of(contents, has_extremum))
    settle(contents, graph_, [&](const std::string& name) { return is_input_symbol(name); });
  value->known = std::move(contents);
}

bool Inference::is_input_symbol(std::string_view name) const {
  if (input_symbols_ != nullptr) return input_symbols_->contains(name);
  return std::any_of(graph_.inputs().begin(), graph_.inputs().end(),
                     [&](const Value* input) { return has_symbol(input->type, name); });
}

Dim Inference::fresh(int output, int dim) {
  const Value* value = node_.output(static_cast<size_t>(output));
  const auto place = static_cast<size_t>(dim);
  if (value != nullptr && value->type.is_tensor() && value->type.tensor().has_rank() &&
      place < value->type.tensor().shape().size()) {
    const Dim& before = value->type.tensor().shape()[place];
    const auto symbol = before.as_symbol();
    if (symbol && !is_input_symbol(*symbol)) return before;
  }
  const auto named = std::find_if(node_.outputs.begin(), node_.outputs.end(),
                                  [](const Value* other) { return other != nullptr; });
  std::string name = value != nullptr
                         ? cat(name_in_symbols(value->name), "_d", dim)
                         : cat(name_in_symbols((*named)->name), "_r", output, "_d", dim);
  while (is_input_symbol(name)) name += '_';
  return Dim::symbol(name);
}

Dims Inference::fresh_dims(int output, int rank) {
  Dims dims;
  for (int i = 0; i < rank; ++i) dims.push_back(fresh(output, i));
  return dims;
}

const Ranges& Inference::ranges() const { return graph_.ranges(); }

void Inference::require_equal(const Dim& a, const Dim& b) {
  if (a.is_too_long() || b.is_too_long()) return;
  const auto equal = provably_equal(a, b, ranges());
  if (equal) return check(*equal, "sizes ", a, " and ", b, " differ, wanted the same");
  graph_.add_requirement({Require::Relation::equal, a, b});
}

void Inference::require_less_equal(const Dim& a, const Dim& b) {
  if (a.is_too_long() || b.is_too_long()) return;
  const auto less = provably_less_equal(a, b, ranges());
  if (less) return check(*less, "size ", a, " is larger than ", b);
  graph_.add_requirement({Require::Relation::less_equal, a, b});
}

Dim Inference::same(const Dim& a, const Dim& b) {
  require_equal(a, b);
  return b.complexity() < a.complexity() ? b : a;
}

Dim Inference::broadcast_dim(const Dim& a, const Dim& b) {
  if (a.is_too_long() || b.is_too_long()) {  // evaluation finds out whether they fit
    for (const Dim& dim : {a, b})
      if (dim.is_constant() && !dim.is(1)) return dim;
    return Dim::too_long();
  }
  if (a == b || b.is(1)) return a;
  if (a.is(1)) return b;
  // A symbol that a requirement found to be 1.
  if (provably_equal(a, 1, ranges()) == true) return b;
  if (provably_equal(b, 1, ranges()) == true) return a;
  const auto equal = graph_.has_requirement({Require::Relation::equal, a, b})
                         ? std::optional(true)
                         : provably_equal(a, b, ranges());
  const bool a_is_wider = provably_equal(a, 1, ranges()) == false;
  const bool b_is_wider = provably_equal(b, 1, ranges()) == false;
  if (a_is_wider && b_is_wider) {
    check(equal != false, "sizes ", a, " and ", b, " do not broadcast");
    return same(a, b);
  }
  if (equal == true) return b.complexity() < a.complexity() ? b : a;
  if (equal == false && (a_is_wider || b_is_wider)) {
    require_equal(a_is_wider ? b : a, 1);
    return a_is_wider ? a : b;
  }
  if (order_in_broadcast(a, b)) return same(a, b);
  // One of several sizes that broadcast stands for all: where all are equal it is equal to each.
  const Dim of_a = first_of_broadcast(a), of_b = first_of_broadcast(b);
  const auto both = a_is_wider   ? a
                    : b_is_wider ? b
                                 : attempt([&] {
                                     return hone::broadcast({a, b});
                                   });
  require({Require::Relation::broadcast, of_a, of_b});
  return both.value_or(Dim::too_long());
}

void Inference::broadcasts_to(const Dim& own, const Dim& wanted) {
  if (own.is_too_long() || wanted.is_too_long()) return;
  if (own == wanted || provably_equal(own, 1, ranges()) == true) return;
  const auto equal = provably_equal(own, wanted, ranges());
  const bool is_one = provably_equal(wanted, 1, ranges()) == true;
  if (equal == false && provably_equal(own, 1, ranges()) == false) require_equal(wanted, own);
  else if (is_one || equal == false) require_equal(own, 1);
  else if (provably_equal(own, 1, ranges()) == false) require_equal(own, wanted);
  else if (!equal) require({Require::Relation::broadcast, own, first_of_broadcast(wanted)});
}

std::optional<Dims> Inference::broadcast(const std::vector<const TensorType*>& types) {
  size_t rank = 0;
  for (const TensorType* type : types) {
    if (!type->has_rank()) return std::nullopt;
    rank = std::max(rank, type->shape().size());
  }
  Dims result(rank, Dim(1)), first(rank, Dim(1));
  for (const TensorType* type : types) {
    const Dims& dims = type->shape();
    const size_t shift = rank - dims.size();
    for (size_t i = 0; i < dims.size(); ++i) {
      Dim& size = result[shift + i];
      // What cannot be written together is told of each and the first.
      if (size.is_too_long()) broadcast_dim(first[shift + i], dims[i]);
      size = broadcast_dim(size, dims[i]);
      if (first[shift + i].is(1)) first[shift + i] = dims[i];
    }
  }
  return result;
}

int Inference::axis(int64_t axis, int rank) const {
  check(axis >= -rank && axis < rank, "axis ", axis, " is out of range for rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

namespace {

void check_arity(const Node& node, Inference& inference) {
  const OpClass& op_class = node.op.op_class();
  const auto inputs = static_cast<int>(node.inputs.size());
  const auto outputs = static_cast<int>(node.outputs.size());
  inference.check(inputs <= op_class.inputs.most, "has ", inputs, " operands, takes at most ",
                  op_class.inputs.most);
  for (int i = 0; i < op_class.inputs.least; ++i)
    inference.check(inference.has(i), "operand ", i, " is missing");
  inference.check(outputs >= op_class.outputs.least && outputs <= op_class.outputs.most, "has ",
                  outputs, " results, gives ", op_class.outputs.least, " to ",
                  op_class.outputs.most);
  for (const Parameter& parameter : op_class.parameters)
    if (inference.has(parameter.operand))
      inference.check(is_integer(inference.dtype(parameter.operand)), "its ", parameter.field,
                      " are ", inference.tensor(parameter.operand), ", wanted integers");
}

}  // namespace

namespace {

/// Contents are worth knowing, never needed: where they pass what a Dim can hold (the tensor's own
/// arithmetic wraps there) they are unknown.
void infer_contents(const Op& op, Inference& inference, Node& node) {
  const bool kept = std::any_of(node.outputs.begin(), node.outputs.end(), [](const Value* output) {
    const auto shape = output != nullptr && output->type.is_tensor()
                           ? output->type.tensor().concrete()
                           : std::nullopt;
    return shape && is_small(*shape);
  });
  if (!kept) return;
  try {
    op.op_class().dims(op.data(), inference);
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    for (Value* output : node.outputs)
      if (output != nullptr) output->known.reset();
  }
}

}  // namespace

void infer(Graph& graph, Node& node, const SymbolNames* input_symbols) {
  Inference inference(graph, node, input_symbols);
  try {
    check_arity(node, inference);
    for (Value* output : node.outputs)
      if (output != nullptr) output->known.reset();
    const Op op = node.op;  // infer may replace it
    op.op_class().infer(op.data(), inference);
    for (const Value* output : node.outputs)
      check(output == nullptr || !output->type.is_none(), Code::internal, "the type rule of ",
            describe(node), " left %", output == nullptr ? "" : output->name, " without a type");
    if (op.op_class().dims != nullptr) infer_contents(op, inference, node);
  } catch (const Error& error) {
    const std::string where = describe(node);
    if (error.message().find(where) != std::string::npos) throw;
    throw Error(error.code(), cat(error.message(), " (", where, ")"));
  }
}

}  // namespace hone
