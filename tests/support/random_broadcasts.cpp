#include "support/random_broadcasts.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "build/build.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "runtime/context.hpp"
#include "support/rng.hpp"

namespace hone::test {
namespace {

constexpr double kLargest = 1 << 20;  // whole numbers this small are exact in f32, sums of them too
constexpr int64_t kMostElements = 2048;

/// The graph at one choice of sizes.
struct Run {
  Bindings sizes;
  std::vector<std::string> headers{};  // the inputs with these sizes for types
  std::vector<Tensor> inputs{}, results{};
  bool valid = true;  // every node can be evaluated
};

/// One graph in the making, as text: lines that are refused are left out again.
class Broadcasts {
 public:
  Broadcasts(uint64_t seed, const OpRegistry& registry)
      : rng_(seed), registry_(registry), wide_(rng_.among({2, 3, 4})) {
    for (const int64_t n : {wide_, int64_t{1}})
      for (const int64_t m : {wide_, int64_t{1}}) runs_.push_back({{{"n", n}, {"m", m}}});
    if (rng_.percent(10)) runs_.push_back({{{"n", 0}, {"m", 1}}});
    for (int64_t left = rng_.between(2, 4); left > 0; --left) add_input();
    keep(*graph_of(lines_));
  }

  /// Empty: nothing is wrong.
  std::string run() {
    for (int64_t tries = rng_.between(6, 24); tries > 0; --tries)
      if (std::string what = add_line(); !what.empty()) return what;
    std::string what = check_all();
    return what.empty() ? what : cat(what, "\n", text_of(lines_, headers_));
  }

 private:
  void add_input() {
    const std::string name = cat("x", headers_.size());
    std::string type = "f32[";
    std::vector<std::string> dims;
    for (int64_t rank = rng_.among({1, 2, 2, 3, 3}); rank > 0; --rank) {
      dims.push_back(rng_.among<std::string>({"n", "n", "m", "m", cat(wide_), "1"}));
      type += cat(dims.size() > 1 ? "," : "", dims.back());
    }
    headers_.push_back(cat("%", name, ": ", type, "]"));
    for (Run& run : runs_) {
      std::vector<int64_t> shape;
      for (const std::string& dim : dims) {
        const auto found = run.sizes.find(dim);
        shape.push_back(found == run.sizes.end() ? (dim == "1" ? 1 : wide_) : found->second);
      }
      Tensor tensor(DType::f32, shape);
      for (int64_t i = 0; i < tensor.count(); ++i)
        tensor.set_number(i, static_cast<double>(rng_.between(-2, 2)));
      run.headers.push_back(cat("%", name, ": f32", shape_text(shape)));
      run.inputs.push_back(std::move(tensor));
    }
  }

  /// Every value that nobody reads is an output.
  std::string text_of(const std::vector<std::string>& lines,
                      const std::vector<std::string>& headers) const {
    const std::string body = join(lines, "");
    std::string outputs;
    for (const std::string& made : made_in(body)) {
      const bool read = body.find(cat("%", made, ",")) != std::string::npos ||
                        body.find(cat("%", made, ")")) != std::string::npos;
      if (!read) outputs += cat(outputs.empty() ? "%" : ", %", made);
    }
    return cat("graph broadcasts(", join(headers, ", "), ") -> (",
               outputs.empty() ? "%x0" : outputs, ")\n", body);
  }

  /// Names of results of the graph's own nodes, each alone on its line.
  static std::vector<std::string> made_in(std::string_view body) {
    std::vector<std::string> names;
    for (const std::string_view line : split(body, '\n'))
      if (line.starts_with("  %")) names.emplace_back(line.substr(3, line.find(' ', 3) - 3));
    return names;
  }

  std::unique_ptr<Graph> graph_of(const std::vector<std::string>& lines) const {
    auto graph = parse(text_of(lines, headers_), registry_);
    infer(*graph);
    return graph;
  }

  void keep(const Graph& graph) {
    values_.clear();
    const auto add = [&](const Value* value) {
      if (value == nullptr || !value->type.is_tensor()) return;
      const TensorType& type = value->type.tensor();
      if (type.dtype == DType::f32 && type.has_rank())
        values_.push_back({cat("%", value->name), type.rank()});
    };
    for (const Value* input : graph.inputs()) add(input);
    for (const Node& node : graph.nodes())
      for (const Value* output : node.outputs) add(output);
  }

