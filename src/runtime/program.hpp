#pragma once
// A program: a typed graph with its plan, kernels prepared and weights packed; immutable, shared by
// contexts.

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "compile/compile.hpp"
#include "device/apart.hpp"
#include "runtime/late_programs.hpp"
#include "runtime/packs.hpp"

namespace hone {

/// What programs are made with.
struct Preparation {
  std::shared_ptr<Device> device;
  PackStore& packs;          // outlives the programs
  size_t specialized = 8;    // programs kept, of each graph, for sizes the general one cannot run
  CompileOptions compile{};  // for those programs
};

class Program {
 public:
  /// Prepares `plan` of `graph` and what was chosen for it: by compile(), or by checked_choices()
  /// of a plan from elsewhere. Error(incompatible_engine) when they are of another graph. `stated`:
  /// what `graph` was compiled from, which may take more sizes; null: it takes no more.
  static std::shared_ptr<const Program> make(std::shared_ptr<const Graph> graph, Plan plan,
                                             const Choices& chosen, const Preparation& preparation,
                                             std::shared_ptr<const Graph> stated = nullptr,
                                             const Progress& progress = nullptr,
                                             KnownInputs known = {});

  /// What is left to run from step `first` on, as a program whose inputs are live(first): for sizes
  /// that this program is not for or did not know. `types`: of those inputs, without symbols;
  /// `symbols`: those known so far. Made once for the same arguments, a few are kept. Error(usage)
  /// when the sizes contradict the model.
  std::shared_ptr<const Program> rest(size_t first, const std::vector<Type>& types,
                                      const Bindings& symbols) const;
  /// Values that the steps from `first` on read from before, or that are outputs: of stated() for
  /// the first step, else of graph().
  std::vector<const Value*> live(size_t first) const;

  struct Step {
    hone::Step::Kind kind = hone::Step::Kind::run;
    const Node* node = nullptr;
    std::vector<Value*> operands;                       // region inputs, in order
    std::vector<std::shared_ptr<const Weight>> packed;  // of operands: what the kernel has its own
                                                        // form of; else null
    std::shared_ptr<const Prepared> prepared;           // of run steps
    int scratch = -1;                                   // index among the plan's buffers
    Dim late_scratch;  // bytes, where only running tells them; else 0
    std::vector<std::shared_ptr<const Program>> bodies;
    bool on_host = false;                    // of a device apart: the kernel runs on the host
    bool ranks = false;                      // running it tells the rank of a result that is read
    std::shared_ptr<LatePrograms> late;      // of a device apart; null: it never has any
    std::shared_ptr<const Finding> finding;  // of a device apart; null: the host looks
  };

  const Preparation& preparation() const { return preparation_; }
  Device& device() const { return *preparation_.device; }
  const Graph& graph() const { return *graph_; }
  /// The same function for all sizes that are to run: graph(), or where that is for fewer what it
  /// was made of, whose inputs are graph()'s, in order.
  const Graph& stated() const { return *stated_; }
  const Plan& plan() const { return plan_; }
  const std::vector<Step>& steps() const { return steps_; }
  /// Index of a value among the program's values; value_count() in all.
  int index(const Value* value) const { return indices_.at(value); }
  int value_count() const { return static_cast<int>(indices_.size()); }
  /// The packed forms of its weights that a file may keep, its bodies' too, each once.
  std::vector<PackedForm> packed_forms() const;
  /// What its kernels run by, its bodies' too, each once, sorted, as far as it is worth keeping.
  std::vector<MachineCode> code() const;
  /// Contents of a constant, aligned to its element type.
  const Tensor& constant(const Value* value) const { return constants_.at(value); }
  /// The same in the memory of a device apart, for steps that run there.
  const Buffer& constant_on_device(const Value* value) const {
    return constants_on_device_.at(value);
  }
  /// The input of the graph whose memory a result may be written to: its step reads it alone, and
  /// can. Null: there is none.
  const Value* overwritable_input(const Value* result) const {
    const auto found = over_inputs_.find(result);
    return found == over_inputs_.end() ? nullptr : found->second;
  }

 private:
  struct Rest {
    std::string key;
    std::shared_ptr<const Program> program;
  };
  explicit Program(const Preparation& preparation) : preparation_(preparation) {}
  std::vector<std::shared_ptr<const Prepared>> prepare_all(const Choices& chosen,
                                                           const Progress& progress) const;
  void add_step(const hone::Step& planned, const Node& node, int at, size_t& body,
                const Choices& chosen, std::shared_ptr<const Prepared> prepared);
  void add_run(Step& step, const Chosen& chosen, int at);
  void add_overwritable(const Step& step, const Recipe& recipe);
  std::shared_ptr<const Program> find_rest(const std::string& key) const;  // under the lock
  void add_constant(const Value* value);
  void add_constant_on_device(const Value* value);
  const Node* node_at(size_t first) const;  // null: behind the last one
  void collect_code(std::map<Hash, std::string>& code) const;
  void collect_forms(std::set<std::pair<Hash, std::string>>& seen,
                     std::vector<PackedForm>& forms) const;

  Preparation preparation_;

  std::shared_ptr<const Graph> graph_;
  Plan plan_;
  std::vector<Step> steps_;
  std::unordered_map<int, int> scratch_;  // by step: the plan's buffer
  std::unordered_map<const Value*, int> indices_;
  std::unordered_map<const Value*, Tensor> constants_;
  std::unordered_map<const Value*, Buffer> constants_on_device_;
  std::unordered_map<const Value*, const Value*> over_inputs_;  // by result
  std::vector<std::pair<Hash, std::string>> forms_;             // that a file may keep
  mutable std::mutex mutex_;
  mutable std::list<Rest> rests_;  // most recently used first
  std::shared_ptr<const Graph> stated_;
  KnownInputs known_;  // of a body
};

}  // namespace hone
