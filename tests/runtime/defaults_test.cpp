// Inputs that have a value of their own: constants until a run is given another.

#include <gtest/gtest.h>
#include <unistd.h>

#include "ir/defaults.hpp"
#include "ops/arithmetic.hpp"
#include "runtime/engine_file.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::defaults_test {

BuildOptions one_worker() {
  BuildOptions options;
  options.engine.workers = 1;
  return options;
}

/// y = x * w + b, w of [2, 3] and b of [10] where they are not given.
std::shared_ptr<const Engine> line_engine() {
  Defaults defaults{graph_of(R"(graph g(%x: f32[n,2], %w: f32[2], %b: f32[m]) -> (%y)
  %xw = Mul(%x, %w)
  %y = Add(%xw, %b)
)"),
                    {{"w", Weight::of(ramp({2}, 2))}, {"b", Weight::of(ramp({1}, 10))}}};
  const auto closed = graph_of(R"(graph g(%x: f32[n,2]) -> (%y)
  %xw = Mul(%x, f32[2]{2,3})
  %y = Add(%xw, f32[1]{10})
)");
  return build(closed->clone(), one_worker(),
               std::make_shared<const Defaults>(std::move(defaults)));
}

std::vector<double> run_with(Context& context, NamedTensors more) {
  more.emplace_back("x", ramp({1, 2}, 1));
  return numbers(context.run(more)[0].second);
}

void expect_defaults(const std::shared_ptr<const Engine>& engine) {
  using Numbers = std::vector<double>;
  Context context(engine);
  EXPECT_EQ(run_with(context, {}), (Numbers{12, 16}));
  EXPECT_EQ(run_with(context, {{"w", ramp({2}, 5)}}), (Numbers{15, 22}));
  EXPECT_EQ(run_with(context, {{"b", ramp({2}, 1)}}), (Numbers{3, 8}));  // of another size
  EXPECT_EQ(run_with(context, {{"b", ramp({1}, 1)}, {"w", ramp({2}, 5)}}), (Numbers{6, 13}));
  EXPECT_EQ(run_with(context, {}), (Numbers{12, 16}));
  // Made once for the same inputs.
  EXPECT_EQ(engine->with_inputs({"w"}), engine->with_inputs({"w"}));
  EXPECT_EQ(engine->with_inputs({"w"})->graph().inputs().size(), 2u);
  EXPECT_NE(error_of(Code::usage,
                     [&] {
                       run_with(context, {{"w", ramp({3})}});
                     })
                .find("\"w\""),
            std::string::npos);
  EXPECT_NE(error_of(Code::usage,
                     [&] {
                       run_with(context, {{"v", ramp({3})}});
                     })
                .find("there is no input \"v\""),
            std::string::npos);
  NamedTensors places{{"y", ramp({1, 2})}};
  const NamedTensors results = context.run({{"x", ramp({1, 2}, 1)}, {"w", ramp({2}, 5)}}, places);
  EXPECT_EQ(numbers(places[0].second), (Numbers{15, 22}));
}

TEST(Defaults, GivenOnesAreTaken) { expect_defaults(line_engine()); }

TEST(Defaults, EngineFilesKeepThem) {
  const auto path =
      std::filesystem::temp_directory_path() / cat("hone-defaults-", ::getpid(), ".hone");
  const auto engine = line_engine();
  save(*engine, path);
  expect_defaults(load(path, {.engine = {.workers = 1}}));
  // Without the portable graph nothing can be made anew.
  save(*engine, path, {.drop_portable = true});
  Context context(load(path, {.engine = {.workers = 1}}));
  EXPECT_NE(error_of(Code::usage,
                     [&] {
                       run_with(context, {{"w", ramp({2})}});
                     })
                .find("there is no input \"w\""),
            std::string::npos);
  std::filesystem::remove(path);
}