  struct Known {
    std::string name;
    int rank;
  };
  /// Later ones more often.
  const Known& any() {
    const auto count = static_cast<int64_t>(values_.size());
    return values_[static_cast<size_t>(std::max(rng_.below(count), rng_.below(count)))];
  }
  std::string axis_of(const Known& value) { return cat(rng_.below(std::max(1, value.rank))); }
  std::string any_size() { return cat(rng_.among({int64_t{1}, wide_, wide_, int64_t{-1}})); }

  std::string draw_line() {
    const std::string y = cat("v", drawn_), s = cat("s", drawn_), t = cat("t", drawn_);
    ++drawn_;
    const Known a = any(), b = any(), c = any();
    const std::string both = cat(a.name, ", ", b.name);
    const std::string shape = cat("  %", s, " = Shape(", b.name, ")\n");
    const std::string make = cat("  %", y, " = ");
    switch (rng_.below(22)) {
      default:
        return cat(make, rng_.among<std::string>({"Add", "Sub", "Mul", "Max", "Min"}), "(", both,
                   ")\n");
      case 6:
        return cat("  %", s, " = Greater(", both, ")\n", make, "Where(%", s, ", ", c.name, ", ",
                   a.name, ")\n");
      case 7: return cat(shape, make, "Expand(", a.name, ", %", s, ")\n");
      case 8: return cat(shape, make, "Reshape(", a.name, ", %", s, ")\n");
      case 9:
        return cat(make, rng_.among<std::string>({"Reshape(", "Expand("}), a.name, ", i64[2]{",
                   any_size(), ",", any_size(), "})\n");
      case 10: return cat(make, "Concat(", both, ") axis=", axis_of(a), "\n");
      case 11: return cat(make, "Squeeze(", a.name, ") axes=[", axis_of(a), "]\n");
      case 12: return cat(make, "Unsqueeze(", a.name, ") axes=[", axis_of(a), "]\n");
      case 13: return cat(make, "MatMul(", both, ")\n");
      case 14: return cat(make, "Gemm(", both, ", ", c.name, ")\n");
      case 15: return cat(make, "Conv(", a.name, ", ConstantOfShape_", y, ")\n");
      case 16:
        return cat(make, "ReduceSum(", a.name, ") axes=[", axis_of(a),
                   "] keepdims=", rng_.percent(50) ? "true" : "false", "\n");
      case 17: return cat(shape, make, "Cast(%", s, ") to=f32\n");
      case 18: return cat(shape, make, "ConstantOfShape(%", s, ") value=f32[1]{2}\n");
      case 19: return cat(make, "PRelu(", both, ")\n");
      case 20:
        return cat(make, "Einsum(", both, ") equation=\"",
                   rng_.among<std::string>({"ij,ij->ij", "ij,jk->ik", "ij,j->i", "i,j->ij"}),
                   "\"\n");
      case 21: return draw_control(make, s, t, a, b);
    }
  }

  /// A branch that sizes choose, or turns in which a state may grow.
  std::string draw_control(const std::string& make, const std::string& s, const std::string& t,
                           const Known& a, const Known& b) {
    const std::string op = rng_.among<std::string>({"Add", "Mul", "Sub"});
    if (rng_.percent(50))
      return cat(make, "Loop(i64{2}, bool{true}, ", a.name, ", ", b.name,
                 ") states=1\n    body(%turn: i64[], %go: bool[], %p: f32[*], %q: f32[*]) -> (%go, "
                 "%r)\n      %r = ",
                 op, "(%p, %q)\n");
    return cat("  %", s, " = Shape(", b.name, ") start=0 end=1\n  %", t, " = Equal(%", s,
               ", i64[1]{", any_size(), "})\n", make, "If(%", t, ", ", a.name, ", ", b.name,
               ")\n    then_branch(%p: f32[*], %q: f32[*]) -> (%r)\n      %r = ", op,
               "(%p, %q)\n    else_branch(%p: f32[*], %q: f32[*]) -> (%r)\n      %r = Neg(%p)\n");
  }

