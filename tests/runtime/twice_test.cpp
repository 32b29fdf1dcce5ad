// One value that outputs name twice, of a graph and of bodies: as text, as an engine file, as ONNX.

#include <unistd.h>

#include "export/export.hpp"
#include "import/import.hpp"
#include "ir/verify.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::twice_test {

Tensor scalar(int64_t value) { return Tensor::scalar(DType::i64, static_cast<double>(value)); }
Tensor truth(bool value) { return Tensor::scalar(DType::boolean, value ? 1 : 0); }

struct Case {
  std::string_view name, text;
  std::vector<std::vector<Tensor>> inputs;
};

std::vector<Case> outputs_twice() {
  const std::vector<std::vector<Tensor>> one = {{ramp({3}, -1)}};
  return {
      {"a result", "graph g(%x: f32[n]) -> (%y, %y)\n  %y = Neg(%x)\n", one},
      {"under two names", "graph g(%x: f32[n]) -> (%y, z = %y)\n  %y = Neg(%x)\n", one},
      {"an input", "graph g(%x: f32[n]) -> (%x, %x)\n", one},
      {"a literal",
       "graph g(%x: f32[n]) -> (y = f32[2]{1,2}, %z, y = f32[2]{1,2})\n  %z = Neg(%x)\n", one},
  };
}

std::vector<Case> bodies_twice() {
  const std::vector<std::vector<Tensor>> both = {{truth(true), ramp({3}, -1)},
                                                 {truth(false), ramp({3}, -1)}};
  const std::vector<std::vector<Tensor>> turns = {{scalar(3), ramp({2}, 1)},
                                                  {scalar(0), ramp({2}, 1)}};
  return {
      {"a branch's result",
       "graph g(%c: bool[], %x: f32[n]) -> (%y, %z)\n"
       "  %y, %z = If(%c, %x)\n"
       "    then_branch(%x: f32[n]) -> (%t, %t)\n"
       "      %t = Neg(%x)\n"
       "    else_branch(%x: f32[n]) -> (%x, %e)\n"
       "      %e = Exp(%x)\n",
       both},
      {"what a branch is given, and a literal",
       "graph g(%c: bool[], %x: f32[1]) -> (%y, %z)\n"
       "  %y, %z = If(%c, %x)\n"
       "    then_branch(%x: f32[1]) -> (%x, %x)\n"
       "    else_branch(%x: f32[1]) -> (k = f32[1]{4}, k = f32[1]{4})\n",
       {{truth(true), ramp({1}, -1)}, {truth(false), ramp({1}, -1)}}},
      {"two states and what is stacked",
       "graph g(%m: i64[], %x: f32[n]) -> (%y, %z, %all, %again)\n"
       "  %y, %z, %all, %again = Loop(%m, _, %x, %x) states=2\n"
       "    body(%i: i64[], %go: bool[], %s: f32[n], %u: f32[n]) -> (%go, %t, %t, %t, %t)\n"
       "      %t = Add(%s, %u)\n",
       turns},
      {"a state as it came",
       "graph g(%m: i64[], %x: f32[n]) -> (%y, %z, %all)\n"
       "  %y, %z, %all = Loop(%m, _, %x, %x) states=2\n"
       "    body(%i: i64[], %go: bool[], %s: f32[n], %u: f32[n]) -> (%go, %s, %s, %s)\n",
       turns},
      {"an element of a scan as it came",
       "graph g(%s: f32[], %x: f32[n]) -> (%y, %a, %b)\n"
       "  %y, %a, %b = Scan(%s, %x) states=1 scanned=1\n"
       "    body(%s: f32[], %e: f32[]) -> (%t, %e, %e)\n"
       "      %t = Add(%s, %e)\n",
       {{Tensor::scalar(DType::f32, 1), ramp({4}, 1)}}},
  };
}

void expect_same(const std::vector<Tensor>& wanted, const NamedTensors& found,
                 std::string_view how) {
  ASSERT_EQ(found.size(), wanted.size()) << how;
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_TRUE(same_bits(found[i].second, wanted[i]))
        << how << ", output " << i << ": " << cat(describe(found[i].second)) << ", by reference "
        << cat(describe(wanted[i]));
}

void check_case(const Case& each) {
  SCOPED_TRACE(each.name);
  const auto graph = graph_of(each.text);
  verify(*graph, "parsing");
  const std::string text = print(*graph);
  EXPECT_EQ(print(*parse(text, all_ops())), text);
  const auto path = std::filesystem::temp_directory_path() / cat("hone-twice-", ::getpid());
  const auto engine = engine_of(each.text);
  save(*engine, path);
  const auto loaded = load(path, {.engine = {.workers = 2}});
  EXPECT_EQ(loaded->replanned(), "");
  std::filesystem::remove(path);
  const std::string onnx = onnx_bytes(*graph);
  const auto exported = import_onnx_bytes(std::as_bytes(std::span(onnx)), ".");
  for (size_t i = 0; i < graph->outputs().size(); ++i)
    EXPECT_EQ(exported.graph->outputs()[i].name.substr(0, 1),
              graph->outputs()[i].name.substr(0, 1));
  for (const std::vector<Tensor>& inputs : each.inputs) {
    const std::vector<Tensor> wanted = evaluate(*graph, inputs);
    NamedTensors named;
    for (size_t i = 0; i < inputs.size(); ++i)
      named.emplace_back(graph->inputs()[i]->name, inputs[i]);
    expect_same(wanted, Context(engine).run(named), "engine");
    expect_same(wanted, Context(loaded).run(named), "engine from a file");
    expect_same(wanted, Context(build(exported.graph->clone())).run(named), "ONNX");
  }
}

TEST(Twice, OutputsOfAGraph) {
  for (const Case& each : outputs_twice()) check_case(each);
}

TEST(Twice, OutputsOfBodies) {
  for (const Case& each : bodies_twice()) check_case(each);
}

TEST(Twice, NamesStayWhereOnnxAllowsIt) {
  const auto graph = graph_of("graph g(%x: f32[n]) -> (%y, %y)\n  %y = Neg(%x)\n");
  const std::string onnx = onnx_bytes(*graph);
  const auto exported = import_onnx_bytes(std::as_bytes(std::span(onnx)), ".");
  EXPECT_EQ(exported.graph->outputs()[0].name, "y");
  EXPECT_EQ(exported.graph->outputs()[1].name, "y");
  EXPECT_EQ(exported.graph->nodes().size(), 1u);
}

}  // namespace hone::test::twice_test
