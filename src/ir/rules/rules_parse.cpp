#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "ir/rules/rule_terms.hpp"
#include "ir/rules/rules.hpp"
#include "ir/text/parse_line.hpp"

namespace hone {
namespace {

/// Reads one rule from a block of lines.
class RuleParser {
 public:
  RuleParser(const std::vector<Line>& lines, const OpRegistry& registry, const Guards& guards)
      : lines_(lines), registry_(registry), guards_(guards) {}

  Rule run(size_t& at) {
    Scanner title(lines_[at]);
    rule_.line = title.line();
    if (!title.take_word("rule")) title.wrong("\"rule NAME CONTRACT\"");
    title.next();
    rule_.name = title.name("the rule's name");
    read_contract(title);
    ++at;
    Scanner header = section(at, "match", "\"match (%x: float[*])\"");
    read_variables(header);
    ++at;
    const size_t body = at;
    while (at < lines_.size() && lines_[at].indent > lines_[body - 1].indent) read_match_line(at++);
    Scanner give = section(at, "give", "\"give\"");
    end_of_line(give);
    const int indent = lines_[at++].indent;
    RuleTerms terms(rule_, registry_, RuleTerms::Side::give);
    while (at < lines_.size() && lines_[at].indent > indent) {
      Scanner s(lines_[at++]);
      terms.read_statement(s);
    }
    finish(give);
    return std::move(rule_);
  }

 private:
  Scanner section(size_t at, std::string_view word, std::string_view wanted) const {
    if (at == lines_.size())
      Scanner(lines_.back())
          .fail("found the end of the text, wanted ", wanted, " of rule ", rule_.name);
    Scanner s(lines_[at]);
    if (!s.take_word(word)) s.wrong(wanted);
    return s;
  }

  static void end_of_line(Scanner& s) {
    if (!s.done() && !s.at('#')) s.wrong("the end of the line");
  }

  void read_contract(Scanner& s) {
    if (s.take_word("exact")) return end_of_line(s);
    const bool ulp = s.take_word("ulp");
    if (!ulp && !s.take_word("quantum")) s.wrong("a contract: exact, ulp N or quantum N");
    const std::string_view digits = take_token(s.rest());
    const auto number = parse_int(digits);
    if (!number || *number < 1)
      s.fail("found \"", digits, "\", wanted how many ", ulp ? "ulps" : "quanta");
    if (*number > 1 << 20) s.fail("found a contract of ", *number, ", wanted at most ", 1 << 20);
    rule_.contract =
        ulp ? hone::ulp(static_cast<int>(*number)) : quantum(static_cast<int>(*number));
    end_of_line(s);
  }

  void read_variables(Scanner& s) {
    s.want('(');
    for (bool first = true; !s.ends(')', first); first = false) {
      if (s.take('$')) {
        RuleCapture& capture = capture_named(rule_, s.name("a capture's name"));
        s.want(':');
        const std::string_view bounds = take_token(s.rest());
        const size_t dots = bounds.find("..");
        const auto least = parse_double(bounds.substr(0, dots));
        const auto most = dots == bounds.npos ? least : parse_double(bounds.substr(dots + 2));
        if (!least || !most) s.fail("found \"", bounds, "\", wanted bounds such as 0..1");
        capture.least = *least;
        capture.most = *most;
        if (!s.take('=')) continue;
        const std::string_view otherwise = take_token(s.rest());
        capture.otherwise = parse_double(otherwise);
        if (!capture.otherwise) s.fail("found \"", otherwise, "\", wanted a number");
        continue;
      }
      RuleName variable;
      variable.constant = s.take('@');
      if (!variable.constant) s.want('%');
      variable.name = s.name("a variable's name");
      s.want(':');
      variable.type = read_type_pattern(s);
      if (find_name(rule_, variable.name))
        s.fail("found a second variable ", variable.name, ", wanted a new name");
      rule_.names.push_back(std::move(variable));
    }
    end_of_line(s);
  }

  void read_match_line(size_t at) {
    Scanner s(lines_[at]);
    if (s.take_word("require")) {
      rule_.requires_.push_back(read_require(s));
    } else if (s.take_word("if")) {
      do {
        s.next();
        const std::string_view guard = s.identifier();
        const auto found = guards_.find(guard);
        if (found == guards_.end()) s.fail("found the guard \"", guard, "\", which is not known");
        rule_.guards.emplace_back(found->first, found->second);
      } while (s.take(','));
    } else if (s.take_word("shared")) {
      do {
        s.want('%');
        const std::string name = s.name("a value's name");
        const auto index = find_name(rule_, name);
        if (!index) s.fail("found %", name, ", wanted a value that is defined above");
        rule_.names[*index].shared = true;
      } while (s.take(','));
    } else if (s.take_word("try")) {
      read_samples(s);
      return;
    } else {
      RuleTerms(rule_, registry_, RuleTerms::Side::match).read_statement(s);
      return;
    }
    end_of_line(s);
  }

  /// `try $axes = [-1] | [2,3]`, `try c = 2*g`.
  void read_samples(Scanner& s) {
    if (s.next().starts_with("...")) {
      s.rest().remove_prefix(3);
      s.want('=');
      s.next();
      if (!parse_field(s.rest(), FieldRef(&rule_.front)) || !rule_.front)
        s.wrong("dimensions such as [b,1]");
      return end_of_line(s);
    }
    if (s.take('%')) {
      const std::string name = s.name("a variable's name");
      rule_.contents.emplace(name, read_size(s));
      return end_of_line(s);
    }
    if (!s.at('$')) {
      const std::string symbol(s.identifier());
      if (symbol.empty()) s.wrong("a symbol, $capture or %variable");
      rule_.sizes.emplace(symbol, read_size(s));
      return end_of_line(s);
    }
    s.want('$');
    const std::string name = s.name("a capture's name");
    s.want('=');
    for (const std::string_view sample : split(s.next(), '|'))
      capture_named(rule_, name).samples.emplace_back(trim(sample));
  }