  /// What is wrong: it is refused where some sizes fit.
  std::string add_line() {
    std::string line = draw_line();
    if (const size_t at = line.find("ConstantOfShape_"); at != std::string::npos) {
      const int64_t channels = rng_.among({int64_t{1}, wide_});
      std::string numbers;
      for (int64_t i = 0; i < 2 * channels; ++i) numbers += cat(i > 0 ? "," : "", i % 3 - 1);
      line = cat(line.substr(0, at), "f32[2,", channels, ",1]{", numbers, "})\n");
    }
    std::vector<std::string> lines = lines_;
    lines.push_back(line);
    std::vector<std::optional<std::vector<Tensor>>> results;
    for (const Run& run : runs_) {
      // A size of 0 that Reshape is given means another one where it is no symbol.
      const bool ambiguous = run.sizes.at("n") == 0 && line.find("Reshape") != std::string::npos;
      results.push_back(run.valid && !ambiguous ? evaluate_run(lines, run) : std::nullopt);
    }
    if (std::none_of(results.begin(), results.end(),
                     [](const auto& each) { return each.has_value(); }))
      return {};
    try {
      keep(*graph_of(lines));
    } catch (const Error& error) {
      return cat("refused: ", error.message(), "\n", text_of(lines, headers_));
    }
    for (size_t i = 0; i < runs_.size(); ++i) {
      runs_[i].valid = results[i].has_value();
      if (results[i]) runs_[i].results = *std::move(results[i]);
    }
    lines_ = std::move(lines);
    return {};
  }

  /// By reference, as a graph of these very sizes. nullopt: they do not fit, or numbers become too
  /// large.
  std::optional<std::vector<Tensor>> evaluate_run(const std::vector<std::string>& lines,
                                                  const Run& run) const {
    std::vector<Tensor> results;
    try {
      const auto graph = parse(text_of(lines, run.headers), registry_);
      infer(*graph);
      results = evaluate(*graph, run.inputs);
    } catch (const Error& error) {
      if (error.code() == Code::internal) throw;
      return std::nullopt;
    }
    for (const Tensor& result : results) {
      if (result.count() > kMostElements) return std::nullopt;
      for (int64_t at = 0; at < result.count(); ++at)
        if (!(std::abs(result.number(at)) < kLargest)) return std::nullopt;
    }
    return results;
  }

  std::string check_all() {
    try {
      const std::unique_ptr<Graph> graph = graph_of(lines_);
      verify(*graph, "drawing");
      const std::string text = print(*graph);
      if (print(*parse(text, registry_)) != text) return "does not read back as it prints";
      for (const bool passes : {true, false}) {
        BuildOptions options;
        options.engine.workers = 1;
        if (!passes) options.passes.disabled = {"all"};
        const auto engine = build(graph->clone(), options);
        const std::string_view way = passes ? "with passes" : "without passes";
        if (std::string what = check_engine(engine); !what.empty()) return cat(way, ": ", what);
        const auto file =
            std::filesystem::temp_directory_path() / cat("hone-broadcasts-", ::getpid(), ".hone");
        save(*engine, file, {rng_.percent(30)});
        LoadOptions load_options;
        load_options.engine = options.engine;
        load_options.engine.passes = options.passes;
        const auto again = load(file, load_options);
        std::filesystem::remove(file);
        if (std::string what = check_engine(again); !what.empty())
          return cat(way, ", from a file: ", what);
      }
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }

  /// All sizes one after the other, by one context.
  std::string check_engine(const std::shared_ptr<const Engine>& engine) {
    Context context(engine);
    for (const Run& run : runs_) {
      if (!run.valid) continue;
      NamedTensors inputs;
      for (size_t i = 0; i < run.inputs.size(); ++i)
        inputs.emplace_back(cat("x", i), run.inputs[i]);
      const std::string at = cat("n=", run.sizes.at("n"), " m=", run.sizes.at("m"), ": ");
      try {
        const NamedTensors results = context.run(inputs);
        for (size_t i = 0; i < results.size(); ++i)
          if (!same(results[i].second, run.results[i]))
            return cat(
                at, results[i].first, " is ", describe(results[i].second), ", wanted ",
                describe(run.results[i]),
                results[i].second.shape() == run.results[i].shape() ? " of other numbers" : "");
      } catch (const Error& error) {
        return cat(at, error.message());
      }
    }
    return {};
  }

  static bool same(const Tensor& a, const Tensor& b) {
    if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
    for (int64_t i = 0; i < a.count(); ++i)
      if (a.number(i) != b.number(i)) return false;
    return true;
  }

  Rng rng_;
  const OpRegistry& registry_;
  int64_t wide_;
  int drawn_ = 0;
  std::vector<std::string> headers_, lines_;
  std::vector<Known> values_;
  std::vector<Run> runs_;
};

}  // namespace

std::string check_broadcasts(uint64_t seed, const OpRegistry& registry) {
  return Broadcasts(seed, registry).run();
}

}  // namespace hone::test
