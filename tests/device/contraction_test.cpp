// Generated contractions against a naive loop, between pages that nobody may touch.

#include "device/cpu/jit/contraction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "device/cpu/jit/code_memory.hpp"
#include "device/fenced.hpp"
#include "device/kernel_case.hpp"

namespace hone::test::contraction_test {

using cpu::Contraction;
using cpu::ContractionCall;
using cpu::ContractionForm;

/// Random floats between pages that may not be touched.
class Floats {
 public:
  Floats(size_t count, bool at_end, std::mt19937& random) : memory_(count * sizeof(float), at_end) {
    std::uniform_real_distribution<float> values(-1, 1);
    for (size_t i = 0; i < count; ++i) data()[i] = values(random);
  }
  float* data() const { return reinterpret_cast<float*>(memory_.data()); }

 private:
  Fenced memory_;
};

class ContractionTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, ContractionTest, testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

/// One block, drawn at random, and what it must be.
class Trial {
 public:
  Trial(const ContractionForm& form, int rows, int vectors, unsigned seed)
      : form_(form), random_(seed), rows_(rows), vectors_(vectors) {
    const int lanes = Contraction::lanes(cpu::isa());
    constexpr int kDepths[] = {0, 1, 2, 3, 7, 8, 9, 17, 40};
    depth_ = kDepths[draw(9)];
    panel_ = vectors * lanes;
    columns_ = draw(3) == 0 ? panel_ : panel_ - draw(lanes);
    stride_ = columns_ + draw(5);
    at_end_ = draw(2) == 0;
  }

  void run(const Contraction& kernels) {
    const auto rows = static_cast<size_t>(rows_), depth = static_cast<size_t>(depth_);
    const Floats a(rows * depth, at_end_, random_);
    std::vector<const float*> pointers;
    for (int i = 0; i < rows_; ++i) pointers.push_back(a.data() + i * depth_);
    const Floats b(depth * static_cast<size_t>(panel_), at_end_, random_);
    std::vector<int32_t> offsets;  // of rows of b in another order
    for (int d = 0; d < depth_; ++d)
      offsets.push_back((depth_ - 1 - d) * panel_ * static_cast<int>(sizeof(float)));
    const size_t reach = (rows - 1) * static_cast<size_t>(stride_) + static_cast<size_t>(columns_);
    const Floats c(reach, at_end_, random_), added(reach, at_end_, random_);
    const bool by_row = form_.bias == ContractionForm::Bias::row;
    const Floats bias(static_cast<size_t>(by_row ? rows_ : columns_), at_end_, random_);
    const std::vector<float> before(c.data(), c.data() + reach);

    ContractionCall call;
    call.a = a.data();
    call.a_rows = pointers.data();
    call.b = b.data();
    call.b_offsets = offsets.data();
    call.depth = depth_;
    call.c = c.data();
    call.c_stride = stride_ * static_cast<int64_t>(sizeof(float));
    if (columns_ != panel_)
      call.last_mask = cpu::column_mask(columns_ - panel_ + Contraction::lanes(cpu::isa()));
    call.bias = bias.data();
    call.added = added.data();
    call.scale = 0.5F;
    call.low = -0.3F;
    call.high = 0.4F;
    call.accumulates = draw(2);
    call.finishes = draw(2);
    kernels.function(rows_, vectors_, columns_ - panel_ + Contraction::lanes(cpu::isa()))(&call);

    for (int i = 0; i < rows_; ++i)
      for (int j = 0; j < std::min(stride_, static_cast<int>(reach) - i * stride_); ++j) {
        const int at = i * stride_ + j;
        const double found = c.data()[at];
        if (j >= columns_) {
          ASSERT_EQ(found, before[static_cast<size_t>(at)]) << "wrote between rows";
          continue;
        }
        double wanted = 0;
        for (int d = 0; d < depth_; ++d)
          wanted += double{of_a(a.data(), i, d)} * of_b(b.data(), d, j);
        wanted = followed(wanted, call, at, bias.data()[by_row ? i : j], before);
        ASSERT_NEAR(found, wanted, 1e-5) << text(call) << ", row " << i << ", column " << j;
      }
  }

