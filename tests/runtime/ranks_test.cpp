// Ranks that only running tells, and what is learnt with them.

#include "ir/verify.hpp"
#include "runtime/graph_run.hpp"

namespace hone::test::ranks_test {

Tensor flag(bool value) { return Tensor::scalar(DType::boolean, value ? 1 : 0); }

/// %x has rank 2 where the flag is set, else rank 1.
std::string after_branch(std::string_view parameters, std::string_view outputs,
                         std::string_view nodes) {
  return cat("graph g(%c: bool[], %a: f32[a,b]", parameters, ") -> (", outputs,
             ")\n"
             "  %x = If(%c, %a)\n"
             "    then_branch(%p: f32[a,b]) -> (%p)\n"
             "    else_branch(%p: f32[a,b]) -> (%r)\n"
             "      %r = Reshape(%p) shape=[-1]\n",
             nodes);
}

TEST(Ranks, NoSizeOfALoopsResultIsKnown) {
  constexpr std::string_view kText =
      "graph g(%c: bool[], %s: f32[2,1,3]) -> (%last, %all)\n"
      "  %last, %all = Loop(i64{1}, %c, %s) states=1\n"
      "    body(%turn: i64[], %again: bool[], %state: f32[2,1,3]) -> (%again, y = %r, z = %r)\n"
      "      %r = ReduceMax(%state) keepdims=false\n";
  // How many turns there are is no size that anything states.
  verify(*graph_of(kText), "inference");
  Context context(engine_of(kText));
  expect_as_evaluated(context, kText, {flag(true), ramp({2, 1, 3})});
}

TEST(Ranks, GemmBroadcastsToRowsThatRunningTells) {
  const std::string text =
      after_branch(", %b: f32[1,1], %d: f32[n,1]", "%y", "  %y = Gemm(%x, %b, %d) transA=true\n");
  Context context(engine_of(text));
  expect_as_evaluated(context, text, {flag(true), ramp({1, 3}), ramp({1, 1}, 2), ramp({1, 1}, 5)});
  expect_as_evaluated(context, text, {flag(true), ramp({1, 3}), ramp({1, 1}, 2), ramp({3, 1}, 5)});
}

TEST(Ranks, AFieldNamesASizeThatIsANumberNow) {
  const std::string text = after_branch(", %b: f32[3,1]", "%y",
                                        "  %v = Concat(%x, %b) axis=0\n"
                                        "  %p, %q = Split(%v) num_outputs=2\n"
                                        "  %k = Shape(%p)\n"
                                        "  %e = Expand(f64[1,1]{-0.5}, %k)\n"
                                        "  %t = Neg(%e)\n"
                                        "  %y = ReduceMean(%t) keepdims=false\n");
  Context context(engine_of(text));
  expect_as_evaluated(context, text, {flag(true), ramp({3, 1}), ramp({3, 1})});
  expect_as_evaluated(context, text, {flag(true), ramp({5, 1}), ramp({3, 1})});
}

TEST(Ranks, ASizeThatARequirementMakesOneIsBroadcast) {
  const std::string text = after_branch(", %m: f32[5,1]", "%d, %y",
                                        "  %u = Unique(%m) axis=0\n"
                                        "  %d = Det(%u)\n"
                                        "  %y = Add(%u, %x)\n");
  Context context(engine_of(text));
  const Tensor same(DType::f32, {5, 1});
  expect_as_evaluated(context, text, {flag(true), ramp({3, 3}), same});
  expect_as_evaluated(context, text, {flag(false), ramp({3, 3}), same});
}

}  // namespace hone::test::ranks_test
