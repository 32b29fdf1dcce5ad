#pragma once
// A context runs an engine: one arena, one owner at a time.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine.hpp"
#include "runtime/execution.hpp"

namespace hone {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

class Context {
 public:
  /// `stream`: of the engine's device, shared with other contexts that take turns; null: its own.
  explicit Context(std::shared_ptr<const Engine> engine, std::shared_ptr<Stream> stream = nullptr);

  /// Runs once. `inputs`: every input by name, read in place (no copy) during the call; and any of
  /// those that have a value of their own, which is not taken then. `outputs`: places for results
  /// by name, written in place; those left out are made. Where outputs share a name, the first
  /// place is the first one's. Returns all outputs in the model's order. Error(usage) for unknown,
  /// missing or ill-typed tensors. `there`: which of them lie in the memory of the engine's device;
  /// results at such places are returned as these.
  NamedTensors run(const NamedTensors& inputs, const NamedTensors& outputs = {},
                   const OnDevice& there = {});

  /// Told of every step of the runs from now on; null: nobody is. Must outlive them.
  void profile(Profile* profile);

  /// Bytes of the arena for the sizes of the last run.
  int64_t arena_bytes() const {
    return last_opened_ ? opened_->arena_bytes() : execution_.arena_bytes();
  }

  /// Host time of the last run until all was enqueued to a device apart, waits for sizes and for
  /// steps of the host included; 0 of other devices.
  double enqueue_seconds() const {
    return last_opened_ ? opened_->enqueue_seconds() : execution_.enqueue_seconds();
  }

 private:
  Context* opened_for(const NamedTensors& inputs);

  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<Stream> stream_;
  Profile* profile_ = nullptr;
  Execution execution_;
  std::map<std::string, size_t, std::less<>> inputs_;        // by name: their places
  std::multimap<std::string, size_t, std::less<>> outputs_;  // several may have one name
  std::set<std::string> opened_inputs_;
  std::unique_ptr<Context> opened_;  // of an engine that has these inputs, too; null: none yet
  bool last_opened_ = false;         // it ran last
};

}  // namespace hone
