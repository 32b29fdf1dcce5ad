// Plans: their text, what hostile text does, and plans that do not follow from their choices.

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "compile/compile.hpp"
#include "import/import.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::plan_test {

std::unique_ptr<Graph> branches() {
  auto graph = parse(
      "graph g(%x: f32[64,64], %c: bool[]) -> (%y, %z)\n"
      "  %m = MatMul(%x, %x)\n"
      "  %e = Relu(%m)\n"
      "  %y = If(%c, %e, %c)\n"
      "    then_branch(%a: f32[64,64], %c: bool[]) -> (%r)\n"
      "      %b = Relu(%a)\n"
      "      %r = If(%c, %b)\n"
      "        then_branch(%u: f32[64,64]) -> (%v)\n"
      "          %t = Neg(%u)\n"
      "          %v = MatMul(%t, %u)\n"
      "        else_branch(%u: f32[64,64]) -> (%v)\n"
      "          %v = Exp(%u)\n"
      "    else_branch(%a: f32[64,64], %c: bool[]) -> (%r)\n"
      "      %r = Neg(%a)\n"
      "  %i = NonZero(%m)\n"
      "  %j = Cast(%i) to=f32\n"
      "  %z = Neg(%j)\n",
      all_ops());
  infer(*graph);
  return graph;
}

std::vector<std::unique_ptr<Graph>> graphs() {
  std::vector<std::unique_ptr<Graph>> made;
  made.push_back(branches());
  made.push_back(parse("graph g(%x: f32[n]) -> (%x)\n", all_ops()));
  made.push_back(compile(*import_file(HONE_SOURCE_DIR "/examples/digits/digits.onnx").graph,
                         *open_device("cpu"), {.workers = 3})
                     .typed);
  return made;
}

TEST(PlanText, RoundTripOfPlansThatWereMade) {
  for (auto& graph : graphs()) {
    const auto device = open_device("cpu");
    const Compiled made = compile_typed(std::move(graph), *device, {.workers = 3});
    EXPECT_EQ(parse_plan(print(made.plan)), made.plan) << print(made.plan);
    EXPECT_NO_THROW(check_plan(*made.typed, made.plan, *device));
  }
}

/// Plans no planner makes: every kind of line, awkward names, deep branches.
Plan random_plan(std::mt19937& random, int depth) {
  const auto below = [&](uint32_t limit) { return random() % limit; };
  const std::string names[] = {"a",  "",    "a b", "\"q\"", "line\nend",
                               "\\", "end", "%x",  "}",     "\x01"};
  const auto any = [&] { return names[below(std::size(names))]; };
  Plan plan;
  plan.device = below(2) == 0 ? "cpu" : "cuda";
  plan.workers = static_cast<int>(below(100));
  for (auto steps = below(5); steps > 0; --steps) {
    if (below(2) == 0) plan.segments.push_back(static_cast<int>(plan.steps.size()));
    Step step;
    step.kind = static_cast<Step::Kind>(below(depth > 3 ? 2 : 3));
    step.node = any();
    step.note = any();
    if (step.kind == Step::Kind::run) {
      step.kernel = "cpu.kernel";
      step.version = static_cast<int>(below(9));
      for (auto settings = below(3); settings > 0; --settings)
        step.tuning[cat("s", settings)] = static_cast<int64_t>(below(1000)) - 500;
    }
    step.stream = static_cast<int>(below(4) * below(2));
    for (auto waits = below(3) * below(2); waits > 0; --waits)
      step.waits.push_back(static_cast<int>(below(9)));
    if (step.kind == Step::Kind::control) step.bodies = 1 + static_cast<int>(random() % 2);
    for (int each = 0; each < step.bodies; ++each)
      plan.bodies.push_back(random_plan(random, depth + 1));
    plan.steps.push_back(std::move(step));
  }
  for (auto buffers = below(4); buffers > 0; --buffers)
    plan.buffers.push_back({any(), Dim::symbol("n") * Dim(below(50)) + Dim(below(9)),
                            static_cast<int>(below(9)), static_cast<int>(below(9)), below(2) == 0,
                            below(2) == 0 ? -1 : static_cast<int>(below(20))});
  for (auto sharings = below(4); sharings > 0; --sharings)
    plan.sharings.push_back({static_cast<Sharing::Kind>(below(3)), any(), any(),
                             Dim::symbol("n") * Dim(below(50)), Dim(below(9))});
  for (auto pooled = below(3); pooled > 0; --pooled) plan.pooled.push_back(any());
  return plan;
}

