#include "device/cpu/jit/integer_contraction.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "device/cpu/jit/code_memory.hpp"
#include "device/cpu/jit/integer_contraction_code.hpp"

namespace hone::cpu {
namespace {

constexpr int kMostRowPointers = 12;           // of rows, that general registers hold
constexpr int kFewerPointers = 10;             // where further groups need two of them
constexpr size_t kIntegerKernelBytes = 16384;  // the most code of one block

using IntegerKey = std::tuple<Isa, IntegerForm, int>;

}  // namespace

IntegerSum IntegerSum::of(const Numbers& numbers) {
  IntegerSum sum;
  const auto everywhere = [](auto& lanes, auto number) {
    using T = std::remove_reference_t<decltype(lanes[0])>;
    std::fill(std::begin(lanes), std::end(lanes), static_cast<T>(number));
  };
  everywhere(sum.p_ratio, numbers.p_ratio), everywhere(sum.p_ratio32, numbers.p_ratio);
  everywhere(sum.q_ratio, numbers.q_ratio), everywhere(sum.q_ratio32, numbers.q_ratio);
  everywhere(sum.zero, numbers.zero), everywhere(sum.zero32, numbers.zero);
  everywhere(sum.low, numbers.low), everywhere(sum.low32, numbers.low);
  everywhere(sum.high, numbers.high), everywhere(sum.high32, numbers.high);
  everywhere(sum.p_zero, numbers.p_zero), everywhere(sum.q_zero, numbers.q_zero);
  // Two roundings of f32, each by at most 2^-24 of the largest there can be: four times that.
  const double most =
      256 * (std::abs(numbers.p_ratio) + std::abs(numbers.q_ratio)) + std::abs(numbers.zero) + 1;
  everywhere(sum.limit, std::max(0.0, 0.5 - most * 0x1p-21));
  everywhere(sum.magnitude, 0x7fffffff);
  return sum;
}

int IntegerContraction::most_rows(Isa isa, const IntegerForm& form, int vectors) {
  const int registers = isa == Isa::avx512 ? 32 : 16;
  const int rows = std::min(
      kMostRows, (registers - IntegerContractionCode::other_registers(form, vectors)) / vectors);
  if (form.kind == IntegerForm::Kind::filters) return rows;
  return std::min(rows, form.in_pairs() ? kFewerPointers : kMostRowPointers);
}

std::shared_ptr<const IntegerContraction> IntegerContraction::of(Isa isa, const IntegerForm& form,
                                                                 int most_vectors) {
  static std::mutex mutex;
  static std::map<IntegerKey, std::weak_ptr<const IntegerContraction>> known;
  if (isa == Isa::generic) return nullptr;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const IntegerContraction>& place = known[{isa, form, most_vectors}];
  if (auto found = place.lock()) return found;

  std::shared_ptr<IntegerContraction> made(new IntegerContraction);
  made->form_ = form;
  made->isa_ = isa;
  int blocks = 0;
  for (int vectors = 1; vectors <= most_vectors; ++vectors)
    blocks += made->rows_[vectors - 1] = most_rows(isa, form, vectors);
  IntegerContractionCode code(isa, form, static_cast<size_t>(blocks) * kIntegerKernelBytes);
  std::vector<std::pair<Function*, size_t>> places;
  for (int vectors = 1; vectors <= most_vectors; ++vectors)
    for (int rows = 1; rows <= made->rows_[vectors - 1]; ++rows)
      places.emplace_back(&made->functions_[vectors - 1][rows - 1], code.emit(rows, vectors));
  made->code_ = executable(code.code());
  if (made->code_ == nullptr) return nullptr;
  for (const auto& [function, at] : places)
    *function = function_at<Function>(made->code_.get() + at);
  place = made;
  return made;
}

void IntegerContraction::run(IntegerCall& call, int rows, int vectors, int64_t columns) const {
  const int64_t last = columns - int64_t{vectors - 1} * lanes(isa_);
  if (last == lanes(isa_)) {
    call.last_lanes = -1;
    return function(rows, vectors)(&call);
  }
  if (isa_ != Isa::avx512) return run_ragged(call, rows, vectors, columns);
  call.last_lanes = (int64_t{1} << last) - 1;
  function(rows, vectors)(&call);
}

void IntegerContraction::run_ragged(IntegerCall& call, int rows, int vectors,
                                    int64_t columns) const {
  constexpr int64_t kRow = int64_t{kMostVectors} * 8;  // lanes
  std::byte results[4 * kRow * kMostRows], others[kRow * kMostRows];
  IntegerCall inside = call;
  const auto bytes = static_cast<size_t>(columns * form_.result_bytes());
  inside.c = results;
  inside.c_stride = kRow * form_.result_bytes();
  const auto* from = static_cast<const std::byte*>(call.added);
  if (form_.adds) {
    inside.added = others;
    inside.added_stride = kRow;
    for (int64_t row = 0; row < rows; ++row)
      std::memcpy(others + row * kRow, from + row * call.added_stride, bytes);
  }
  function(rows, vectors)(&inside);
  auto* to = static_cast<std::byte*>(call.c);
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(to + row * call.c_stride, results + row * inside.c_stride, bytes);
}

}  // namespace hone::cpu
