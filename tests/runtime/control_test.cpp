// Loops, scans and sequences: through an engine as by reference evaluation, and by hand.

#include "ir/verify.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::control_test {

Tensor scalar(int64_t value) { return Tensor::scalar(DType::i64, static_cast<double>(value)); }
Tensor truth(bool value) { return Tensor::scalar(DType::boolean, value ? 1 : 0); }

/// Runs the text on an engine, compares with reference evaluation, returns the results.
NamedTensors run_both(std::string_view text, const std::vector<Tensor>& inputs) {
  const auto engine = engine_of(text);
  verify(engine->graph(), "build");
  Context context(engine);
  const auto graph = graph_of(text);
  const std::vector<Tensor> wanted = evaluate(*graph, inputs);
  NamedTensors named, found;
  for (size_t i = 0; i < inputs.size(); ++i)
    named.emplace_back(graph->inputs()[i]->name, inputs[i]);
  for (int turn = 0; turn < 2; ++turn) {  // the second run finds what the first one left
    found = context.run(named);
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_TRUE(same_bits(found[i].second, wanted[i]))
          << found[i].first << ": " << cat(describe(found[i].second)) << ", by reference "
          << cat(describe(wanted[i]));
  }
  return found;
}

std::string output_types(std::string_view text) {
  const auto graph = graph_of(text);
  verify(*graph, "inference");
  std::vector<std::string> types;
  for (const GraphOutput& output : graph->outputs()) types.push_back(cat(output.value->type));
  return join(types, " ");
}

/// Doubles x every turn and keeps what it was.
constexpr std::string_view kDoubling =
    "graph g(%m: i64[], %c: bool[], %x: f32[n]) -> (%y, %all)\n"
    "  %y, %all = Loop(%m, %c, %x) states=1\n"
    "    body(%i: i64[], %go: bool[], %s: f32[n]) -> (%go, %t, %s)\n"
    "      %t = Add(%s, %s)\n";

TEST(Loop, CarriesStatesAndStacksTheRest) {
  const auto found = run_both(kDoubling, {scalar(3), truth(true), ramp({2}, 1)});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{8, 16}));
  EXPECT_EQ(found[1].second.shape(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(numbers(found[1].second), (std::vector<double>{1, 2, 2, 4, 4, 8}));
  EXPECT_EQ(output_types(kDoubling), "f32[n] f32[all_d0,n]");
}

TEST(Loop, EveryTurnAddsASliceOfTheSameSize) {
  constexpr std::string_view kGrowing =
      "graph g(%m: i64[]) -> (%all)\n"
      "  %all = Loop(%m)\n"
      "    body(%i: i64[], %go: bool[]) -> (%go, %w)\n"
      "      %w = HannWindow(%i)\n";
  // The first slice is empty: what is stacked upon it has no elements, and must still fit.
  run_both(kGrowing, {scalar(1)});
  const auto graph = graph_of(kGrowing);
  EXPECT_EQ(error_of(Code::invalid_model, [&] { evaluate(*graph, {scalar(3)}); }),
            "turn 1 adds f32[1] to result 0, the first one f32[0] (Loop %all)");
}

TEST(Loop, OfNoTurnsGivesTheStatesBack) {
  for (const auto& [most, condition] : {std::pair(0, true), {5, false}, {-2, true}}) {
    const auto found = run_both(kDoubling, {scalar(most), truth(condition), ramp({2}, 1)});
    EXPECT_EQ(numbers(found[0].second), (std::vector<double>{1, 2}));
    EXPECT_EQ(found[1].second.shape(), (std::vector<int64_t>{0, 2}));
  }
}

TEST(Loop, OfEmptyTensors) {
  const auto found = run_both(kDoubling, {scalar(2), truth(true), ramp({0})});
  EXPECT_EQ(found[0].second.shape(), (std::vector<int64_t>{0}));
  EXPECT_EQ(found[1].second.shape(), (std::vector<int64_t>{2, 0}));
}

TEST(Loop, AKnownCountIsTheSizeOfWhatIsStacked) {
  EXPECT_EQ(output_types("graph g(%x: f32[n]) -> (%y, %all)\n"
                         "  %y, %all = Loop(i64[]{4}, _, %x) states=1\n"
                         "    body(%i: i64[], %go: bool[], %s: f32[n]) -> (go = bool[]{true}, "
                         "%t, %s)\n"
                         "      %t = Add(%s, %s)\n"),
            "f32[n] f32[4,n]");
}

TEST(Loop, EndsWhenTheBodySaysSo) {
  constexpr std::string_view kText =
      "graph g(%x: f32[]) -> (%y)\n"
      "  %y = Loop(_, bool[]{true}, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[]) -> (%on, %t)\n"
      "      %t = Mul(%s, f32[]{3})\n"
      "      %on = Less(%t, f32[]{100})\n";
  EXPECT_EQ(run_both(kText, {Tensor::scalar(DType::f32, 2)})[0].second.number(0), 162);
}

TEST(Loop, AStateMayGrow) {
  constexpr std::string_view kText =
      "graph g(%m: i64[], %x: f32[n,2]) -> (%y)\n"
      "  %y = Loop(%m, _, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[k,2]) -> (%go, %t)\n"
      "      %t = Concat(%s, %s) axis=0\n";
  EXPECT_EQ(output_types(kText), "f32[y_d0,2]");
  const auto found = run_both(kText, {scalar(3), ramp({1, 2})});
  EXPECT_EQ(found[0].second.shape(), (std::vector<int64_t>{8, 2}));
}

TEST(Loop, AStateMayGainAxes) {
  constexpr std::string_view kText =
      "graph g(%m: i64[], %x: f32[2]) -> (%y, %z)\n"
      "  %y = Loop(%m, _, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[*]) -> (%go, %t)\n"
      "      %t = Unsqueeze(%s, i64[1]{0})\n"
      "  %z = Relu(%y)\n";
  EXPECT_EQ(output_types(kText), "f32[*] f32[*]");
  const auto found = run_both(kText, {scalar(3), ramp({2})});
  EXPECT_EQ(found[1].second.shape(), (std::vector<int64_t>{1, 1, 1, 2}));
}

TEST(Loop, ReadsWhatItCaptures) {
  constexpr std::string_view kText =
      "graph g(%m: i64[], %x: f32[n], %w: f32[n]) -> (%y)\n"
      "  %y = Loop(%m, _, %x, %w) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[n], %v: f32[n]) -> (%go, %t)\n"
      "      %t = Loop(i64[]{2}, _, %s, %v) states=1\n"
      "        body(%j: i64[], %go: bool[], %a: f32[n], %b: f32[n]) -> (%go, %d)\n"
      "          %d = Add(%a, %b)\n";
  const auto found = run_both(kText, {scalar(3), ramp({2}), ramp({2}, 1)});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{6, 13}));
}

