#pragma once
// A step whose results' sizes the contents of operands tell (axes, a shape, a count), as programs
// for such contents: where the device's memory is not the host's, its kernels run them there in
// place of reference evaluation on the host.

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

class Program;
struct Preparation;

/// Of one node. Safe for several threads.
class LatePrograms {
 public:
  explicit LatePrograms(const Node& node) : node_(node) {}

  /// Whether it may ever have any: it is no control flow, draws nothing, and reads tensors.
  static bool may_have(const Node& node);

  /// Operands, by place, whose contents the host has to have for find(): of these shapes.
  std::vector<size_t> asks(const std::vector<const Tensor*>& operands) const;

  struct Found {
    std::shared_ptr<const Program> program;  // null: the step is evaluated
    std::vector<size_t> inputs;              // the operands that are its inputs, in order
  };
  /// The program for the contents of the operands that tell. The others are of any sizes, and
  /// nobody looks at their contents. Null for an absent operand and for a constant. A few are kept:
  /// of contents that change all the time there is none, which would take longer to make than the
  /// step to evaluate.
  Found find(const std::vector<const Tensor*>& operands, const Bindings& symbols,
             const Preparation& preparation);

 private:
  /// Its contents stand in the graph, or its sizes do, or nothing of it.
  enum class Known : uint8_t {
    rank,
    sizes,
    contents
  };
  struct Alone;
  using Operands = std::vector<const Tensor*>;

  std::optional<Alone> alone(const Operands& operands, const std::vector<Known>& known,
                             const Bindings& symbols) const;
  std::vector<Known> tell(const Operands& operands, const Bindings& symbols) const;
  std::string key(const Operands& operands, const Bindings& symbols) const;
  std::shared_ptr<const Program> make(std::unique_ptr<Graph> graph,
                                      const Preparation& preparation) const;

  const Node& node_;
  mutable std::mutex mutex_;
  std::vector<Known> known_;  // by operand, once that was found out; empty: nothing tells
  size_t tries_ = 0;          // to find out
  struct Kept {
    std::string key;
    Found found;
  };
  std::list<Kept> kept_;
};

}  // namespace hone