TEST(Defaults, FilesLeaveThemOutWhereThatTakesMuchRoom) {
  // The graph has a constant of its own, which is not the default's content.
  const auto path =
      std::filesystem::temp_directory_path() / cat("hone-defaults-", ::getpid(), ".hone");
  Defaults defaults{graph_of("graph g(%x: f32[20000], %w: f32[20000]) -> (%y)\n"
                             "  %y = Add(%x, %w)\n"),
                    {{"w", Weight::of(ramp({20000}, 2))}}};
  auto closed = std::make_unique<Graph>("g");
  Value* x = closed->add_input("x", Type::tensor(DType::f32, {20000}));
  Value* w = closed->add_constant("w2", Weight::of(ramp({20000}, 3)));
  closed->add_output("y", closed->add_node(Add{}, {x, w}, {"y"})->output());
  infer(*closed);
  const auto engine =
      build(std::move(closed), one_worker(), std::make_shared<const Defaults>(std::move(defaults)));
  save(*engine, path);
  EXPECT_EQ(load(path, {.engine = {.workers = 1}})->defaults(), nullptr);
  save(*engine, path, {.keep_defaults = true});
  EXPECT_NE(load(path, {.engine = {.workers = 1}})->defaults(), nullptr);
  std::filesystem::remove(path);
}

/// The open graph has the model's other weights, too: more of them from seeds than a reader makes.
TEST(Defaults, FilesHaveManyRandomWeightsOfTheOpenGraph) {
  const auto path =
      std::filesystem::temp_directory_path() / cat("hone-defaults-", ::getpid(), ".hone");
  constexpr std::string_view kWeights =
      "weights\n"
      "  @v : f32[3145728,2] random(1, 1)\n";
  const std::shared_ptr<const Graph> open =
      graph_of(cat("graph g(%x: f32[1,3145728], %w: f32[2]) -> (%y)\n"
                   "  %xv = MatMul(%x, @v)\n"
                   "  %y = Mul(%xv, %w)\n",
                   kWeights));
  const std::shared_ptr<const Graph> closed =
      graph_of(cat("graph g(%x: f32[1,3145728]) -> (%y)\n"
                   "  %xv = MatMul(%x, @v)\n"
                   "  %y = Mul(%xv, f32[2]{2,3})\n",
                   kWeights));
  EngineParts parts{"test", closed, {}};
  parts.defaults =
      std::make_shared<const Defaults>(Defaults{open, {{"w", Weight::of(ramp({2}, 2))}}});
  write_engine_file(path, parts);
  const auto defaults = read_engine_file(path).parts.defaults;
  ASSERT_NE(defaults, nullptr);
  EXPECT_FALSE(defaults->graph->constants()[0]->weight->is_random());
  std::filesystem::remove(path);
}

TEST(Defaults, ValuesThatFitNoInputAreNotWritten) {
  const auto path =
      std::filesystem::temp_directory_path() / cat("hone-defaults-", ::getpid(), ".hone");
  const auto engine = line_engine();
  // An engine file is read back before it stands under its name: reading refuses these.
  const auto refused = [&](Defaults wrong) {
    EngineParts parts{"test", engine->portable(), {engine->part()}};
    parts.defaults = std::make_shared<const Defaults>(std::move(wrong));
    return error_of(Code::internal, [&] { write_engine_file(path, parts); });
  };
  Defaults wrong = *engine->defaults();
  wrong.values["w"] = Weight::of(ramp({3}));
  EXPECT_NE(refused(wrong).find("input \"w\" is f32[2], its own value is f32[3]"),
            std::string::npos);
  wrong = *engine->defaults();
  wrong.values["y"] = Weight::of(ramp({3}));
  EXPECT_NE(refused(wrong).find("\"y\" has a value of its own and is no input"), std::string::npos);
  wrong = *engine->defaults();
  wrong.values.erase("w");  // then the open graph wants more than the portable one
  EXPECT_NE(refused(wrong).find("its open graph is %x %w -> y, the portable graph is %x -> y"),
            std::string::npos);
  std::filesystem::remove(path);
}

}  // namespace hone::test::defaults_test