TEST(Loop, ASequenceGrows) {
  constexpr std::string_view kText =
      "graph g(%m: i64[], %x: f32[n]) -> (%s, %y, %n, %c, %r)\n"
      "  %e = SequenceEmpty()\n"
      "  %s, %y = Loop(%m, _, %e, %x) states=2\n"
      "    body(%i: i64[], %go: bool[], %a: seq(f32[*]), %b: f32[n]) -> (%go, %t, %d)\n"
      "      %d = Add(%b, %b)\n"
      "      %t = SequenceInsert(%a, %d)\n"
      "  %n = SequenceLength(%s)\n"
      "  %c = ConcatFromSequence(%s) axis=0\n"
      "  %r = Relu(%c)\n";
  const auto found = run_both(kText, {scalar(3), ramp({2}, 1)});
  EXPECT_EQ(cat(describe(found[0].second)), "a sequence of 3 f32 tensors");
  EXPECT_EQ(numbers(found[0].second.elements()[0]), (std::vector<double>{2, 4}));
  EXPECT_EQ(found[2].second.integer(0), 3);
  EXPECT_EQ(numbers(found[4].second), (std::vector<double>{2, 4, 4, 8, 8, 16}));
}

TEST(Loop, SizesFoundInTheBodyAreItsOwn) {
  constexpr std::string_view kText =
      "graph g(%m: i64[], %x: f32[n]) -> (%y)\n"
      "  %y = Loop(%m, _, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[k]) -> (%go, %t)\n"
      "      %p = NonZero(%s)\n"
      "      %q = Squeeze(%p, i64[1]{0})\n"
      "      %t = Cast(%q) to=f32\n";
  const auto found = run_both(kText, {scalar(2), ramp({5}, 1)});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{1, 2, 3, 4}));
}

TEST(Loop, RefusesWhatDoesNotFit) {
  const auto refused = [](std::string_view text) {
    return error_of(Code::invalid_model, [&] { graph_of(text); });
  };
  EXPECT_NE(refused("graph g(%m: f32[], %x: f32[n]) -> (%y)\n  %y = Loop(%m, _, %x) states=1\n"
                    "    body(%i: i64[], %go: bool[], %s: f32[n]) -> (%go, %s)\n")
                .find("the limit is f32[]"),
            std::string::npos);
  EXPECT_NE(refused("graph g(%m: i64[], %x: f32[n]) -> (%y)\n  %y = Loop(%m, _, %x) states=1\n"
                    "    body(%i: i64[], %go: bool[]) -> (%go, %i)\n")
                .find("the body takes 2 values, given 3"),
            std::string::npos);
  EXPECT_NE(refused("graph g(%m: i64[], %x: f32[n]) -> (%y)\n  %y = Loop(%m, _, %x) states=1\n"
                    "    body(%i: i64[], %go: bool[], %s: f32[n]) -> (%go, %i)\n")
                .find("state 0 is f32[n], the body makes i64[] of it"),
            std::string::npos);
  EXPECT_EQ(refused("graph g(%m: i64[], %x: f32[n]) -> (%y)\n  %y = Loop(%m, _, %x) states=-1\n"
                    "    body(%i: i64[], %go: bool[], %s: f32[n]) -> (%go, %s)\n"),
            "line 2: has -1 states and 1 results (Loop %y)");
}