TEST(PlanText, RoundTripOfRandomPlans) {
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    const Plan plan = random_plan(random, 0);
    ASSERT_EQ(parse_plan(print(plan)), plan) << print(plan);
  }
}

std::string refusal(std::string_view text) {
  try {
    parse_plan(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::incompatible_engine) << error.message();
    return error.message();
  }
  return {};
}

TEST(PlanText, WhatIsWrongIsTold) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "another line"},
      {"graph\n", "\"plan DEVICE workers=N\""},
      {"plan cpu\nend\n", "\"workers=N\""},
      {"plan cpu workers=4294967297\nend\n", "a number from 0"},
      {"plan cpu workers=-1\nend\n", "a number from 0"},
      {"plan cpu workers=1 more\nend\n", "nothing more"},
      {"plan cpu workers=1\n", "another line"},
      {"plan cpu workers=1\nend\nend\n", "the end of the text"},
      {"plan cpu workers=1\njump \"a\"\nend\n", "run, size, control"},
      {"plan cpu workers=1\nrun a k/1 {}\nend\n", "a quoted name"},
      {"plan cpu workers=1\nrun \"a k/1 {}\nend\n", "a quoted name"},
      {"plan cpu workers=1\nrun \"a\" k {}\nend\n", "KERNEL/VERSION"},
      {"plan cpu workers=1\nrun \"a\" k/x {}\nend\n", "KERNEL/VERSION"},
      {"plan cpu workers=1\nrun \"a\" k/1\nend\n", "{TUNING}"},
      {"plan cpu workers=1\nrun \"a\" k/1 {a}\nend\n", "NAME=NUMBER"},
      {"plan cpu workers=1\nrun \"a\" k/1 {a=}\nend\n", "a number"},
      {"plan cpu workers=1\nrun \"a\" k/1 {a=1\nend\n", "NAME=NUMBER"},
      {"plan cpu workers=1\nrun \"a\" k/1 {} \"note\" x\nend\n", "nothing more"},
      {"plan cpu workers=1\nrun \"a\" k/1 {} on -1\nend\n", "a number from 0"},
      {"plan cpu workers=1\nrun \"a\" k/1 {} after 1,\nend\n", "a number"},
      {"plan cpu workers=1\nrun \"a\" k/1 {} after 1 on 1\nend\n", "a quoted name"},
      {"plan cpu workers=1\nbuffer \"a\" 0..1..x 64\nend\n", "a number"},
      {"plan cpu workers=1\ncontrol \"a\" 2\nend\n", "\"plan DEVICE workers=N\""},
      {"plan cpu workers=1\nsegment 1\nend\n", "segments in order"},
      {"plan cpu workers=1\nbuffer \"a\" 0-1 64\nend\n", "a number"},
      {"plan cpu workers=1\nbuffer \"a\" 0..99999999999 64\nend\n", "a number from 0"},
      {"plan cpu workers=1\nbuffer \"a\" 0..1 \nend\n", "a size"},
      {"plan cpu workers=1\nbuffer \"a\" 0..1 64 64\nend\n", "nothing more"},
      {"plan cpu workers=1\nview \"a\" \"b\"\nend\n", "\"of\""},
      {"plan cpu workers=1\npart \"a\" of \"b\" 64\nend\n", "\"at OFFSET\""},
      {"plan cpu workers=1\nover \"a\" of \"b\" at 0\nend\n", "\"rows SIZE\""},
      {"plan cpu workers=1\npooled \"a\" \"b\"\nend\n", "nothing more"},
  };
  for (const auto& [text, wanted] : cases)
    EXPECT_NE(refusal(text).find(wanted), std::string::npos) << text << refusal(text);
}

TEST(PlanText, NestingIsLimited) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "plan cpu workers=1\ncontrol \"a\" 2\n";
  EXPECT_NE(refusal(text).find("less nesting"), std::string::npos);
}

