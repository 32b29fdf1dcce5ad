#pragma once
// Rules: pairs of graphs in text, the first of which is replaced by the second (docs/rules.md).
//   rule gelu_erf  ulp 4
//   match (%x: float[*])
//     %e = Erf(Mul(%x, 0.7071067811865476~))
//     %y = Mul(%x, Mul(0.5, Add(%e, 1)))
//   give
//     %y = Gelu(%x)

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/contract.hpp"
#include "ir/graph.hpp"

namespace hone {

class Match;
/// A condition that the rule's text cannot say. True: the match holds.
using Guard = bool (*)(const Match& match);
using Guards = std::map<std::string, Guard, std::less<>>;

/// `float[b,2*c]`, `int[...,n]`, `any[*]`. A class of dtypes stands for one dtype in a rule.
struct TypePattern {
  std::string dtype;       // float, narrow (no f64), int, number, any, or a dtype's name
  bool any_shape = false;  // [*]
  bool open = false;       // [...,n]: any dimensions in front
  Dims dims;
};

/// What stands where an operand does.
struct RuleTerm {
  enum class Kind : uint8_t {
    name,     // names[index]
    number,   // a constant, all of whose elements are `number`
    literal,  // a constant of these contents
    capture,  // captures[index]: a constant, all of whose elements are equal
    absent,
    node,   // result `result` of nodes[index]
    either  // one of `choices`
  };
  Kind kind = Kind::absent;
  int index = 0, result = 0;
  double number = 0;
  bool rounded = false;  // `~`: equal after rounding to the constant's dtype
  Tensor literal;
  Dims dims;  // of a number: `1[n]`; none: any
  std::vector<RuleTerm> choices;
};

/// Numbers computed from captures and dimensions: `$a*$b`, `1/sqrt(d)`.
struct RuleExpression {
  // + - * /, s: square root, n: how many a captured list has, #: number, $: capture, d: dimension
  char op = '#';
  double number = 0;
  int capture = 0;
  Dim dim;
  std::vector<RuleExpression> operands;
};

/// A field that is not simply as the rule's op has it.
struct RuleField {
  enum class Kind : uint8_t {
    any,      // `_`
    capture,  // `$name`: bound when matched
    dims,     // dimensions with symbols, in the rule's op
    expression
  };
  std::string name;
  Kind kind = Kind::any;
  int capture = 0;
  RuleExpression expression;
};

struct RuleNode {
  Op op;  // fields that are not told have their defaults
  std::vector<RuleField> fields;
  std::vector<RuleTerm> operands;
  std::vector<RuleTerm> chain;  // commutative ops: operands of the whole chain, the telling first
  std::vector<std::string> results;
  int line = 0;
};

/// A variable, or a name that the match graph gives one of its values.
struct RuleName {
  std::string name;
  std::optional<TypePattern> type;
  bool constant = false;               // @name
  bool shared = false;                 // may have users outside of the match
  std::optional<RuleTerm> definition;  // none: a variable
};

/// A number or field bound by matching, within bounds; `samples` are what tests try.
struct RuleCapture {
  std::string name;
  double least, most;
  std::optional<double> otherwise;  // what it is where nothing binds it
  std::vector<std::string> samples;
};

struct RuleOutput {
  int name;        // of the match graph
  RuleTerm value;  // of the give graph: names are the match's, nodes are `give`
};

struct Rule {
  std::string name;
  Contract contract;
  std::vector<RuleName> names;
  std::vector<RuleCapture> captures;
  std::vector<RuleNode> nodes, give;
  std::vector<RuleOutput> outputs;
  int anchor = 0;  // the output that matching starts from
  std::vector<Require> requires_;
  // For tests: sizes of symbols, `try c = 2*g`, and what `...` is, `try ... = [b,1]`.
  std::map<std::string, Dim, std::less<>> sizes;
  std::map<std::string, Dim, std::less<>> contents;  // of variables, `try %n = s`
  std::optional<Dims> front;
  std::vector<std::pair<std::string, Guard>> guards;
  std::vector<const OpClass*> roots;  // what may produce the anchor
  int line = 0;
};

/// Rules in the order they are tried, by what may produce their anchor.
struct RuleSet {
  std::vector<Rule> rules;
  std::unordered_map<const OpClass*, std::vector<const Rule*>> by_root;
};

/// Error(invalid_model) "line 3: ..." with what was found and wanted.
std::vector<Rule> parse_rules(std::string_view text, const OpRegistry& registry,
                              const Guards& guards);
RuleSet rule_set(std::vector<Rule> rules);

struct RuleOptions {
  std::vector<std::string> disabled;           // names of rules to leave out
  std::function<bool(const Node&)> keep = {};  // nodes that no rule replaces
};

/// Replaces what matches until every node has been looked at; what a rule made is looked at again.
/// Needs types, leaves types. true: something changed.
bool apply_rules(Graph& graph, const RuleSet& rules, const RuleOptions& options = {});

}  // namespace hone
