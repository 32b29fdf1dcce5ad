// Rewrites of nests leave what they compute as it was: cases in text, and drawn at random.

#include "ir/nest/rewrites.hpp"

#include <gtest/gtest.h>

#include <map>

#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "support/drawn_stages.hpp"
#include "support/rng.hpp"
#include "support/text_case.hpp"

namespace hone::test::rewrites_test {

/// One way to rewrite: what it was asked for in words, and whether it was declined.
struct Attempt {
  std::string name, what;
  Declined declined;
};

/// `split i 8`, `compute_at t i local`: a rewrite as a line of text.
Declined rewrite(Nest& nest, const std::vector<std::string_view>& words) {
  const auto number = [&](size_t i) { return parse_int(words[i]).value(); };
  const auto scope = [&](size_t i) {
    return words[i] == "registers" ? Scope::registers : Scope::local;
  };
  const std::string_view verb = words[0], first = words[1];
  const Order order = words.back() == "any" ? Order::any : Order::kept;
  if (verb == "split") return split(nest, first, number(2));
  if (verb == "reorder") return reorder(nest, first, order);
  if (verb == "fuse") return fuse_loops(nest, first);
  if (verb == "distribute") return distribute(nest, first);
  if (verb == "vectorize") return vectorize(nest, first, static_cast<int>(number(2)), order);
  if (verb == "unroll") return unroll(nest, first);
  if (verb == "parallelize") return parallelize(nest, first);
  if (verb == "inline") return inline_buffer(nest, first);
  if (verb == "compute_at") return compute_at(nest, first, words[2], scope(3));
  if (verb == "cache") return cache(nest, first, words[2], scope(3));
  if (verb == "hoist") return hoist(nest, first);
  if (verb == "contract") return contract(nest, first);
  if (verb == "parts") return fold_in_parts(nest, first, number(2), order);
  if (verb == "merge") return merge(nest, first);
  if (verb == "share") return share(nest, first, words[2], order);
  if (verb == "flatten") return flatten_parameters(nest);
  if (verb == "units") return drop_units(nest);
  fail(Code::usage, "no rewrite ", verb);
}

/// The lines before "nest" are rewrites of it. What is declined must leave the nest as it was.
std::string rewritten(std::string_view given) {
  const size_t start = given.find("nest ");
  Nest nest = parse_nest(given.substr(start));
  verify(nest);
  for (const std::string_view line : split(given.substr(0, start), '\n')) {
    if (trim(line).empty()) continue;
    const Nest before = nest;
    const Declined why = rewrite(nest, split(trim(line), ' '));
    if (!why.empty()) {
      EXPECT_EQ(print(nest), print(before)) << line << " was declined";
      return cat(line, ": ", why, "\n");
    }
    verify(nest);
  }
  return print(nest);
}

TEST(Rewrites, Cases) { expect_text_cases("ir/nest/rewrites.test", {{"rewritten", rewritten}}); }

/// Draws rewrites of one nest.
class Drawing {
 public:
  Drawing(Nest nest, uint64_t seed) : nest_(std::move(nest)), rng_(seed) {}

  Attempt draw() {
    loops_.clear();
    own_.clear();
    all_.clear();
    for (const NestBuffer& buffer : nest_.parameters) all_.push_back(buffer.name);
    walk(nest_.body, [&](const Statement& statement) {
      if (const NestLoop* loop = statement.as<NestLoop>()) loops_.push_back(loop->variable);
      if (const Allocate* made = statement.as<Allocate>()) {
        own_.push_back(made->buffer.name);
        all_.push_back(made->buffer.name);
      }
      return true;
    });
    if (loops_.empty()) return {"none", "", "there is no loop"};
    const std::string verb =
        rng_.among<const char*>({"split", "reorder", "fuse", "distribute", "vectorize",
                                 "parallelize", "unroll", "compute_at", "inline", "cache", "hoist",
                                 "contract", "parts", "units", "share", "merge", "merge"});
    std::string line = verb;
    if (verb == "inline") line += " " + pick_name(own_);
    else if (verb == "compute_at") line += " " + pick_name(own_) + " " + pick_name(loops_);
    else if (verb == "share") line += " " + pick_name(loops_) + " " + pick_name(loops_);
    else if (verb == "cache") line += " " + pick_name(all_) + " " + pick_name(loops_);
    else line += " " + pick_name(loops_);
    if (verb == "split" || verb == "parts") line += cat(" ", 2 + rng_.below(7));
    if (verb == "vectorize") line += cat(" ", 2 << rng_.below(4));
    if (verb == "compute_at" || verb == "cache")
      line += rng_.below(2) == 0 ? " registers" : " local";
    if ((verb == "vectorize" || verb == "reorder" || verb == "parts" || verb == "share") &&
        rng_.below(4) == 0)
      line += " any";
    const Nest before = nest_;
    Attempt attempt{verb, line, rewrite(nest_, split(std::string_view(line), ' '))};
    if (!attempt.declined.empty() && !(before == nest_))
      attempt.what += " changed the nest and was declined";
    in_order_ = in_order_ && (!attempt.declined.empty() || !line.ends_with(" any"));
    return attempt;
  }

  const Nest& nest() const { return nest_; }
  bool in_order() const { return in_order_; }

 private:
  std::string pick_name(const std::vector<std::string>& from) {
    return from.empty() ? "none" : rng_.among(from);
  }

