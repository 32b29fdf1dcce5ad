#include "conformance/case_run.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/size.hpp"
#include "build/build.hpp"
#include "conformance/contents.hpp"
#include "export/export.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/verify.hpp"
#include "runtime/context.hpp"
#include "runtime/profile.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

/// What differs first, in words; empty: nothing.
std::string difference(const Tensor& got, const Tensor& wanted, const Tolerance& tolerance) {
  if (got.is_sequence() && wanted.is_sequence() &&
      got.elements().size() == wanted.elements().size()) {
    for (size_t i = 0; i < got.elements().size(); ++i)
      if (const auto what = difference(got.elements()[i], wanted.elements()[i], tolerance);
          !what.empty())
        return cat("element ", i, " ", what);
    return "";
  }
  if (!got.is_tensor() || !wanted.is_tensor())
    return cat(describe(got)) == cat(describe(wanted))
               ? ""
               : cat("is ", describe(got), ", wanted ", describe(wanted));
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape())
    return cat("is ", got.dtype(), shape_text(got.shape()), ", wanted ", wanted.dtype(),
               shape_text(wanted.shape()));
  if (got.dtype() == DType::string)
    return got.strings() == wanted.strings() ? "" : "has other strings";
  const bool exact = !is_float(got.dtype());
  for (int64_t i = 0; i < got.count(); ++i) {
    if (exact) {
      if (same_bits(got, wanted)) return "";
      if (got.integer(i) != wanted.integer(i))
        return cat("element ", i, " is ", got.integer(i), ", wanted ", wanted.integer(i));
      continue;
    }
    const double a = got.number(i), b = wanted.number(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double most = tolerance.absolute + tolerance.relative * std::abs(b);
    if (!std::isfinite(b) || !(std::abs(a - b) <= most))  // an infinity allows nothing else
      return cat("element ", i, " is ", a, ", wanted ", b);
  }
  return "";
}

/// The standard leaves the draws of Bernoulli to the implementation, even for a given seed: only
/// that they are zeros and ones, of the right type and shape, is told.
std::string difference_of_draws(const Tensor& got, const Tensor& wanted) {
  for (int64_t i = 0; i < got.count(); ++i)
    if (got.number(i) != 0 && got.number(i) != 1) return cat("element ", i, " is ", got.number(i));
  return difference(Tensor(got.dtype(), got.shape()), Tensor(wanted.dtype(), wanted.shape()), {});
}

std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted,
                    const Tolerance& tolerance, std::string_view by, bool draws = false) {
  if (got.size() < wanted.size())
    return cat(by, ": ", got.size(), " outputs, wanted ", wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    if (const std::string what = draws ? difference_of_draws(got[i], wanted[i])
                                       : difference(got[i], wanted[i], tolerance);
        !what.empty())
      return cat(by, ": output ", i, " ", what);
  return "";
}

struct DataSet {
  std::vector<Tensor> inputs, wanted;
};

/// The contents of an output; a model that has fewer gives none for it.
Tensor read_output(const Graph& graph, size_t index, const fs::path& path) {
  check(index < graph.outputs().size(), Code::invalid_model, "the model gives ",
        graph.outputs().size(), " outputs only");
  return read_contents(path, graph.outputs()[index].value->type);
}

DataSet stored_set(const fs::path& folder, const Graph& graph) {
  DataSet set;
  for (const fs::path& path : numbered(folder, "input_"))
    if (set.inputs.size() < graph.inputs().size())  // the rest are initializers
      set.inputs.push_back(read_contents(path, graph.inputs()[set.inputs.size()]->type));
  for (const fs::path& path : numbered(folder, "output_"))
    set.wanted.push_back(read_output(graph, set.wanted.size(), path));
  return set;
}

/// What the suite gives networks without stored inputs: element i of n is i / n.
DataSet made_set(const Case& the_case, const Graph& graph) {
  DataSet set;
  for (const Value* input : graph.inputs()) {
    const auto shape = input->type.tensor().concrete();
    check(shape && input->type.tensor().dtype == DType::f32, Code::usage, "input ", input->name,
          " is ", input->type, ", wanted f32 of known sizes");
    Tensor tensor(DType::f32, *shape);
    for (int64_t i = 0; i < tensor.count(); ++i)
      tensor.set_number(i, static_cast<double>(i) / static_cast<double>(tensor.count()));
    set.inputs.push_back(std::move(tensor));
  }
  for (const fs::path& path : the_case.outputs)
    set.wanted.push_back(read_output(graph, set.wanted.size(), path));
  return set;
}

Result run_set(const std::shared_ptr<const Engine>& engine, const Graph& imported, DataSet set,
               const Tolerance& tolerance, bool by_reference, bool draws) {
  auto& [inputs, wanted] = set;
  if (by_reference) {
    std::vector<Tensor> referred = evaluate(imported, inputs);
    const std::string wrong = compare(referred, wanted, tolerance, "reference", draws);
    if (!wrong.empty()) return {Outcome::failed, wrong};
    if (draws) wanted = std::move(referred);  // a seed gives the engine the same draws
  }
  NamedTensors given;
  for (size_t i = 0; i < inputs.size(); ++i)
    given.emplace_back(engine->graph().inputs()[i]->name, inputs[i]);
  Context context(engine);
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(given)) results.push_back(std::move(tensor));
  const std::string wrong = compare(results, wanted, tolerance, "engine");
  return wrong.empty() ? Result{} : Result{Outcome::failed, wrong};
}

