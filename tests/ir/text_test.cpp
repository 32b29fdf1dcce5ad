#include "ir/text/text.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <random>

#include "base/text.hpp"
#include "ir/test_ops.hpp"
#include "support/graph_case.hpp"
#include "support/refusal.hpp"

namespace hone::test::text_test {

std::string roundtrip(std::string_view text, const PrintOptions& options = {.align = false}) {
  return print(*parse(text, test_registry()), options);
}

/// The message of the error that parsing ends with.
std::string error_of(std::string_view text) {
  try {
    parse(text, test_registry());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_model) << error.message();
    return error.message();
  }
  return "no error";
}

const Verbs& verbs() {
  static const Verbs kVerbs{
      {"roundtrip", [](std::string_view given) { return roundtrip(given); }},
      {"align", [](std::string_view given) { return roundtrip(given, {}); }},
      {"bare",
       [](std::string_view given) {
         return roundtrip(given,
                          {.types = false, .origins = false, .weights = false, .align = false});
       }},
      {"hashes",
       [](std::string_view given) { return roundtrip(given, {.align = false, .hashes = true}); }},
      {"infer", graph_verb(test_registry(), [](Graph& graph) { infer(graph); })},
      {"verify", graph_verb(test_registry(), [](Graph&) {})},
  };
  return kVerbs;
}

TEST(Text, Cases) { expect_text_cases("ir/text.test", verbs()); }
TEST(Text, ErrorCases) { expect_text_cases("ir/text_error.test", verbs()); }
TEST(Text, InferCases) { expect_text_cases("ir/infer.test", verbs()); }
TEST(Text, VerifyCases) { expect_text_cases("ir/verify.test", verbs()); }

/// Draws graphs of test ops with everything that text must carry.
class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : random_(seed) {}

  std::unique_ptr<Graph> draw(int nodes, int depth) {
    auto graph = std::make_unique<Graph>(name());
    const Type type = Type::tensor(DType::f32, {Dim::symbol("n"), below(2) + 2});
    std::vector<Value*> values;
    for (int i = 0; i < 2; ++i) values.push_back(graph->add_input(name(), type));
    if (below(2) == 0)
      graph->add_requirement({Require::Relation::less_equal, Dim(1), Dim::symbol("n")});
    for (int i = 0; i < nodes; ++i) add_node(*graph, values, type, depth);
    graph->add_output(name(), values.back());
    if (below(3) == 0) graph->add_output(values.front()->name, values.front());
    return graph;
  }

 private:
  int64_t below(int64_t limit) { return static_cast<int64_t>(random_()) % limit; }

  std::string name() {
    static const std::vector<std::string> kParts{"a", "/b/",       "c d", "\"",     "1",
                                                 "_", "literal.0", "\n",  "é",      "#",
                                                 ":", "\xff",      "%x",  "weights"};
    std::string text;
    for (int64_t i = below(3) + 1; i > 0; --i)
      text += kParts[static_cast<size_t>(below(std::ssize(kParts)))];
    return text;
  }

  Value* operand(Graph& graph, const std::vector<Value*>& values, const Type& type) {
    const int64_t kind = below(6);
    const std::vector<int64_t> shape{1, *type.tensor().shape()[1].constant()};
    if (kind == 0) {
      Tensor tensor(DType::f32, shape);
      for (int64_t i = 0; i < tensor.count(); ++i) tensor.put(i, random_());
      return graph.add_constant(name(), Weight::of(std::move(tensor)));
    }
    if (kind == 1) {
      const double gain = static_cast<double>(below(100)) / 7;
      return graph.add_constant(name(), Weight::random(DType::f32, shape, random_(), gain));
    }
    if (kind == 2)
      return graph.add_constant(name(), Weight::absent(DType::f32, shape, {random_(), random_()},
                                                       below(2) ? name() : ""));
    return values[static_cast<size_t>(below(std::ssize(values)))];
  }

  TestFields fields(int depth) {
    TestFields op;
    op.count = below(3);
    op.scale = std::bit_cast<float>(static_cast<uint32_t>(random_()));
    op.text = name();
    op.dim = Dim::symbol("n") * below(3);
    op.mode = static_cast<TestMode>(below(3));
    if (below(2) == 0) op.value = Tensor::ints({below(5), -below(5)}, DType::i8);
    for (int64_t i = below(3); i > 0; --i) op.texts.push_back(name());
    if (below(2) == 0) op.dims_field.reset();
    if (below(2) == 0) op.limit = std::nullopt;
    if (depth > 0 && below(2) == 0) op.body = draw(3, depth - 1);
    return op;
  }

  void add_node(Graph& graph, std::vector<Value*>& values, const Type& type, int depth) {
    std::vector<std::string> origin;
    for (int64_t i = below(3); i > 0; --i) origin.push_back(below(9) == 0 ? "" : name());
    const std::string by = below(3) == 0 ? name() : "";
    Value* a = operand(graph, values, type);
    Value* b = operand(graph, values, type);
    switch (below(3)) {
      case 0: graph.add_node(TestAdd{}, {a, b}, {name()}, origin, by); break;
      case 1:
        graph.add_node(TestSplit{below(3)}, {a, nullptr, b}, {"", name(), ""}, origin, by);
        break;
      default:
        graph.add_node(fields(depth), {a, b, nullptr, a}, {name()}, origin, by);
        values.back()->known.reset();
    }
    for (Value* output : graph.nodes().back().outputs) {
      if (output == nullptr) continue;
      output->type = type;
      values.push_back(output);
    }
  }

  std::mt19937 random_;
};

