#pragma once
// Reading the lines of a rule's two graphs.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ir/rules/rules.hpp"
#include "ir/text/scanner.hpp"

namespace hone {

TypePattern read_type_pattern(Scanner& s);
/// The capture of this name, added where there is none yet.
int capture_index(Rule& rule, std::string_view name);
RuleCapture& capture_named(Rule& rule, std::string_view name);
std::optional<size_t> find_name(const Rule& rule, std::string_view name);

/// Reads `%y = Op(...)` lines into a rule.
class RuleTerms {
 public:
  enum class Side : uint8_t {
    match,
    give
  };
  RuleTerms(Rule& rule, const OpRegistry& registry, Side side)
      : rule_(rule), registry_(registry), side_(side) {}
  void read_statement(Scanner& s);

 private:
  void define_match(Scanner& s, const std::vector<std::string>& results, const RuleTerm& value);
  void define_give(const Scanner& s, const std::vector<std::string>& results,
                   const RuleTerm& value);
  RuleTerm read_term(Scanner& s);
  RuleTerm read_choices(Scanner& s);
  RuleTerm read_value(Scanner& s);
  RuleTerm read_number(Scanner& s);
  RuleTerm read_node(Scanner& s);
  void read_fields(Scanner& s, RuleNode& node);
  void read_field(Scanner& s, std::string_view op, std::string_view name, const FieldRef& place,
                  RuleNode& node);
  RuleExpression read_sum(Scanner& s);
  RuleExpression read_product(Scanner& s);
  RuleExpression read_factor(Scanner& s);
  int read_capture(Scanner& s) const;

  Rule& rule_;
  const OpRegistry& registry_;
  Side side_;
  std::map<std::string, RuleTerm, std::less<>> given_;  // names of the give graph
};

}  // namespace hone