/// Replaces the graph by what is read of it after it was written. true: another portable graph.
bool write_and_read(std::unique_ptr<Graph>& graph) try {
  const auto before = make_portable(graph->clone());
  const auto text = std::make_shared<const std::string>(onnx_bytes(*graph));
  graph =
      import_onnx_bytes(std::as_bytes(std::span(*text)), ".", {}, text, "what was written").graph;
  return !same_structure(*before, *make_portable(graph->clone()));
} catch (const Error& error) {  // of code unsupported, too: the model itself was read
  throw Error(Code::invalid_model, cat("round trip: ", error.message()));
}

/// Of a device whose memory is not the host's: the first step of a run that was not the device's.
/// Of a step that a program for its operands' contents ran, that program's steps count.
std::string elsewhere(const std::shared_ptr<const Engine>& engine,
                      const std::vector<Tensor>& inputs) {
  if (!engine->device().is_apart()) return {};
  NamedTensors given;
  for (size_t i = 0; i < inputs.size(); ++i)
    given.emplace_back(engine->graph().inputs()[i]->name, inputs[i]);
  Context context(engine);
  Profile profile;
  context.profile(&profile);
  (void)context.run(given);
  std::set<size_t> parted;
  for (const Profile::Time& time : profile.times())
    if (time.outer) parted.insert(*time.outer);
  for (size_t i = 0; i < profile.times().size(); ++i) {
    const Profile::Time& time = profile.times()[i];
    const Program::Step& step = time.program->steps()[time.step];
    if (step.kind == Step::Kind::control ||
        (!parted.contains(i) && step.kind == Step::Kind::size && !time.on_device))
      return cat("a step of the host's (", step.node->op.name(), ")");
    if (!parted.contains(i) && step.on_host)
      return cat(time.program->plan().steps[time.step].kernel, " (", step.node->op.name(), ")");
  }
  return {};
}

}  // namespace

Result run_case(const Case& the_case, const HowToRun& how) {
  try {
    Imported imported = import_file(the_case.model);
    const bool restructured = how.round_trip && write_and_read(imported.graph);
    verify(*imported.graph, "import");
    BuildOptions options;
    options.passes = how.passes;
    options.engine.workers = the_case.is_network() ? 0 : 1;
    options.engine.device = how.device;
    const auto engine = build(imported.graph->clone(), options);
    verify(engine->graph(), "build");
    std::vector<DataSet> sets;
    for (const fs::path& set : the_case.sets) sets.push_back(stored_set(set, *imported.graph));
    if (the_case.is_network()) sets.push_back(made_set(the_case, *imported.graph));
    const bool by_reference = how.networks_by_reference || !the_case.is_network();
    const bool draws = the_case.name.starts_with("test_bernoulli");
    for (const DataSet& set : sets)
      if (set.wanted.empty()) return {Outcome::failed, "no output is stored to compare with"};
    const std::vector<Tensor> first = sets.empty() ? std::vector<Tensor>() : sets[0].inputs;
    for (DataSet& set : sets)
      if (Result result = run_set(engine, *imported.graph, std::move(set), the_case.tolerance,
                                  by_reference, draws);
          result.outcome != Outcome::passed)
        return result;
    if (sets.empty()) return {Outcome::failed, "no data set"};
    return {Outcome::passed, "", restructured, elsewhere(engine, first)};
  } catch (const Error& error) {
    return {error.code() == Code::unsupported ? Outcome::missing : Outcome::failed,
            error.message()};
  } catch (const std::exception& error) {
    return {Outcome::failed, error.what()};
  }
}

}  // namespace hone
