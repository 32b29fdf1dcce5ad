// Whose memory is whose: arena, caller's inputs and places, results; and what stays after an error.

#include <cmath>
#include <set>

#include "runtime/graph_run.hpp"

namespace hone::test::execution_test {

TEST(Execution, AnOutputThatLaterStepsReadMovesWithEveryRun) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,4]) -> (%a, %b)\n"
      "  %a = Relu(%x)\n  %t = Neg(%a)\n  %b = Add(%t, %t)\n";
  Context context(engine_of(kText));
  std::vector<NamedTensors> kept;
  for (int i = 0; i < 4; ++i) {
    kept.push_back(context.run({{"x", ramp({64, 4}, 100 * i)}}));
    EXPECT_EQ(kept.back()[1].second.number(7), -2 * (100.0 * i + 7));
  }
  for (int i = 0; i < 4; ++i) {  // results are the caller's: later runs leave them alone
    EXPECT_EQ(kept[static_cast<size_t>(i)][0].second.number(7), 100.0 * i + 7);
    EXPECT_EQ(kept[static_cast<size_t>(i)][1].second.number(7), -2 * (100.0 * i + 7));
  }
}

TEST(Execution, MemoryOfResultsThatNobodyHoldsIsTakenAgain) {
  Context context(engine_of("graph g(%x: f32[n,4]) -> (%a)\n  %a = Neg(%x)\n"));
  const auto run = [&](int64_t rows, double start) {
    return context.run({{"x", ramp({rows, 4}, start)}})[0].second;
  };
  Tensor first = run(64, 0);
  const Tensor held = first;
  const Tensor second = run(64, 100);
  EXPECT_NE(second.bytes().data(), held.bytes().data()) << "the caller holds the first";
  const std::byte* third = run(64, 200).bytes().data();
  EXPECT_EQ(run(64, 300).bytes().data(), third);
  EXPECT_EQ(run(64, 400).number(5), -405);
  EXPECT_EQ(held.number(5), -5);
  EXPECT_EQ(second.number(5), -105);
  EXPECT_EQ(run(3, 0).shape(), (std::vector<int64_t>{3, 4}));
}

TEST(Execution, AResultMayBeTheInputOfTheNextRun) {
  Context context(engine_of("graph g(%x: f32[256]) -> (%y)\n  %y = Add(%x, f32[]{1})\n"));
  Tensor state = ramp({256});
  for (int i = 0; i < 5; ++i) {
    const Tensor input = Tensor::borrow(DType::f32, {256}, state.bytes(), nullptr);
    Tensor next = context.run({{"x", input}})[0].second;
    state = next;  // the one before is let go of once the next is there
  }
  EXPECT_EQ(state.number(7), 12);
}

TEST(Execution, AReshapeToSizesFromTheInputKeepsItsContents) {
  // %r is %t's bytes; %t's place in the arena is free for %u once %r is made.
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %s: i64[2]) -> (%z, %w)\n"
      "  %t = Relu(%x)\n  %r = Reshape(%t, %s)\n  %u = Neg(%x)\n  %w = Neg(%u)\n"
      "  %z = Neg(%r)\n";
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {ramp({6}, 1), Tensor::ints({2, 3})});
  expect_as_evaluated(context, kText, {ramp({6}, 9), Tensor::ints({3, 2})});
  expect_as_evaluated(context, kText, {ramp({8}, 9), Tensor::ints({-1, 4})});
}

/// What only running tells is not known when the next sizes come.
TEST(Execution, SizesThatRunsTellAreForgottenWithTheInputs) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,2]) -> (%y)\n"
      "  %a = Relu(%x)\n  %i = NonZero(%a)\n  %j = Transpose(%i) perm=[1,0]\n"
      "  %g = GatherND(%a, %j)\n  %y = Exp(%g)\n";
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {ramp({4, 2}, -3)});
  for (const double start : {-6.0, -9.0, -2.0})
    expect_as_evaluated(context, kText, {ramp({6, 2}, start)});
}

TEST(Execution, ABranchThatGivesBackItsOperand) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %c: bool[]) -> (%y, %w)\n"
      "  %t = Neg(%x)\n"
      "  %y = If(%c, %t)\n"
      "    then_branch(%a: f32[n]) -> (%a)\n"
      "    else_branch(%a: f32[n]) -> (%r)\n"
      "      %r = Relu(%a)\n"
      "  %u = Relu(%x)\n  %w = Neg(%u)\n";
  Context context(engine_of(kText));
  const auto run = [&](double start, bool taken) {
    return context.run({{"x", ramp({5}, start)}, {"c", Tensor::scalar(DType::boolean, taken)}});
  };
  const NamedTensors first = run(1, true);
  EXPECT_EQ(numbers(first[0].second), (std::vector<double>{-1, -2, -3, -4, -5}));
  EXPECT_EQ(numbers(run(-7, false)[0].second), (std::vector<double>{7, 6, 5, 4, 3}));
  EXPECT_EQ(numbers(first[0].second), (std::vector<double>{-1, -2, -3, -4, -5}));
  EXPECT_EQ(numbers(first[1].second), (std::vector<double>{-1, -2, -3, -4, -5}));
}

