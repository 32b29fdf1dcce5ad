// Running sums and products against reference evaluation.

#include <gtest/gtest.h>

#include "device/kernel_case.hpp"

namespace hone::test::running_test {

TEST_P(KernelTest, CumSumAndCumProd) {
  const std::vector<Bindings> sizes = {{{"a", 2}, {"b", 5}, {"c", 3}},
                                       {{"a", 3}, {"b", 70}, {"c", 30}},
                                       {{"a", 2}, {"b", 0}, {"c", 3}},
                                       {{"a", 1}, {"b", 1}, {"c", 1000}}};
  for (const char* op : {"CumSum", "CumProd"})
    for (const char* type : {"f32", "f64", "i64", "i32"})
      for (const char* fields :
           {"", " exclusive=true", " reverse=true", " exclusive=true reverse=true"})
        for (const int axis : {0, 1, -1})
          expect_kernel("cpu.running", {cat("%x: ", type, "[a,b,c]"),
                                        cat(op, "(%x) axis=[", axis, "]", fields),
                                        "",
                                        "%y",
                                        sizes,
                                        {{"x", {-1.2, 1.2}}}});
}

}  // namespace hone::test::running_test