TEST(PlanText, DamagedTextIsRefusedOrReadAsSomethingElse) {
  const std::string whole =
      print(compile_typed(branches(), *open_device("cpu"), {.workers = 2}).plan);
  std::mt19937 random(5);
  for (int i = 0; i < 5000; ++i) {
    std::string text = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t at = random() % text.size();
      if (random() % 2 == 0) text[at] = static_cast<char>(random() % 128);
      else text.erase(at, 1 + random() % 9);
    }
    try {
      const Plan plan = parse_plan(text);
      ASSERT_EQ(parse_plan(print(plan)), plan) << text;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Code::incompatible_engine) << error.message();
    }
  }
}

TEST(PlanCheck, OnlyWhatFollowsFromTheChoicesFits) {
  const auto device = open_device("cpu");
  const Compiled made = compile_typed(branches(), *device, {.workers = 2});
  const Graph* graph = made.typed.get();
  const Plan& whole = made.plan;
  ASSERT_EQ(whole.bodies.size(), 2u);
  ASSERT_EQ(whole.bodies[0].bodies.size(), 2u);
  ASSERT_FALSE(whole.buffers.empty());
  const std::pair<std::string_view, std::function<void(Plan&)>> changes[] = {
      {"a step missing", [](Plan& plan) { plan.steps.pop_back(); }},
      {"a step twice", [](Plan& plan) { plan.steps.push_back(plan.steps.back()); }},
      {"steps swapped", [](Plan& plan) { std::swap(plan.steps[0], plan.steps[1]); }},
      {"another node", [](Plan& plan) { plan.steps[0].node = "x"; }},
      {"another kernel", [](Plan& plan) { plan.steps[0].kernel = "cpu.conv.im2col"; }},
      {"no such kernel", [](Plan& plan) { plan.steps[0].kernel = "cpu.none"; }},
      {"another version", [](Plan& plan) { plan.steps[0].version = 99; }},
      {"a foreign tuning", [](Plan& plan) { plan.steps[0].tuning["rows"] = 0; }},
      {"another kind", [](Plan& plan) { plan.steps[0].kind = Step::Kind::size; }},
      {"less memory", [](Plan& plan) { plan.buffers[0].bytes = Dim(1); }},
      {"a shorter life",
       [](Plan& plan) {
         for (PlannedBuffer& buffer : plan.buffers) buffer.last = buffer.first;
       }},
      {"a buffer missing", [](Plan& plan) { plan.buffers.pop_back(); }},
      {"a buffer of another", [](Plan& plan) { plan.buffers[0].value = "x"; }},
      {"a place that is not to be shared",
       [](Plan& plan) {
         plan.sharings.push_back({Sharing::Kind::view, "e", "m", 0, 1});
       }},
      {"a branch missing", [](Plan& plan) { plan.bodies.pop_back(); }},
      {"fewer workers in a branch", [](Plan& plan) { plan.bodies[0].workers = 1; }},
      {"less memory within", [](Plan& plan) { plan.bodies[0].bodies[0].buffers.clear(); }},
      {"another stream", [](Plan& plan) { plan.steps[1].stream = 1; }},
      {"more streams than there can be", [](Plan& plan) { plan.steps[1].stream = INT32_MAX; }},
      {"a stream left out", [](Plan& plan) { plan.steps[1].stream = 2; }},
      {"a wait for nothing", [](Plan& plan) { plan.steps[1].waits = {0}; }},
      {"a longer life", [](Plan& plan) { plan.buffers[0].until = 9; }},
      {"other segments", [](Plan& plan) { plan.segments.push_back(0); }},
      {"another device", [](Plan& plan) { plan.device = "cuda"; }},
      {"refusals that are not there", [](Plan& plan) { plan.steps[0].refusals = 1000; }},
      {"refusals of nobody",
       [](Plan& plan) {
         plan.refusals.push_back({{"cpu.zzz", "so"}});
       }},
  };
  EXPECT_NO_THROW(check_plan(*graph, whole, *device));
  for (const auto& [what, change] : changes) {
    Plan plan = whole;
    change(plan);
    ASSERT_FALSE(plan == whole) << what;
    try {
      check_plan(*graph, plan, *device);
      ADD_FAILURE() << what << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::incompatible_engine) << what << ": " << error.message();
    }
  }
}

}  // namespace hone::test::plan_test