TEST(Execution, OutputsThatAreInputsConstantsOrTheSameValue) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n]) -> (same = %x, one = %y, two = %y, c = %k)\n"
      "  %y = Neg(%x)\n  %k = Add(f32[2]{1,2}, f32[2]{1,1})\n";
  Context context(engine_of(kText));
  Tensor x = ramp({3}, 1);
  const NamedTensors made = context.run({{"x", x}});
  x.set_number(0, 50);  // results do not share the caller's memory
  EXPECT_EQ(numbers(made[0].second), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(numbers(made[1].second), (std::vector<double>{-1, -2, -3}));
  EXPECT_EQ(numbers(made[2].second), (std::vector<double>{-1, -2, -3}));
  EXPECT_EQ(numbers(made[3].second), (std::vector<double>{2, 3}));

  const Tensor same = ramp({3}), two = ramp({3}), c = ramp({2});
  const NamedTensors placed = context.run({{"x", x}}, {{"same", same}, {"two", two}, {"c", c}});
  EXPECT_EQ(numbers(same), (std::vector<double>{50, 2, 3}));
  EXPECT_EQ(numbers(two), (std::vector<double>{-50, -2, -3}));
  EXPECT_EQ(numbers(c), (std::vector<double>{2, 3}));
  EXPECT_EQ(numbers(placed[1].second), (std::vector<double>{-50, -2, -3}));
  EXPECT_FALSE(placed[1].second.overlaps(two)) << "an output without a place has its own memory";
  EXPECT_EQ(placed[2].second.bytes().data(), two.bytes().data());
}

constexpr std::string_view kTwoResults =
    "graph g(%x: f32[n]) -> (%a, %b)\n  %a = Relu(%x)\n  %b = Sub(%a, %x)\n";

TEST(Execution, WritesToThePlacesGiven) {
  Context context(engine_of(kTwoResults));
  const Tensor a = ramp({3}), b = ramp({3});
  const NamedTensors results = context.run({{"x", ramp({3}, -1)}}, {{"b", b}, {"a", a}});
  EXPECT_EQ(results[0].second.bytes().data(), a.bytes().data());
  EXPECT_EQ(numbers(a), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(numbers(b), (std::vector<double>{1, 0, 0}));
}

TEST(Execution, APlaceMayLieOverAnInput) {
  Context context(engine_of(kTwoResults));
  const Tensor x = ramp({3}, -1);
  const NamedTensors results = context.run({{"x", x}}, {{"a", x}});
  EXPECT_EQ(numbers(x), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(numbers(results[1].second), (std::vector<double>{1, 0, 0}));
}

TEST(Execution, ACacheIsFilledWhereItLies) {
  constexpr std::string_view kText =
      "graph g(%q: f32[1,n,16], %k: f32[1,n,8], %a: f32[1,2,p,4], %c: f32[1,2,p,4], %l: i32[1], "
      "%m: i64[1,t]) -> (%y, %pk, %pv)\n"
      "  %s = Shape(%m)\n  %t = Gather(%s, i64[]{1})\n"
      "  %y, %pk, %pv = GroupQueryAttention(%q, %k, %k, %a, %c, %l, %t) num_heads=4 "
      "kv_num_heads=2\n";
  const auto engine = engine_of(kText);
  const Program& program = *engine->program();
  for (const size_t i : {1, 2}) {
    const Value* over = program.overwritable_input(program.graph().outputs()[i].value);
    ASSERT_NE(over, nullptr) << "a step that could write there copies";
    EXPECT_EQ(over->name, i == 1 ? "a" : "c");
  }
  EXPECT_EQ(program.overwritable_input(program.graph().outputs()[0].value), nullptr);
  Context context(engine);
  const auto run = [&](const Tensor& a, const Tensor& c, int64_t total,
                       const NamedTensors& places) {
    return context.run(
        {{"q", ramp({1, 1, 16}, -3)},
         {"k", ramp({1, 1, 8}, 2)},
         {"a", a},
         {"c", c},
         {"l", Tensor::ints({total - 1}, DType::i32)},
         {"m", Tensor::ints(std::vector<int64_t>(size_t(total))).reshaped({1, total})}},
        places);
  };
  const Tensor a = ramp({1, 2, 6, 4}, -9), c = ramp({1, 2, 6, 4}, 5);
  for (const int64_t total : {3, 6}) {
    const NamedTensors wanted = run(a.clone(), c.clone(), total, {});
    const NamedTensors results = run(a, c, total, {{"pk", a}, {"pv", c}});
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(numbers(results[i].second), numbers(wanted[i].second)) << total << " " << i;
    EXPECT_EQ(results[1].second.bytes().data(), a.bytes().data());
    EXPECT_EQ(a.number(4 * (total - 1)), 2) << "the new key";
  }
}

TEST(Execution, ResultsThatGrowTakeTheirMemoryAgain) {
  Context context(engine_of("graph g(%x: f32[n,4]) -> (%a)\n  %a = Neg(%x)\n"));
  std::set<const std::byte*> places;
  for (int64_t rows = 1000; rows < 1100; ++rows)
    places.insert(context.run({{"x", ramp({rows, 4})}})[0].second.bytes().data());
  EXPECT_LE(places.size(), 3U);
}

TEST(Execution, PlacesThatOverlapOrAreOfAnotherTypeAreRefused) {
  Context context(engine_of(kTwoResults));
  const Tensor place = ramp({3});
  const auto with = [&](const NamedTensors& places) {
    return error_of(Code::usage, [&] { context.run({{"x", ramp({3})}}, places); });
  };
  EXPECT_EQ(with({{"a", place}, {"b", place}}),
            "the places given for outputs \"a\" and \"b\" overlap");
  EXPECT_NE(with({{"a", ramp({4})}}).find("the place given is f32[4]"), std::string::npos);
  EXPECT_NE(with({{"a", Tensor(DType::i32, {3})}}).find("is i32[3]"), std::string::npos);
  EXPECT_NE(with({{"a", place}, {"a", ramp({3})}}).find("two places"), std::string::npos);
  EXPECT_NE(with({{"c", place}}).find("no output \"c\""), std::string::npos);
  EXPECT_EQ(with({{"a", place}}), "");
}

TEST(Execution, MisalignedInputsAndPlaces) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,8], %w: f32[8,5]) -> (%y)\n  %y = MatMul(%x, %w)\n";
  Context context(engine_of(kText));
  std::vector<std::byte> x_bytes, w_bytes, y_bytes;
  const Tensor x = ramp({7, 8}), w = ramp({8, 5});
  const Tensor place = misaligned(ramp({7, 5}), y_bytes);
  ASSERT_FALSE(place.is_aligned());
  context.run({{"x", misaligned(x, x_bytes)}, {"w", misaligned(w, w_bytes)}}, {{"y", place}});
  EXPECT_EQ(numbers(place), numbers(context.run({{"x", x}, {"w", w}})[0].second));
}

