#include "ops/einsum.hpp"

#include <algorithm>
#include <array>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ir/stages/stages.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

// An axis: a letter, or a number below kEllipsis that counts the unnamed axes from the last.
using Label = char;
constexpr Label kEllipsis = '.';  // all unnamed axes, until ranks are known
constexpr size_t kUnnamed = 32;   // at most, and less than any letter

using Term = std::vector<Label>;

struct Equation {
  std::vector<Term> operands;
  Term result;
  std::string problem;  // in words; empty: none
};

Term read_term(std::string_view text, std::string& problem) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool ellipsis =
        text.substr(i, 3) == "..." && std::find(term.begin(), term.end(), kEllipsis) == term.end();
    if (!letter && !ellipsis) problem = cat("\"", text, "\" is no list of letters and one \"...\"");
    if (!problem.empty()) return term;
    term.push_back(letter ? c : kEllipsis);
    if (ellipsis) i += 2;
  }
  return term;
}

// What stands right of "->" when nothing does.
Term usual_result(const std::vector<Term>& operands) {
  std::array<int, 128> times{};
  for (const Term& term : operands)
    for (const Label label : term) ++times[static_cast<size_t>(label)];
  Term result;
  if (times[static_cast<size_t>(kEllipsis)] > 0) result.push_back(kEllipsis);
  for (char c = 'A'; c <= 'z'; ++c)
    if (times[static_cast<size_t>(c)] == 1) result.push_back(c);
  return result;
}

Equation read_equation(std::string_view text) {
  Equation equation;
  const size_t arrow = text.find("->");
  for (const std::string_view term : split(text.substr(0, arrow), ','))
    equation.operands.push_back(read_term(term, equation.problem));
  if (arrow == std::string_view::npos) equation.result = usual_result(equation.operands);
  else equation.result = read_term(text.substr(arrow + 2), equation.problem);
  for (size_t i = 0; i < equation.result.size() && equation.problem.empty(); ++i) {
    const Label label = equation.result[i];
    bool known = false;
    for (const Term& term : equation.operands)
      known = known || std::find(term.begin(), term.end(), label) != term.end();
    const bool twice = std::count(equation.result.begin(), equation.result.end(), label) > 1;
    if (!known && label != kEllipsis)
      equation.problem = cat("\"", label, "\" of the result is in no operand");
    if (twice) equation.problem = cat("\"", label, "\" is twice in the result");
  }
  return equation;
}

// `term` with `unnamed` labels in place of "...", the last axis numbered 0.
Term expand(const Term& term, size_t unnamed) {
  Term result;
  for (const Label label : term) {
    if (label != kEllipsis) result.push_back(label);
    else
      for (size_t i = unnamed; i-- > 0;) result.push_back(static_cast<Label>(i));
  }
  return result;
}

// Labels for each operand's axes and the result's; fails where ranks and terms disagree.
template <class Context>
void expand_all(const Context& c, Equation& equation, const std::vector<size_t>& ranks) {
  c.check(equation.problem.empty(), equation.problem);
  c.check(equation.operands.size() == ranks.size(), "the equation has ", equation.operands.size(),
          " terms for ", ranks.size(), " operands");
  size_t most = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    Term& term = equation.operands[i];
    const bool open = std::find(term.begin(), term.end(), kEllipsis) != term.end();
    const size_t named = term.size() - open;
    c.check(open ? ranks[i] >= named : ranks[i] == named, "operand ", i, " has rank ", ranks[i],
            ", its term names ", named, " axes");
    const size_t unnamed = ranks[i] - named;
    c.check(unnamed < kUnnamed, "operand ", i, " has ", unnamed, " unnamed axes");
    most = std::max(most, unnamed);
    term = expand(term, unnamed);
  }
  equation.result = expand(equation.result, most);
}

struct Walk {
  std::vector<int64_t> size;                 // of each label in use, the result's first
  std::vector<std::vector<int64_t>> stride;  // of each operand along each
};

template <class T>
void sum_products(const Walk& walk, const std::vector<std::vector<T>>& operands, size_t inner,
                  std::vector<T>& out) {
  const size_t labels = walk.size.size();
  const int64_t summed = element_count(std::span(walk.size).subspan(inner));
  std::vector<int64_t> at(labels, 0), offset(operands.size(), 0);
  for (T& sum : out)
    for (int64_t i = 0; i < summed; ++i) {
      T product{1};
      for (size_t k = 0; k < operands.size(); ++k)
        product *= operands[k][static_cast<size_t>(offset[k])];
      sum += product;
      for (size_t label = labels; label-- > 0;) {
        const bool more = ++at[label] < walk.size[label];
        for (size_t k = 0; k < operands.size(); ++k)
          offset[k] += walk.stride[k][label] * (more ? 1 : 1 - walk.size[label]);
        if (more) break;
        at[label] = 0;
      }
    }
}

