// Generated sums of products of integers against a naive loop, between pages that nobody may touch.

#include "device/cpu/jit/integer_contraction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "device/fenced.hpp"
#include "device/kernel_case.hpp"

namespace hone::test::integer_contraction_test {

using cpu::IntegerCall;
using cpu::IntegerContraction;
using cpu::IntegerForm;
using cpu::IntegerSum;

/// Random bytes between pages that may not be touched.
class Bytes {
 public:
  Bytes(size_t count, bool at_end, std::mt19937& random) : memory_(count, at_end) {
    for (size_t i = 0; i < count; ++i) memory_.data()[i] = static_cast<std::byte>(random() >> 7);
  }
  template <class T = std::byte>
  T* as() const {
    return reinterpret_cast<T*>(memory_.data());
  }

 private:
  Fenced memory_;
};

class IntegerContractionTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Isas, IntegerContractionTest,
                         testing::Values(cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

double rounded(double value, double least, double most) {
  return std::max(least, std::min(std::nearbyint(value), most));
}

/// One block, drawn at random, and what it must be.
class Trial {
 public:
  Trial(const IntegerForm& form, int rows, int vectors, unsigned seed)
      : form_(form), random_(seed), rows_(rows), vectors_(vectors) {
    const int lanes = IntegerContraction::lanes(cpu::isa());
    constexpr int kGroups[] = {0, 1, 2, 3, 4, 5, 9, 16, 40};
    groups_ = kGroups[draw(9)];
    panel_ = vectors * lanes;
    columns_ = draw(3) == 0 ? panel_ : panel_ - draw(lanes);
    stride_ = columns_ + draw(5);
    at_end_ = draw(2) == 0;
  }

  void run(const IntegerContraction& kernels) {
    const auto rows = static_cast<size_t>(rows_), groups = static_cast<size_t>(groups_);
    const auto panel = static_cast<size_t>(panel_);
    const bool by_row = form_.kind == IntegerForm::Kind::filters;
    // Further groups of weights, multiplied by groups of x that are there already.
    if (form_.in_pairs() && groups_ > 0)
      for (int i = draw(4); i > 0; --i) more_.push_back(draw(groups_));
    const size_t all = groups + more_.size();
    const Bytes a(rows * (by_row ? all : groups) * 4, at_end_, random_);
    const Bytes b((by_row ? groups : all) * panel * 4, at_end_, random_);
    const Bytes& weights = by_row ? a : b;
    for (size_t i = 0; form_.in_pairs() && i < all * (by_row ? rows : panel) * 4; ++i)
      weights.as<int8_t>()[i] /= 2;
    // Words are numbers of 9 bits: products of others go beyond what is promised.
    for (const auto& [words, count] : {std::pair{a.as<int16_t>(), rows * groups * 2},
                                       std::pair{b.as<int16_t>(), groups * panel * 2}})
      for (size_t i = 0; form_.groups == IntegerForm::Groups::words && i < count; ++i)
        words[i] = static_cast<int16_t>(words[i] % 256);
    std::vector<const void*> pointers;
    std::vector<int32_t> offsets;  // of columns in another order
    for (int i = 0; i < rows_; ++i) pointers.push_back(a.as() + i * groups_ * 4);
    for (int g = 0; g < groups_; ++g) offsets.push_back((groups_ - 1 - g) * panel_ * 4);
    const auto width = static_cast<size_t>(form_.result_bytes());
    const size_t reach = (rows - 1) * static_cast<size_t>(stride_) + static_cast<size_t>(columns_);
    const Bytes c(reach * width, at_end_, random_), added(reach, at_end_, random_);
    const std::vector<std::byte> before(c.as(), c.as() + reach * width);
    const size_t parameters = by_row ? rows : panel;
    const Bytes bias(parameters * 4, at_end_, random_), scale(parameters * 4, at_end_, random_);
    for (size_t i = 0; i < parameters; ++i) bias.as<int32_t>()[i] %= 100000;
    for (size_t i = 0; i < parameters; ++i) scale.as<float>()[i] = drawn_scale();

    IntegerCall call;
    call.a = a.as();
    call.a_rows = pointers.data();
    call.b = b.as();
    call.b_offsets = offsets.data();
    call.groups = groups_;
    std::vector<int32_t> more_offsets;
    for (const int group : more_)
      more_offsets.push_back(by_row ? offsets[static_cast<size_t>(group)] : 4 * group);
    call.more_groups = std::ssize(more_);
    call.more_offsets = more_offsets.data();
    call.c = c.as();
    call.c_stride = stride_ * form_.result_bytes();
    call.bias = bias.as<int32_t>();
    call.scale = scale.as<float>();
    call.added = added.as();
    call.added_stride = draw(2) == 0 ? 0 : stride_;
    const IntegerSum sum = drawn_sum();
    call.sum = &sum;
    call.zero = least() + draw(256);
    call.low = static_cast<float>(least() - call.zero);
    call.high = static_cast<float>(most() - (form_.saturates ? 0 : 20) - call.zero);
    kernels.run(call, rows_, vectors_, columns_);

    const auto sum_of = [&](int i, int j) {
      return product(a, b, i, j) + bias.as<int32_t>()[by_row ? i : j];
    };
    compare(call, sum_of, c, before, added);
  }

 private:
  template <class SumOf>
  void compare(const IntegerCall& call, const SumOf& sum_of, const Bytes& c,
               const std::vector<std::byte>& before, const Bytes& added) const {
    const auto width = static_cast<size_t>(form_.result_bytes());
    const int reach = (rows_ - 1) * stride_ + columns_;
    for (int i = 0; i < rows_; ++i)
      for (int j = 0; j < std::min(stride_, reach - i * stride_); ++j) {
        const int at = i * stride_ + j;
        if (j >= columns_) {
          for (size_t byte = 0; byte < width; ++byte)
            ASSERT_EQ(c.as()[static_cast<size_t>(at) * width + byte],
                      before[static_cast<size_t>(at) * width + byte])
                << "wrote between rows";
          continue;
        }
        const float scale = call.scale[form_.kind == IntegerForm::Kind::filters ? i : j];
        const int64_t of_added = i * call.added_stride + j;
        const double wanted = followed(sum_of(i, j), scale, call, added, of_added);
        ASSERT_EQ(found(c, at), wanted) << text() << ", row " << i << ", column " << j;
      }
  }

  int draw(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  float drawn_scale() { return static_cast<float>(1 + draw(1000)) * 1e-5F; }
  int least() const { return form_.result == IntegerForm::Result::i8 ? -128 : 0; }
  int most() const { return least() + 255; }
  int number(const std::byte* at) const {
    return form_.result == IntegerForm::Result::u8 ? *reinterpret_cast<const uint8_t*>(at)
                                                   : *reinterpret_cast<const int8_t*>(at);
  }
  double found(const Bytes& c, int at) const {
    if (form_.result == IntegerForm::Result::sums) return c.as<int32_t>()[at];
    if (form_.result == IntegerForm::Result::floats) return double{c.as<float>()[at]};
    return number(c.as() + at);
  }

  IntegerSum drawn_sum() {
    // Halves, too: sums that lie between two whole numbers.
    const auto ratio = [&] {
      return draw(3) == 0 ? 0.5 * draw(4) : double{static_cast<float>(draw(1000)) * 1e-3F};
    };
    const double p_ratio = ratio(), q_ratio = ratio(), zero = least() + draw(256);
    const int p_zero = least() + draw(256), q_zero = least() + draw(256);
    return IntegerSum::of({p_ratio, q_ratio, zero, least() + 10.0, double(most()), p_zero, q_zero});
  }

  int64_t product(const Bytes& a, const Bytes& b, int i, int j) const {
    const bool filters = form_.kind == IntegerForm::Kind::filters;
    int64_t sum = 0;
    for (int g = 0; g < groups_ + static_cast<int>(more_.size()); ++g) {
      const int of_x = g < groups_ ? g : more_[static_cast<size_t>(g - groups_)];
      const std::byte* left = a.as() + 4 * (filters ? g * rows_ + i : i * groups_ + of_x);
      const std::byte* right = b.as() + 4 * ((filters ? groups_ - 1 - of_x : g) * panel_ + j);
      if (!filters) std::swap(left, right);  // left: weights
      for (int k = 0; k < form_.in_group(); ++k)
        sum += form_.groups == IntegerForm::Groups::bytes
                   ? int64_t{reinterpret_cast<const int8_t*>(left)[k]} *
                         reinterpret_cast<const uint8_t*>(right)[k]
                   : int64_t{reinterpret_cast<const int16_t*>(left)[k]} *
                         reinterpret_cast<const int16_t*>(right)[k];
    }
    return sum;
  }

  double followed(int64_t exact, float scale, const IntegerCall& call, const Bytes& added,
                  int64_t at) const {
    if (form_.result == IntegerForm::Result::sums) return static_cast<double>(exact);
    const float value = static_cast<float>(exact) * scale;
    if (form_.result == IntegerForm::Result::floats) return double{value};
    const double p = rounded(double{value}, double{call.low}, double{call.high}) + call.zero;
    if (!form_.adds) return p;
    const IntegerSum& sum = *call.sum;
    const double q = number(added.as() + at) - sum.q_zero[0];
    return rounded((p - sum.p_zero[0]) * sum.p_ratio[0] + q * sum.q_ratio[0] + sum.zero[0],
                   sum.low[0], sum.high[0]);
  }
  std::string text() const {
    return cat(rows_, "x", vectors_, " vectors, ", columns_, " columns, ", groups_, " groups, ",
               form_.in_group(), " in each, result ", static_cast<int>(form_.result));
  }

  const IntegerForm form_;
  std::mt19937 random_;
  int rows_, vectors_;
  std::vector<int> more_;
  int groups_ = 0, panel_ = 0, columns_ = 0, stride_ = 0;
  bool at_end_ = false;
};

std::vector<IntegerForm> forms() {
  using Form = IntegerForm;
  std::vector<Form> all;
  for (const auto kind : {Form::Kind::filters, Form::Kind::matrix})
    for (const auto result :
         {Form::Result::sums, Form::Result::floats, Form::Result::u8, Form::Result::i8})
      for (const bool vnni : {false, true}) {
        if (vnni && !cpu::has_vnni()) continue;
        Form form{.kind = kind, .result = result, .vnni = vnni};
        all.push_back(form);
        form.saturates = form.quantizes();
        if (form.saturates) all.push_back(form);
        form.saturates = false;
        form.adds = form.quantizes();
        if (form.adds) all.push_back(form);
        form.groups = Form::Groups::bytes;
        all.push_back(form);
        form.adds = false;
        form.saturates = form.quantizes();
        if (form.saturates) all.push_back(form);
      }
  return all;
}

TEST_P(IntegerContractionTest, EqualsANaiveLoop) {
  unsigned seed = 1;
  for (const IntegerForm& form : forms()) {
    const auto kernels = IntegerContraction::of(cpu::isa(), form, 4);
    ASSERT_NE(kernels, nullptr);
    for (int vectors = 1; vectors <= 4; ++vectors)
      for (int rows = 1; rows <= kernels->most_rows(vectors); ++rows)
        for (int i = 0; i < 4; ++i) {
          Trial(form, rows, vectors, ++seed).run(*kernels);
          if (HasFatalFailure()) return;
        }
  }
}

TEST_P(IntegerContractionTest, ProductsDoNotSaturate) {
  // 255 * 127 twice is more than 16 bits hold: what multiplies bytes in pairs would stop there.
  for (const bool vnni : {false, true}) {
    if (vnni && !cpu::has_vnni()) continue;
    const IntegerForm form{.groups = vnni ? IntegerForm::Groups::bytes : IntegerForm::Groups::words,
                           .kind = IntegerForm::Kind::matrix,
                           .vnni = vnni};
    const auto kernels = IntegerContraction::of(cpu::isa(), form, 1);
    const std::vector<int16_t> left_words(8, 255), right_words(8 * 16, 127);
    const std::vector<uint8_t> left_bytes(16, 255), right_bytes(16 * 16, 127);
    const void* row = vnni ? static_cast<const void*>(left_bytes.data()) : left_words.data();
    const std::vector<int32_t> bias(16, 7);
    std::vector<int32_t> sums(16);
    IntegerCall call;
    call.a_rows = &row;
    call.b = vnni ? static_cast<const void*>(right_bytes.data()) : right_words.data();
    call.groups = 4;
    call.c = sums.data();
    call.bias = bias.data();
    kernels->run(call, 1, 1, 8);
    EXPECT_EQ(sums[7], 255 * 127 * (vnni ? 16 : 8) + 7);
  }
}

}  // namespace hone::test::integer_contraction_test