TEST(Execution, AfterAnErrorInAStepTheContextRunsOn) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,4], %i: i64[k]) -> (%y)\n"
      "  %t = Relu(%x)\n  %g = Gather(%t, %i)\n  %y = Neg(%g)\n";
  Context context(engine_of(kText));
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({3, 4})}, {"i", Tensor::ints({0, 3})}});
                     }),
            "index 3 is out of range for size 3 (Gather %g)");
  expect_as_evaluated(context, kText, {ramp({3, 4}), Tensor::ints({0, 2})});
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({3, 5})}});
                     }),
            "input \"i\" (i64[k]) is missing");
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({3, 4})}});
                     }),
            "input \"i\" (i64[k]) is missing");
  expect_as_evaluated(context, kText, {ramp({2, 4}), Tensor::ints({1, 1, 0})});
}

TEST(Execution, ManyShapesInOneContext) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,m]) -> (%y)\n"
      "  %a = Relu(%x)\n  %s = Softmax(%a) axis=-1\n  %t = Transpose(%s) perm=[1,0]\n"
      "  %y = MatMul(%s, %t)\n";
  Context context(engine_of(kText));
  for (const int64_t n : {3, 200, 1, 0, 17, 3})
    for (const int64_t m : {5, 1, 64}) expect_as_evaluated(context, kText, {ramp({n, m}, -9)});
}

TEST(Execution, Strings) {
  constexpr std::string_view kText =
      "graph g(%x: str[n], %w: str[n]) -> (%y, same = %x)\n  %y = Equal(%x, %w)\n";
  Context context(engine_of(kText));
  for (int i = 0; i < 2; ++i)
    expect_as_evaluated(context, kText,
                        {Tensor::of_strings({2}, {"a", "b"}), Tensor::of_strings({2}, {"a", "c"})});
}

TEST(Execution, InputsAreNamedOnce) {
  Context context(engine_of(kTwoResults));
  const auto with = [&](const NamedTensors& inputs) {
    return error_of(Code::usage, [&] { context.run(inputs); });
  };
  EXPECT_EQ(with({{"x", ramp({3})}, {"x", ramp({3})}}), "input \"x\" is given twice");
  EXPECT_NE(with({}).find("missing"), std::string::npos);
  EXPECT_NE(with({{"z", ramp({3})}}).find("no input \"z\""), std::string::npos);
}

}  // namespace hone::test::execution_test
