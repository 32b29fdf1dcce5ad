#include "runtime/context.hpp"

#include <algorithm>

namespace hone {
namespace {

std::string names_of(const Graph& graph, bool inputs) {
  std::vector<std::string> names;
  if (inputs)
    for (const Value* input : graph.inputs()) names.push_back(input->name);
  else
    for (const GraphOutput& output : graph.outputs()) names.push_back(output.name);
  return join(names, ", ");
}

}  // namespace

Context::Context(std::shared_ptr<const Engine> engine, std::shared_ptr<Stream> stream)
    : engine_(std::move(engine)),
      stream_(stream != nullptr ? std::move(stream)
                                : engine_->device().stream({engine_->workers()})),
      execution_(engine_->program(), *stream_) {
  const Graph& graph = engine_->graph();
  for (const Value* input : graph.inputs()) inputs_.emplace(input->name, inputs_.size());
  for (size_t i = 0; i < graph.outputs().size(); ++i) outputs_.emplace(graph.outputs()[i].name, i);
  // Working memory is planned for each of the engine's workers.
  check(stream_->share().workers <= engine_->workers(), Code::usage, "a stream of ",
        stream_->share().workers, " workers, the engine is made for ", engine_->workers());
}

/// The context to run where inputs are given that have a value of their own; null: none is.
Context* Context::opened_for(const NamedTensors& inputs) {
  if (engine_->defaults() == nullptr) return nullptr;
  std::set<std::string> names;
  for (const auto& [name, tensor] : inputs)
    if (engine_->defaults()->values.contains(name)) names.insert(name);
  if (names.empty()) return nullptr;
  if (opened_ == nullptr || names != opened_inputs_) {
    opened_ = std::make_unique<Context>(engine_->with_inputs(names), stream_);
    opened_inputs_ = std::move(names);
  }
  return opened_.get();
}

void Context::profile(Profile* profile) {
  profile_ = profile;
  execution_.profile(profile);
}

NamedTensors Context::run(const NamedTensors& inputs, const NamedTensors& outputs,
                          const OnDevice& there) {
  Context* opened = opened_for(inputs);
  last_opened_ = opened != nullptr;
  if (opened != nullptr) {
    opened->profile(profile_);
    return opened->run(inputs, outputs, there);
  }
  if (profile_ != nullptr) profile_->begin_run();
  const Graph& graph = engine_->stated();
  std::vector<Tensor> given(graph.inputs().size());
  OnDevice sides;
  if (!there.inputs.empty()) sides.inputs.resize(given.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& [name, tensor] = inputs[i];
    const auto found = inputs_.find(name);
    if (found == inputs_.end()) [[unlikely]]
      fail(Code::usage, "there is no input \"", name, "\"; the model's inputs are ",
           names_of(graph, true));
    Tensor& place = given[found->second];
    check(place.empty(), Code::usage, "input \"", name, "\" is given twice");
    place = tensor;
    if (there.input(i)) sides.inputs[found->second] = true;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const Value& input = *graph.inputs()[i];
    check(!given[i].empty(), Code::usage, "input \"", input.name, "\" (", input.type,
          ") is missing");
    // Elements of sequences are shared while a run lasts and after it: not the caller's.
    if (given[i].is_sequence()) given[i] = given[i].clone();
  }
  std::vector<Tensor> places(graph.outputs().size());
  if (!there.outputs.empty()) sides.outputs.resize(places.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, tensor] = outputs[i];
    auto [found, end] = outputs_.equal_range(name);
    if (found == end) [[unlikely]]
      fail(Code::usage, "there is no output \"", name, "\"; the model's outputs are ",
           names_of(graph, false));
    // A model may name several outputs alike: the first that has no place yet.
    while (found != end && !places[found->second].empty()) ++found;
    check(found != end, Code::usage, "output \"", name, "\" is given two places");
    places[found->second] = tensor;
    if (there.output(i)) sides.outputs[found->second] = true;
  }
  std::vector<Tensor> results = execution_.run(given, places, sides);
  NamedTensors named;
  for (size_t i = 0; i < results.size(); ++i)
    named.emplace_back(graph.outputs()[i].name, std::move(results[i]));
  return named;
}

}  // namespace hone