TEST(Scan, SumsAlongAnAxisEitherWay) {
  constexpr std::string_view kText =
      "graph g(%s: f32[2], %x: f32[2,n]) -> (%y, %all)\n"
      "  %y, %all = Scan(%s, %x) states=1 input_axes=[1] output_axes=[-1] input_directions=[1] "
      "output_directions=[1]\n"
      "    body(%a: f32[2], %b: f32[2]) -> (%t, copy = %t)\n"
      "      %t = Add(%a, %b)\n";
  EXPECT_EQ(output_types(kText), "f32[2] f32[2,n]");
  const auto found = run_both(kText, {ramp({2}), ramp({2, 3})});
  EXPECT_EQ(numbers(found[0].second), (std::vector<double>{3, 13}));
  EXPECT_EQ(numbers(found[1].second), (std::vector<double>{3, 3, 2, 13, 10, 6}));
  EXPECT_EQ(run_both(kText, {ramp({2}), ramp({2, 0})})[1].second.shape(),
            (std::vector<int64_t>{2, 0}));
}

TEST(Scan, ScannedOperandsAreOfOneLength) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n,2], %z: f32[m,2]) -> (%y)\n"
      "  %y = Scan(%x, %z) scanned=2\n"
      "    body(%a: f32[2], %b: f32[2]) -> (%t)\n"
      "      %t = Sub(%a, %b)\n";
  EXPECT_EQ(numbers(run_both(kText, {ramp({2, 2}), ramp({2, 2}, 1)})[0].second),
            (std::vector<double>{-1, -1, -1, -1}));
  Context context(engine_of(kText));
  EXPECT_EQ(error_of(Code::usage,
                     [&] {
                       context.run({{"x", ramp({2, 2})}, {"z", ramp({3, 2})}});
                     }),
            "input \"z\" has sizes [3,2], wanted f32[n,2]");
}

TEST(Control, AnElementOfASequenceThatWasGivenIsTheCallersNoLonger) {
  constexpr std::string_view kText =
      "graph g(%s: seq(f32[*])) -> (%t)\n  %t = SequenceInsert(%s, f32[1]{7})\n";
  Context context(engine_of(kText));
  Tensor element = ramp({2});
  const auto found = context.run({{"s", Tensor::sequence(DType::f32, {element})}});
  element.set_number(0, 99);
  EXPECT_EQ(found[0].second.elements()[0].number(0), 0);
}

TEST(Control, ABoundedSizeHasItsRoomInTheArena) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n]) -> (%y)\n"
      "  %i = NonZero(%x)\n  %f = Cast(%i) to=f32\n  %z = Relu(%f)\n"
      "  %y = ReduceSum(%z, i64[1]{1}) keepdims=false\n";
  const auto engine = engine_of(kText);
  std::vector<std::string> rooms;
  for (const PlannedBuffer& buffer : engine->plan().buffers)
    if (buffer.at_most) rooms.push_back(cat(buffer.value, " ", buffer.bytes));
  EXPECT_EQ(join(rooms, ", "), "i 8*n, f 4*n");  // of what ends in f, the rest is one step
  EXPECT_TRUE(engine->plan().pooled.empty());
  Context context(engine);
  for (const int64_t n : {4, 0, 300}) expect_as_evaluated(context, kText, {ramp({n}, -2)});
  EXPECT_GE(context.arena_bytes(), 300 * 12);
}

TEST(Control, ABoundBeyondReasonIsNoRoom) {
  constexpr std::string_view kText =
      "graph g(%c: bool[], %x: f32[2]) -> (%y)\n"
      "  %l, %all = Loop(i64[]{9223372036854775807}, %c, %x) states=1\n"
      "    body(%i: i64[], %go: bool[], %s: f32[2]) -> (%on, %t, %s)\n"
      "      %t = Add(%s, %s)\n"
      "      %m = ReduceMax(%t, i64[1]{0}) keepdims=false\n"
      "      %on = Less(%m, f32[]{100})\n"
      "  %y = Relu(%all)\n";
  const auto found = run_both(kText, {truth(true), ramp({2}, 1)});
  EXPECT_EQ(found[0].second.shape(), (std::vector<int64_t>{6, 2}));
}

TEST(Control, ASizeFoundByRunningMayBeBroadcast) {
  constexpr std::string_view kText =
      "graph g(%x: f32[n], %w: f32[m]) -> (%y)\n"
      "  %i = NonZero(%x)\n  %f = Cast(%i) to=f32\n  %z = Add(%f, %w)\n  %y = Relu(%z)\n";
  Context context(engine_of(kText));
  const auto f32 = [](const std::vector<double>& values) {
    Tensor made(DType::f32, {static_cast<int64_t>(values.size())});
    for (size_t i = 0; i < values.size(); ++i) made.set_number(static_cast<int64_t>(i), values[i]);
    return made;
  };
  for (int turn = 0; turn < 2; ++turn) {
    expect_as_evaluated(context, kText, {f32({1, 1, 0}), ramp({2})});
    expect_as_evaluated(context, kText, {f32({0, 1, 0}), ramp({5})});
    expect_as_evaluated(context, kText, {f32({1, 1, 1}), ramp({1})});
  }
}

}  // namespace hone::test::control_test
