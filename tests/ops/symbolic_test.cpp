// Type rules of chains of ops, as text: what inference makes of symbolic sizes and known contents.

#include <gtest/gtest.h>

#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "support/graph_case.hpp"

namespace hone {
void register_all_ops(OpRegistry& registry);

namespace test {
namespace {

const OpRegistry& all_ops() {
  static const OpRegistry registry = [] {
    OpRegistry ops;
    register_structural(ops);
    register_all_ops(ops);
    return ops;
  }();
  return registry;
}

TEST(Symbolic, Cases) {
  expect_text_cases("ops/symbolic.test",
                    {{"infer", graph_verb(all_ops(), [](Graph& graph) { infer(graph); })}});
}

}  // namespace
}  // namespace test
}  // namespace hone