TEST(Text, RandomGraphsRoundTrip) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const auto graph = RandomGraph(seed).draw(12, 2);
    for (const PrintOptions& options : {PrintOptions{}, PrintOptions{.align = false}}) {
      const std::string text = print(*graph, options);
      std::unique_ptr<Graph> again;
      ASSERT_NO_THROW(again = parse(text, test_registry())) << seed << "\n" << text;
      ASSERT_EQ(print(*again, options), text) << seed;
      EXPECT_TRUE(same_structure(*graph, *again)) << seed << "\n" << text;
      ASSERT_EQ(print(*graph->clone(), options), text) << seed;
    }
  }
}

TEST(Text, CutAnywhereIsAnErrorOrAGraph) {
  const std::string text = print(*RandomGraph(7).draw(8, 2));
  for (size_t length = 0; length < text.size(); ++length) {
    try {
      parse(std::string_view(text).substr(0, length), test_registry());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::invalid_model) << error.message();
    }
  }
}

TEST(Text, FlippedBytesNeverCrash) {
  std::mt19937 random(11);
  const std::string text = print(*RandomGraph(3).draw(8, 2));
  for (int round = 0; round < 3000; ++round) {
    std::string bad = text;
    for (int i = 0; i < 3; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    try {
      parse(bad, test_registry());
    } catch (const Error& error) {
      EXPECT_NE(error.code(), Code::internal) << error.message();
    }
  }
}

TEST(Text, DeepBodiesAreRefused) {
  std::string text = "graph g() -> (%a)\n  %a = TestFields() : f32[]\n";
  for (int depth = 1; depth <= 100; ++depth) {
    const std::string pad(static_cast<size_t>(4 * depth), ' ');
    text += pad + "body() -> (%a)\n" + pad + "  %a = TestFields() : f32[]\n";
  }
  EXPECT_EQ(error_of(text), "line 131: found bodies nested deeper than 64, wanted fewer");
}

TEST(Text, OneNode) {
  const auto graph = parse(
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %y = TestSplit(%x, _, f32{1}) axis=1 : f32[n]  # /a/b (by some_pass)\n",
      test_registry());
  EXPECT_EQ(print(graph->nodes().front()),
            "%y = TestSplit(%x, _, f32{1}) axis=1 : f32[n]  # /a/b (by some_pass)\n");
}

TEST(Text, LimitsHold) {
  const auto error = [](const Limits& limits, std::string_view text) {
    try {
      parse(text, test_registry(), nullptr, limits);
    } catch (const Error& error) {
      return cat(name(error.code()), ": ", error.message());
    }
    return std::string("none");
  };
  constexpr std::string_view kText =
      "graph g(%x: f32[1,1,1], %z: f32[2]) -> (%y)\n"
      "  %a = Relu(%x) : f32[1,1,1]\n"
      "  %y = Relu(%a) : f32[1,1,1]\n"
      "weights\n"
      "  @v : f32[20] 80 bytes\n"
      "  @w : f32[20] 80 bytes\n";
  EXPECT_EQ(error({}, kText), "none");
  EXPECT_EQ(error({.nodes = 1}, kText),
            "invalid_model: line 3: found more than 1 nodes, wanted fewer");
  EXPECT_EQ(error({.tensors = 1}, kText),
            "invalid_model: line 6: found more than 1 weights, wanted fewer");
  EXPECT_EQ(error({.interface = 1}, kText),
            "invalid_model: line 1: found more than 1 inputs, wanted fewer");
  EXPECT_EQ(error({.rank = 2}, kText),
            "invalid_model: line 1: found a tensor of 3 dimensions, wanted at most 2");
  EXPECT_EQ(
      error({.name_bytes = 3}, "graph g(%x: f32[2]) -> (%long)\n  %long = Relu(%x) : f32[2]\n"),
      "invalid_model: line 2: found a name of 4 bytes, wanted at most 3");
  EXPECT_EQ(error({.rank = 1}, "graph g(%x: f32[2]) -> (%y)\n  %y = Add(%x, f32[1,1]{1})\n"),
            "invalid_model: line 2: found a literal of 2 dimensions, wanted at most 1");
}

TEST(Text, HashesOfWeightsThatAreHere) {
  Graph graph("g");
  const auto weight = Weight::of(Tensor(DType::f32, {20}));
  graph.add_output("w", graph.add_constant("w", weight));
  EXPECT_EQ(print(graph), "graph g() -> (@w)\nweights\n  @w : f32[20] 80 bytes memory\n");
  const std::string text = print(graph, {.hashes = true});
  EXPECT_EQ(text, cat("graph g() -> (@w)\nweights\n  @w : f32[20] 80 bytes hash ", weight->hash(),
                      " memory\n"));
  EXPECT_EQ(roundtrip(text), text);
  EXPECT_TRUE(same_structure(graph, *parse(text, test_registry())));
}

TEST(Text, WeightsComeFromTheResolver) {
  constexpr std::string_view kText =
      "graph g(%x: f32[20]) -> (%y)\n"
      "  %y = TestAdd(%x, @w) : f32[20]\n"
      "weights\n"
      "  @w : f32[20] 80 bytes hash 000102030405060708090a0b0c0d0e0f net.onnx+0x10\n";
  const auto weight = Weight::of(Tensor(DType::f32, {20}));
  Hash asked;
  const auto graph =
      parse(kText, test_registry(),
            [&](std::string_view name, DType, const std::vector<int64_t>&, const Hash& hash) {
              EXPECT_EQ(name, "w");
              asked = hash;
              return weight;
            });
  EXPECT_EQ(graph->find("w")->weight, weight);
  EXPECT_EQ(cat(asked), "000102030405060708090a0b0c0d0e0f");
  EXPECT_TRUE(parse(kText, test_registry())->find("w")->weight->is_absent());
  EXPECT_EQ(refusal_of([&] {
              (void)parse(kText, test_registry(),
                          [](std::string_view, DType, const std::vector<int64_t>&, const Hash&) {
                            return Weight::of(Tensor(DType::f32, {21}));
                          });
            }),
            "invalid_model: line 4: found contents of f32[21] for w, wanted f32[20]");
}

TEST(Text, TenThousandNodesAreQuick) {
  Graph graph("chain");
  Value* value = graph.add_input("x", Type::tensor(DType::f32, {Dim::symbol("n"), 64, 56, 56}));
  for (int i = 0; i < 10000; ++i) {
    Node* node = graph.add_node(TestAdd{}, {value, value}, {cat("/layer", i, "/Add_output_0")},
                                {cat("/layer", i, "/Add")});
    infer(graph, *node);
    value = node->outputs[0];
  }
  graph.add_output("y", value);
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  auto start = Clock::now();
  const std::string text = print(graph);
  const double printing = seconds(start);
  start = Clock::now();
  const auto again = parse(text, test_registry());
  const double parsing = seconds(start);
  EXPECT_EQ(print(*again), text);
  RecordProperty("print_ms", static_cast<int>(printing * 1e3));
  RecordProperty("parse_ms", static_cast<int>(parsing * 1e3));
  EXPECT_LT(printing, 3.0) << "wanted well under 0.3 s on an idle machine";
  EXPECT_LT(parsing, 10.0) << "wanted about 1 s on an idle machine";
}

}  // namespace hone::test::text_test
