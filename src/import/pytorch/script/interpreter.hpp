#pragma once
// Runs a program of TorchScript while importing it: numbers and lists are computed, operators on
// tensors become nodes.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "import/pytorch/call.hpp"
#include "import/pytorch/script/program.hpp"
#include "import/pytorch/stored.hpp"

namespace hone::pytorch {

using Variables = std::map<std::string, Item, std::less<>>;
using NamedItems = std::vector<std::pair<std::string, Item>>;

class Interpreter {
 public:
  /// An input that an operator reads first, without a type so far: gives it one.
  using Materialize = std::function<void(const TensorRef& input, const std::string& op,
                                         const std::vector<Item>& arguments)>;

  Interpreter(ScriptProgram& program, builder::Frame& frame, const Importers& importers,
              Materialize materialize);

  /// What the program stores, as items; modules with their methods.
  Item stored_root();
  Item call_method(const std::shared_ptr<Object>& self, std::string_view name,
                   std::vector<Item> arguments, const NamedItems& named = {});
  Caller& caller() { return *caller_; }
  ScriptProgram& program() { return program_; }
  Item evaluate(const Expression& expression, Variables& variables);

  /// A call of an operator: "aten::add". For what computes on lists and the like, too.
  Item call_operator(const std::string& name, std::vector<Item> arguments,
                     const NamedItems& named = {});
  /// Whether a condition holds; nullopt: only running tells.
  std::optional<bool> truth(const Item& item);
  /// For messages: where the program stands.
  std::string place() const;

 private:
  friend class LateLoop;
  struct Deeper;
  /// Calls go into another graph for a while.
  struct Within {
    Within(Interpreter& interpreter, Caller& caller)
        : own(interpreter), outer(interpreter.caller_), attributes(interpreter.fixed_attributes_) {
      own.caller_ = &caller;
      own.fixed_attributes_ = true;
    }
    ~Within() {
      own.caller_ = outer;
      own.fixed_attributes_ = attributes;
    }
    Interpreter& own;
    Caller* outer;
    bool attributes;
  };
  struct Returned {
    Item item;
  };
  Item item_of(const Pickled& value, const std::string& path, const std::string& folder, int depth);
  Item object_of(const Pickled& value, const std::string& path, const std::string& folder,
                 int depth);
  TensorRef quantized(Value* integers, const StoredGrid& grid, const std::string& folder);
  Item call_definition(const Definition& definition, const std::shared_ptr<Object>& self,
                       std::vector<Item> arguments, const NamedItems& named);
  Item call_named(const std::string& name, std::vector<Item> arguments, const NamedItems& named);
  Item make_object(const std::string& type, std::vector<Item> arguments, const NamedItems& named);

  std::optional<Returned> run(const Block& block, Variables& variables);
  std::optional<Returned> run_one(const Statement& statement, Variables& variables);
  std::optional<Returned> run_branch(const Statement& statement, Variables& variables);
  std::optional<Returned> run_loop(const Statement& statement, Variables& variables);
  std::optional<Item> late_turns(const Expression& over, Variables& variables);
  void run_within(builder::Frame& body, const Block& block, const std::set<std::string>& assigned,
                  std::optional<Caller>& caller, Variables& own);
  void merge_branches(const Statement& statement, Value* condition, Variables& variables);
  void assign(const Statement& statement, Variables& variables);
  void assign_to(const Expression& target, Item value, Variables& variables);

  Item evaluate_call(const Expression& call, Variables& variables);
  Item evaluate_index(const Expression& index, Variables& variables);
  Item evaluate_binary(const Expression& binary, Variables& variables);
  Item attribute(const Item& of, const std::string& name);
  std::vector<Item> arguments_of(const Expression& call, Variables& variables, NamedItems& named);
  std::optional<Item> call_word(const std::string& name, const Expression& call,
                                Variables& variables);
  const Overload* overload_for(const std::string& name, const std::vector<Item>& arguments,
                               const NamedItems& named, bool leniently,
                               std::vector<Item>& bound) const;
  void materialize(const std::string& name, const std::vector<Item>& arguments,
                   const NamedItems& named);
  void count_step();

  ScriptProgram& program_;
  const Importers& importers_;
  Materialize materialize_;
  Caller outermost_;
  Caller* caller_;
  std::map<const Pickled*, Item> items_;  // of what is stored, by identity
  std::vector<std::string> paths_;        // of the modules whose methods run
  bool fixed_attributes_ = false;         // in the body of a loop: it runs more than once
  int depth_ = 0, line_ = 0;
  int64_t steps_ = 0;
};

/// Functions of Python on lists, dictionaries, texts and numbers ("len", "append"). nullopt: the
/// name is none of them, or the arguments are for an operator.
std::optional<Item> call_plain(Interpreter& interpreter, std::string_view name,
                               std::vector<Item>& arguments);
bool is_plain(std::string_view name);  // one of them
/// What an exception of the program says.
std::string text_of(const Item& item);

}  // namespace hone::pytorch