  /// `= 2*g`.
  static Dim read_size(Scanner& s) {
    s.want('=');
    s.next();
    auto dim = parse_dim(s.rest());
    if (!dim) s.wrong("a size such as 2*g");
    return std::move(*dim);
  }

  /// What the rule must be beyond its grammar, and what matching wants to know.
  void finish(const Scanner& s) {
    const auto fail = [&](const auto&... parts) { s.fail("rule ", rule_.name, ": ", parts...); };
    if (rule_.outputs.empty()) fail("gives nothing that its match defines");
    std::vector<bool> used(rule_.names.size());
    for (const RuleOutput& output : rule_.outputs) {
      const auto name = static_cast<size_t>(output.name);
      rule_.names[name].shared = used[name] = true;
      // The last one that is some op's first result: that one is always there.
      const RuleName& anchor =
          rule_.names[static_cast<size_t>(rule_.outputs[static_cast<size_t>(rule_.anchor)].name)];
      const bool first = rule_.names[name].definition->result == 0;
      if (first && (anchor.definition->result != 0 || &rule_.names[name] >= &anchor))
        rule_.anchor = static_cast<int>(&output - rule_.outputs.data());
    }
    mark_used(used);
    for (size_t i = 0; i < used.size(); ++i)
      if (!used[i]) fail("%", rule_.names[i].name, " is never used");
    sort_chains();
    collect_roots(name_definition());
    if (rule_.roots.empty()) fail("no op makes what it matches");
  }

  const RuleTerm& name_definition() const {
    const RuleOutput& anchor = rule_.outputs[static_cast<size_t>(rule_.anchor)];
    return *rule_.names[static_cast<size_t>(anchor.name)].definition;
  }

  void mark_used(std::vector<bool>& used) const {
    const auto mark = [&](const auto& self, const RuleTerm& term) -> void {
      if (term.kind == RuleTerm::Kind::name) used[static_cast<size_t>(term.index)] = true;
      for (const RuleTerm& choice : term.choices) self(self, choice);
    };
    for (const RuleNode& node : rule_.nodes)
      for (const RuleTerm& operand : node.operands) mark(mark, operand);
    for (const RuleName& name : rule_.names)
      if (name.definition) mark(mark, *name.definition);
  }

  /// The most telling first: constants, then ops, then names, then variables.
  void sort_chains() {
    const auto rank = [&](const RuleTerm& term) {
      if (term.kind == RuleTerm::Kind::name)
        return rule_.names[static_cast<size_t>(term.index)].definition ? 2 : 3;
      return term.kind == RuleTerm::Kind::node || term.kind == RuleTerm::Kind::either ? 1 : 0;
    };
    for (RuleNode& node : rule_.nodes) {
      const Algebra& algebra = node.op.op_class().algebra;
      if (!algebra.commutes) continue;
      flatten(node, node, algebra.associates && rule_.contract != kExact);
      std::stable_sort(node.chain.begin(), node.chain.end(),
                       [&](const RuleTerm& a, const RuleTerm& b) { return rank(a) < rank(b); });
    }
  }

  void flatten(RuleNode& top, const RuleNode& node, bool associates) {
    for (const RuleTerm& operand : node.operands) {
      if (associates && operand.kind == RuleTerm::Kind::node) {
        const RuleNode& inner = rule_.nodes[static_cast<size_t>(operand.index)];
        if (inner.op == top.op && inner.operands.size() == 2 && node.operands.size() == 2) {
          flatten(top, inner, associates);
          continue;
        }
      }
      top.chain.push_back(operand);
    }
  }

  void collect_roots(const RuleTerm& term) {
    for (const RuleTerm& choice : term.choices) collect_roots(choice);
    if (term.kind == RuleTerm::Kind::name) {
      const auto& definition = rule_.names[static_cast<size_t>(term.index)].definition;
      if (definition) collect_roots(*definition);
    }
    if (term.kind != RuleTerm::Kind::node) return;
    const RuleNode& node = rule_.nodes[static_cast<size_t>(term.index)];
    add_root(&node.op.op_class());
    if (node.chain.empty() || rule_.contract == kExact) return;
    for (const OpClass* op : registry_.all())
      if (op->algebra.inverse_of == node.op.name()) add_root(op);
  }

  void add_root(const OpClass* op) {
    if (std::find(rule_.roots.begin(), rule_.roots.end(), op) == rule_.roots.end())
      rule_.roots.push_back(op);
  }

  const std::vector<Line>& lines_;
  const OpRegistry& registry_;
  const Guards& guards_;
  Rule rule_;
};

}  // namespace

std::vector<Rule> parse_rules(std::string_view text, const OpRegistry& registry,
                              const Guards& guards) {
  const std::vector<Line> lines = lines_of(text);
  std::vector<Rule> rules;
  for (size_t at = 0; at < lines.size();) {
    rules.push_back(RuleParser(lines, registry, guards).run(at));
    for (size_t i = 0; i + 1 < rules.size(); ++i)
      check(rules[i].name != rules.back().name, Code::invalid_model, "line ", rules.back().line,
            ": found a second rule ", rules.back().name, ", wanted a new name");
  }
  return rules;
}

RuleSet rule_set(std::vector<Rule> rules) {
  RuleSet set;
  set.rules = std::move(rules);
  for (const Rule& rule : set.rules)
    for (const OpClass* root : rule.roots) set.by_root[root].push_back(&rule);
  return set;
}

}  // namespace hone
