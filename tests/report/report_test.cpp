// What is told of an engine, by kind, and what its figures are made of.

#include "report/report.hpp"

#include <gtest/gtest.h>

#include "build/build.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "report/inspection.hpp"
#include "report/regions.hpp"
#include "support/refusal.hpp"

namespace hone::report::report_test {

std::unique_ptr<Graph> graph_of(std::string_view text) {
  auto graph = parse(text, all_ops());
  infer(*graph);
  return graph;
}

std::shared_ptr<const Engine> engine_of(std::string_view text) {
  BuildOptions options;
  options.engine.workers = 1;
  return hone::build(graph_of(text), options);
}

constexpr std::string_view kTwoLayers = R"(
graph two(%x: f32[n,16]) -> (%c)
  %a = MatMul(%x, @w)  # /first
  %b = Relu(%a)  # /second
  %c = Softmax(%b) axis=1  # /third
weights
  @w : f32[16,8] random(1, 1)
)";

TEST(Report, TellsEveryStepInTheModelsOwnNames) {
  const auto engine = engine_of(kTwoLayers);
  const std::string steps = report_of(*engine, Kind::steps);
  const std::string why = report_of(*engine, Kind::explanation);
  for (const std::string_view layer : {"/first", "/second", "/third"}) {
    EXPECT_NE(steps.find(layer), std::string::npos) << steps;
    EXPECT_NE(why.find(layer), std::string::npos) << why;
  }
  for (const Step& step : engine->plan().steps) {
    EXPECT_NE(steps.find(how_of(step)), std::string::npos) << steps;
    EXPECT_NE(why.find(how_of(step)), std::string::npos) << why;
  }
}

TEST(Report, EachKindHasItsForm) {
  const auto engine = engine_of(kTwoLayers);
  EXPECT_NE(report_of(*engine, Kind::summary).find("parameters  128 in 1 tensors"),
            std::string::npos)
      << report_of(*engine, Kind::summary);
  EXPECT_NE(report_of(*engine, Kind::plan).find(hone::print(engine->plan())), std::string::npos);
  EXPECT_EQ(report_of(*engine, Kind::graph), hone::print(engine->graph()));
  EXPECT_EQ(report_of(*engine, Kind::json).substr(0, 12), "{\n  \"file\": ");
  EXPECT_EQ(report_of(*engine, Kind::dot).substr(0, 8), "digraph ");
  EXPECT_EQ(report_of(*engine, Kind::arena).substr(0, 5), "<svg ");
}

TEST(Report, FiguresAreThoseOfTheGraph) {
  const Inspection found = inspect(*engine_of(kTwoLayers));
  EXPECT_EQ(cat(found.flops), "256*n");
  EXPECT_EQ(found.parameters, 128);
  EXPECT_EQ(found.parameter_bytes, 512);
  EXPECT_FALSE(found.arena_bytes.has_value());  // n is open
  EXPECT_EQ(found.sizes.where({"n"}), " where n = 1");
}

/// FLOPs of the only node of a graph with these operands.
std::string flops(std::string_view inputs, std::string_view node) {
  const auto graph = graph_of(cat("graph g(", inputs, ") -> (%y)\n  %y = ", node, "\n"));
  return cat(flops_of(graph->nodes().front()));
}

TEST(Report, CountsMultiplyAddsTwice) {
  EXPECT_EQ(flops("%a: f32[3,4], %b: f32[4,5]", "MatMul(%a, %b)"), "120");
  EXPECT_EQ(flops("%a: f32[1,4,6,6], %b: f32[8,2,3,3]", "Conv(%a, %b) group=2"), "4608");
  EXPECT_EQ(flops("%a: f32[1,4,6,6], %b: f32[4,2,3,3]", "ConvTranspose(%a, %b)"), "5184");
  EXPECT_EQ(
      flops("%a: f32[7,2,4], %b: f32[1,12,4], %c: f32[1,12,3]", "LSTM(%a, %b, %c) hidden_size=3"),
      "2352");
  EXPECT_EQ(flops("%a: f32[2,3,4], %b: f32[2,4,5]", "Einsum(%a, %b) equation=\"bij,bjk->bik\""),
            "240");
  EXPECT_EQ(flops("%a: f32[3,4], %b: f32[3,4]", "Add(%a, %b)"), "0");
}

TEST(Report, KnowsNoOtherKind) {
  EXPECT_EQ(test::refusal_of([] { report_of(*engine_of(kTwoLayers), static_cast<Kind>(99)); }),
            "usage: there is no report 99");
}

}  // namespace hone::report::report_test
