#include "import/builder/model_build.hpp"

#include <new>
#include <stdexcept>

#include "base/size.hpp"

namespace hone::builder {
namespace {

/// No value may be of a size that cannot be counted, whatever the op's type rule makes of it.
void check_size(const Type& type, const Limits& limits) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return;
  const TensorType& tensor = type.tensor();
  check(tensor.rank() <= limits.rank, Code::invalid_model, "makes a tensor of ", tensor.rank(),
        " dimensions (at most ", limits.rank, ")");
  const auto shape = tensor.concrete();
  if (shape && tensor.dtype != DType::string) bytes_for(tensor.dtype, element_count(*shape));
}

/// How much there is to the sizes and known contents of a value.
int64_t terms_of(const Value& value) {
  int64_t terms = 0;
  const auto add = [&](const Dims& dims) {
    for (const Dim& dim : dims) terms += dim.complexity();
  };
  if (value.type.is_tensor() && value.type.tensor().has_rank()) add(value.type.tensor().shape());
  if (value.known) add(*value.known);
  return terms;
}

}  // namespace

std::string quoted(std::string_view name) { return cat('"', shown(name), '"'); }

void ModelBuild::count_node(const Graph& into) {
  const Limits& limits = options.limits;
  if (++nodes > limits.nodes)
    throw BeyondLimit{cat("more than ", limits.nodes, " nodes, calls of functions inlined")};
  if (static_cast<int64_t>(into.requirements().size()) > limits.requirements)
    throw BeyondLimit{cat("more than ", limits.requirements,
                          " facts about sizes must hold; first: ", into.requirements().front())};
}

void ModelBuild::count_name(std::string_view name) {
  name_bytes += name.size();
  if (name_bytes > most_name_bytes)
    throw BeyondLimit{cat("the names of nodes and values take more than ", most_name_bytes,
                          " bytes, calls of functions inlined")};
}

void ModelBuild::count_capture(const Value& value) {
  count_name(value.name);
  if (++captures > options.limits.captures)
    throw BeyondLimit{cat("bodies read more than ", options.limits.captures,
                          " values of graphs around them, each body counted")};
}

void ModelBuild::count_results(const Node& node) {
  for (const Value* value : node.outputs) {
    if (value == nullptr) continue;
    check_size(value->type, options.limits);
    size_terms += terms_of(*value);
  }
  if (size_terms > options.limits.size_terms)
    throw BeyondLimit{
        cat("the sizes of values have more than ", options.limits.size_terms, " terms together")};
}

void ModelBuild::report_place(std::string place, const Error& error, std::string suggestion) {
  ModelProblem problem;
  problem.node = std::move(place);
  problem.what = error.message();
  problem.suggestion = std::move(suggestion);
  problem.code = error.code();
  report.add(std::move(problem));
}

bool ModelBuild::attempt(const std::function<void()>& f,
                         const std::function<void(const Error&)>& tell) {
  try {
    f();
    return true;
  } catch (const FailedBefore&) {
  } catch (const Error& error) {
    tell(error);
  } catch (const std::bad_alloc&) {
    tell(Error(Code::out_of_memory, "not enough memory to import it"));
  } catch (const std::length_error&) {
    tell(Error(Code::out_of_memory, "not enough memory to import it"));
  }
  return false;
}

void drop_unused_constants(Graph& graph) {
  for (Value* constant : graph.constants())
    if (constant->users.empty() && !graph.is_output(constant)) graph.erase(constant);
}

}  // namespace hone::builder
