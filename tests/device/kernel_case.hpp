#pragma once
// One op on every kernel that takes it, compared with reference evaluation.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "device/cpu/isa.hpp"
#include "device/kernel.hpp"
#include "ir/graph.hpp"

namespace hone::test {

/// Bounds of the random elements of an operand.
struct ElementBounds {
  double low, high;
};

/// A graph of one node in text: graph case(`inputs`) -> (results) { `results` = `node` } and the
/// types of its large constants.
struct KernelCase {
  std::string inputs;        // "%x: f32[n,3], %i: i64[k]"
  std::string node;          // "Gather(%x, %i) axis=1"
  std::string weights = {};  // "@w : f32[8,3,3,3]", a line each
  std::string results = "%y";
  std::vector<Bindings> sizes = {{}};                // values of the symbols; each is a run
  std::map<std::string, ElementBounds> bounds = {};  // by operand; default: by dtype
  double tolerance = 1e-5;                           // of the largest magnitude of the result
  std::vector<std::string> before = {};              // nodes of the same region: "%a = Relu(%x)"
  std::vector<std::string> also = {};                // their results that are the region's, too
  Bindings expected = {};                            // sizes for estimates

  std::unique_ptr<Graph> graph() const;
};

/// Runs the case with 1, 3 and 12 workers on every kernel of the registry that supports it:
/// operands before and behind pages that may not be touched, twice, and at new addresses. Fails the
/// test where a result differs from the reference, two runs differ in a bit, or bytes outside of
/// results and scratch change. So it does with the values inside of a region wanted, one after the
/// other. Returns the kernels that ran the case as it is given.
std::set<std::string> kernels_run(const KernelCase& given);

/// Fails the test also when `kernel` is not among them.
void expect_kernel(const std::string& kernel, const KernelCase& given);
/// The message of the Error with which `kernel` ends on the case; "" when it does not.
std::string kernel_error(const std::string& kernel, const KernelCase& given);
/// Why `kernel` refuses the case; "" when it does not.
std::string refusal(const std::string& kernel, const KernelCase& given);

/// The values of one symbol as sizes of a case.
inline std::vector<Bindings> each(const std::string& symbol, const std::vector<int64_t>& values) {
  std::vector<Bindings> all;
  for (const int64_t value : values) all.push_back({{symbol, value}});
  return all;
}

/// Once for each instruction set that this machine has.
class KernelTest : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    cpu::limit_isa(GetParam());
    if (cpu::isa() != GetParam()) GTEST_SKIP() << "this processor lacks " << name(GetParam());
  }
  void TearDown() override { cpu::limit_isa(cpu::Isa::avx512); }
};

}  // namespace hone::test