 private:
  int draw(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  float of_a(const float* a, int i, int d) const {
    return form_.a == ContractionForm::A::rows ? a[i * depth_ + d] : a[d * rows_ + i];
  }
  float of_b(const float* b, int d, int j) const {
    return form_.b == ContractionForm::B::panel ? b[d * panel_ + j]
                                                : b[(depth_ - 1 - d) * panel_ + j];
  }
  double followed(double sum, const ContractionCall& call, int at, float bias,
                  const std::vector<float>& before) const {
    if (form_.scales) sum *= double{call.scale};
    if (call.accumulates != 0) sum += before[static_cast<size_t>(at)];
    if (call.finishes == 0) return sum;
    if (form_.bias != ContractionForm::Bias::none) sum += bias;
    if (form_.adds) sum += call.added[at];
    if (form_.clips_low) sum = std::max(sum, double{call.low});
    if (form_.clips_high) sum = std::min(sum, double{call.high});
    return sum;
  }
  std::string text(const ContractionCall& call) const {
    return cat(rows_, "x", vectors_, " vectors, ", columns_, " columns, depth ", depth_,
               ", accumulates ", call.accumulates, ", finishes ", call.finishes);
  }

  const ContractionForm form_;
  std::mt19937 random_;
  int rows_, vectors_;
  int depth_ = 0, panel_ = 0, columns_ = 0, stride_ = 0;
  bool at_end_ = false;
};

std::vector<ContractionForm> forms() {
  using Form = ContractionForm;
  std::vector<Form> all;
  for (const auto& [a, b] : {std::pair{Form::A::rows, Form::B::panel},
                             {Form::A::panel, Form::B::panel},
                             {Form::A::panel, Form::B::table}}) {
    all.push_back({a, b});
    all.push_back({a, b, true, Form::Bias::row, false, true, false});
    all.push_back({a, b, false, Form::Bias::column, true, false, true});
    all.push_back({a, b, true, Form::Bias::none, true, true, true});
  }
  return all;
}

TEST_P(ContractionTest, EqualsANaiveLoop) {
  unsigned seed = 1;
  for (const ContractionForm& form : forms()) {
    const auto kernels = Contraction::of(cpu::isa(), form, Contraction::kMostVectors);
    ASSERT_NE(kernels, nullptr);
    for (int vectors = 1; vectors <= Contraction::kMostVectors; ++vectors)
      for (int rows = 1; rows <= kernels->most_rows(vectors); ++rows)
        for (int trial = 0; trial < 12; ++trial) {
          Trial(form, rows, vectors, ++seed).run(*kernels);
          if (HasFatalFailure()) return;
        }
  }
}

TEST_P(ContractionTest, ClippingLetsNaNThrough) {
  const ContractionForm form{.clips_low = true, .clips_high = true};
  const auto kernels = Contraction::of(cpu::isa(), form, 1);
  float a[1] = {std::nanf("")}, b[16] = {1}, c[16] = {};
  ContractionCall call;
  call.a = a;
  call.b = b;
  call.depth = 1;
  call.c = c;
  call.high = 6;
  kernels->function(1, 1)(&call);
  EXPECT_TRUE(std::isnan(c[0]));
}

TEST_P(ContractionTest, ThereAreNoneWhereMemoryMayNotBecomeExecutable) {
  const ContractionForm form{.scales = true, .bias = ContractionForm::Bias::row};
  cpu::refuse_executable(true);
  EXPECT_EQ(Contraction::of(cpu::isa(), form, 1), nullptr);
  cpu::refuse_executable(false);
  EXPECT_NE(Contraction::of(cpu::isa(), form, 1), nullptr);
}

/// The rights of the mapping in which `address` lies, as /proc/self/maps writes them; "": none.
std::string rights_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    uintptr_t first = 0, last = 0;
    char rights[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &first, &last, rights) == 3 && first <= wanted &&
        wanted < last)
      return rights;
  }
  return "";
}

TEST(CodeMemory, IsNeverWritableAndIsGivenBack) {
  const std::byte code[] = {std::byte{0xC3}};
  const auto first = cpu::executable(code);
  ASSERT_NE(first, nullptr);
  auto second = cpu::executable(code);
  EXPECT_EQ(rights_of(first.get()), "r-xp");
  EXPECT_EQ(rights_of(second.get()), "r-xp");
  EXPECT_LT(std::abs(second.get() - first.get()), 1 << 20) << "in one mapping";
  cpu::function_at<void (*)()>(second.get())();
  // More than a mapping holds: another one, that goes with its code.
  auto large = cpu::executable(std::vector<std::byte>(3 << 20, std::byte{0xC3}));
  ASSERT_NE(large, nullptr);
  const std::byte* const at = large.get();
  EXPECT_EQ(rights_of(at), "r-xp");
  large = nullptr;
  EXPECT_NE(rights_of(at), "r-xp");
}

}  // namespace hone::test::contraction_test