  Nest nest_;
  Rng rng_;
  bool in_order_ = true;
  std::vector<std::string> loops_, own_, all_;
};

/// Names with spaces cannot stand in a line of words.
bool has_plain_names(const Nest& nest) {
  for (const std::string& name : names_of(nest))
    if (name.find(' ') != std::string::npos) return false;
  return true;
}

struct Tally {
  std::map<std::string, int> done;
  std::map<std::string, std::map<std::string, int>> declined;
  int nests = 0;
};

/// What verify() may refuse of a rewritten nest; anything else is a fault of the rewrite.
bool is_lost_proof(std::string_view declined) {
  if (!declined.starts_with("nest ")) return true;
  return declined.find(" meet in ") != std::string_view::npos ||
         declined.find(" may have more than ") != std::string_view::npos ||
         declined.find(" may leave ") != std::string_view::npos;
}

std::string judge(const DrawnStages& drawn, uint64_t seed, Tally& tally) {
  if (!has_plain_names(drawn.lowered.nest)) return {};
  Drawing drawing(drawn.lowered.nest, seed);
  std::string script;
  const auto told = [&](const std::string& what) {
    return cat(what, "\n", script, print(drawn.lowered.nest), print(drawing.nest()));
  };
  ++tally.nests;
  try {
    for (int i = 0; i < 24; ++i) {
      const Attempt attempt = drawing.draw();
      if (!attempt.declined.empty()) {
        if (attempt.what.ends_with("declined")) return told(attempt.what);
        if (!is_lost_proof(attempt.declined)) return told(attempt.what + ": " + attempt.declined);
        continue;
      }
      ++tally.done[attempt.name];
      script += attempt.what + "\n";
      verify(drawing.nest());
    }
    const std::string text = print(drawing.nest());
    if (print(parse_nest(text)) != text) return told("its text reads otherwise");
    const auto outputs = evaluate(drawing.nest(), drawn.symbols, drawn.inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const double off = difference(outputs[i], drawn.outputs[i]);
      if (drawing.in_order() ? off != 0 : off > 1e-6)
        return told(cat("output ", i, " is off by ", off));
    }
  } catch (const Error& error) {
    return told(error.message());
  }
  return {};
}

void expect_done(const Tally& tally, std::initializer_list<const char*> names, int least) {
  std::string counts;
  for (const auto& [name, count] : tally.done) counts += cat(" ", name, " ", count);
  std::cout << tally.nests << " nests:" << counts << "\n";
  for (const char* name : names) {
    const auto found = tally.done.find(name);
    EXPECT_GE(found == tally.done.end() ? 0 : found->second, least) << name;
  }
}

TEST(Rewrites, DrawnForNodesComputeTheSame) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    uint64_t draw = 1000 * seed;
    ASSERT_EQ(
        visit_drawn_stages(seed, all_ops(), {.most_elements = 96},
                           [&](const DrawnStages& drawn) { return judge(drawn, ++draw, tally); }),
        "")
        << "seed " << seed;
  }
  expect_done(tally,
              {"split", "reorder", "fuse", "distribute", "vectorize", "parallelize", "unroll",
               "cache", "hoist", "units"},
              100);
  expect_done(tally, {"parts"}, 30);
}

TEST(Rewrites, DrawnForRegionsComputeTheSame) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    uint64_t draw = 1000 * seed;
    ASSERT_EQ(visit_drawn_region(seed, all_ops(),
                                 [&](const DrawnStages& drawn) {
                                   for (int i = 0; i < 4; ++i)
                                     if (std::string off = judge(drawn, ++draw, tally);
                                         !off.empty())
                                       return off;
                                   return std::string();
                                 }),
              "")
        << "seed " << seed;
  }
  expect_done(tally, {"compute_at", "inline"}, 30);
}

/// A matrix product as it comes from its op, brought into blocks of registers.
TEST(Rewrites, BlocksOfAMatrixProductComputeTheSame) {
  const auto graph = parse(
      "graph g(%a: f32[n,k], %b: f32[k,m]) -> (%y)\n"
      "  %y = MatMul(%a, %b)\n",
      all_ops());
  Rng rng(1);
  for (int round = 0; round < 40; ++round) {
    const int64_t n = rng.below(12), k = rng.below(9), m = rng.below(40);
    Tensor a(DType::f32, {n, k}), b(DType::f32, {k, m});
    for (int64_t i = 0; i < a.count(); ++i) a.set_number(i, static_cast<double>(rng.below(9)) / 7);
    for (int64_t i = 0; i < b.count(); ++i) b.set_number(i, static_cast<double>(rng.below(9)) / 5);
    Nest nest = lower(stages_of(graph->nodes().front()), "matmul").nest;
    const Bindings symbols{{"n", n}, {"k", k}, {"m", m}};
    const Tensor plain = evaluate(nest, symbols, {a, b}).front();
    const std::string rows = cat("split i0 ", 2 + rng.below(5));
    const std::string columns = cat("split i1 ", rng.among({8, 16, 24}));
    for (const std::string& line :
         {rows, columns, std::string("reorder i0i"), std::string("distribute i1i"),
          std::string("distribute i0i"), std::string("reorder i1i.2"), std::string("reorder i0i.2"),
          std::string("contract r2"), std::string("vectorize i1i.3 8"),
          std::string("parallelize i0o")})
      EXPECT_EQ(rewrite(nest, split(std::string_view(line), ' ')), "") << line << print(nest);
    verify(nest);
    EXPECT_EQ(unproven_places(nest), std::vector<std::string>());
    EXPECT_TRUE(same_bits(evaluate(nest, symbols, {a, b}).front(), plain)) << print(nest);
  }
}

}  // namespace hone::test::rewrites_test
