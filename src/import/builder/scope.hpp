#pragma once
// Names of the file on one side, values of the graph on the other.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/builder/frame.hpp"

namespace hone::builder {

/// What a name of the file stands for.
struct Slot {
  enum class State : uint8_t {
    undefined,
    value,
    absent,  // a function's input that the call leaves out
    failed,  // its node has a problem, reported already
    stored,  // a constant of the file that nobody has read yet
  };
  State state = State::undefined;
  Value* value = nullptr;
  uint32_t stored = 0;
};

/// One naming scope of the file. Names are views into the file and outlive the scope.
class Scope {
 public:
  /// `outer`: the scope around a body; null: none. `prefix` stands before the names of constants.
  Scope(Frame& frame, Scope* outer, std::string prefix = {})
      : frame_(frame), outer_(outer), prefix_(std::move(prefix)) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  Frame& frame() const { return frame_; }
  const std::string& prefix() const { return prefix_; }
  void reserve(size_t names) { names_.reserve(names); }
  bool has(std::string_view name) const { return names_.contains(name); }  // in this very scope
  bool define(std::string_view name, Slot slot);                           // false: taken
  /// For formats in which a layer may give a new value to the name that it reads.
  void redefine(std::string_view name, Slot slot) { names_[name] = slot; }
  void forget(std::string_view name) { names_.erase(name); }
  /// A constant, which becomes a value of the graph when it is found first. Null: one with a
  /// problem. False: the name is taken.
  bool store(std::string_view name, std::shared_ptr<const Weight> weight);
  /// Of a name of this very scope.
  Slot look(std::string_view name) const;
  /// Of a slot that is stored.
  const std::shared_ptr<const Weight>& weight(const Slot& slot) const {
    return stored_[slot.stored];
  }
  /// Here or in the scopes around, as a value of this frame's graph.
  Slot find(std::string_view name);

 private:
  Frame& frame_;
  Scope* outer_;
  std::string prefix_;
  std::unordered_map<std::string_view, Slot> names_;
  std::vector<std::shared_ptr<const Weight>> stored_;
};

}  // namespace hone::builder