template <class T>
void eval_einsum(Evaluation& c, const Equation& equation) {
  Term labels = equation.result;
  for (const Term& term : equation.operands)
    for (const Label label : term)
      if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
  Walk walk{std::vector<int64_t>(labels.size(), 1), {}};
  const auto place = [&](Label label) {
    return static_cast<size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
  };
  for (size_t k = 0; k < equation.operands.size(); ++k)
    for (size_t axis = 0; axis < equation.operands[k].size(); ++axis) {
      const int64_t own = c.input(static_cast<int>(k)).shape()[axis];
      int64_t& size = walk.size[place(equation.operands[k][axis])];
      c.check(own == size || own == 1 || size == 1, "axis ", axis, " of operand ", k, " has ", own,
              " elements, another of the same name ", size);
      if (size == 1) size = own;
    }
  int64_t steps = static_cast<int64_t>(equation.operands.size());
  for (const int64_t size : walk.size) steps = try_mul(steps, size).value_or(INT64_MAX);
  spend_work(steps);
  std::vector<std::vector<T>> operands;
  for (size_t k = 0; k < equation.operands.size(); ++k) {
    const Tensor& operand = c.input(static_cast<int>(k));
    walk.stride.emplace_back(labels.size(), 0);
    int64_t stride = 1;
    for (size_t axis = equation.operands[k].size(); axis-- > 0;) {
      if (operand.shape()[axis] != 1)
        walk.stride.back()[place(equation.operands[k][axis])] += stride;
      stride *= operand.shape()[axis];
    }
    operands.push_back(elements<T>(operand));
  }
  const size_t inner = equation.result.size();
  const auto first = walk.size.begin();
  Tensor& out =
      c.output(0, c.input(0).dtype(), {first, first + static_cast<std::ptrdiff_t>(inner)});
  std::vector<T> sums(static_cast<size_t>(out.count()));
  sum_products(walk, operands, inner, sums);
  store(out, sums);
}

}  // namespace

void Einsum::infer(Inference& c) const {
  const DType dtype = number_operand(c, 0);
  std::vector<size_t> ranks;
  Equation parsed = read_equation(equation);
  c.check(parsed.problem.empty(), parsed.problem);
  for (int i = 0; i < c.inputs(); ++i) {
    c.check(c.has(i), "operand ", i, " is absent");
    same_dtype(c, 0, i);
    if (c.tensor(i).has_rank()) ranks.push_back(c.tensor(i).shape().size());
  }
  if (ranks.size() < static_cast<size_t>(c.inputs())) return c.set(0, Type::unranked(dtype));
  expand_all(c, parsed, ranks);
  std::array<Dim, 128> sizes;
  sizes.fill(1);
  for (size_t i = 0; i < ranks.size(); ++i)
    for (size_t axis = 0; axis < ranks[i]; ++axis) {
      Dim& size = sizes[static_cast<size_t>(parsed.operands[i][axis])];
      size = c.broadcast_dim(size, c.tensor(static_cast<int>(i)).shape()[axis]);
    }
  Dims dims;
  for (const Label label : parsed.result) dims.push_back(sizes[static_cast<size_t>(label)]);
  c.set(0, dtype, std::move(dims));
}

void Einsum::eval(Evaluation& c) const {
  Equation parsed = read_equation(equation);
  std::vector<size_t> ranks;
  for (int i = 0; i < c.inputs(); ++i) ranks.push_back(c.input(i).shape().size());
  expand_all(c, parsed, ranks);
  if (is_float(c.input(0).dtype())) eval_einsum<double>(c, parsed);
  else eval_einsum<uint64_t>(c, parsed);
}

namespace {

/// For what inference has checked already.
struct Trusted {
  template <class... Parts>
  void check(bool, const Parts&...) const {}
};

}  // namespace

EinsumTerms einsum_terms(std::string_view equation, const std::vector<size_t>& ranks) {
  Equation parsed = read_equation(equation);
  expand_all(Trusted{}, parsed, ranks);
  EinsumTerms terms;
  for (const Term& term : parsed.operands) terms.operands.emplace_back(term.begin(), term.end());
  terms.result.assign(parsed.result.begin(), parsed.result.end());
  return terms;
}

void Einsum::express(Expression& e) const {
  Equation parsed = read_equation(equation);
  std::vector<size_t> ranks;
  for (int i = 0; i < e.inputs(); ++i) ranks.push_back(e.shape(i).size());
  expand_all(Trusted{}, parsed, ranks);
  std::array<std::optional<Dim>, 128> variables;  // of each label
  for (size_t i = 0; i < parsed.result.size(); ++i)
    variables[static_cast<size_t>(parsed.result[i])] = loop(static_cast<int>(i));
  std::vector<Axis> summed;
  std::optional<Expr> product;
  for (size_t k = 0; k < ranks.size(); ++k)
    for (size_t axis = 0; axis < ranks[k]; ++axis) {
      const auto label = static_cast<size_t>(parsed.operands[k][axis]);
      const Dim& size = e.shape(static_cast<int>(k))[axis];
      if (variables[label] || size.is(1)) continue;  // what is 1 everywhere takes no loop
      summed.push_back(e.axis(size));
      variables[label] = summed.back().variable;
    }
  for (size_t k = 0; k < ranks.size(); ++k) {
    Dims from;
    for (size_t axis = 0; axis < ranks[k]; ++axis) {
      const auto& variable = variables[static_cast<size_t>(parsed.operands[k][axis])];
      const bool single = e.shape(static_cast<int>(k))[axis].is(1);
      from.push_back(single || !variable ? Dim(0) : *variable);
    }
    const Expr element = e.at(static_cast<int>(k), from);
    product = product ? *product * element : element;
  }
  e.set(0, summed.empty() ? *product : Expr::reduce(Function::add, std::move(summed), *product));
}

void register_einsum(OpRegistry& registry) { registry.add<Einsum>(); }

}  // namespace hone
