#include "device/cpu/jit/contraction.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "device/cpu/jit/code_memory.hpp"
#include "device/cpu/jit/contraction_code.hpp"

namespace hone::cpu {
namespace {

constexpr int kMostPointers = 12;      // of rows, that general registers hold
constexpr size_t kKernelBytes = 6144;  // the most code of one block

using Key = std::tuple<Isa, ContractionForm, int, int>;

}  // namespace

const int32_t* column_mask(int64_t count) {
  static constexpr int32_t kLanes[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                         -1, -1, -1, -1, -1, -1, -1, -1};
  return kLanes + 16 - count;
}

int Contraction::most_rows(Isa isa, const ContractionForm& form, int vectors) {
  const int registers = isa == Isa::avx512 ? 32 : 16;
  const int rows = std::min(kMostRows, (registers - 1 - vectors) / vectors);
  return form.a == ContractionForm::A::rows ? std::min(rows, kMostPointers) : rows;
}

std::shared_ptr<const Contraction> Contraction::of(Isa isa, const ContractionForm& form,
                                                   int most_vectors, int most_rows) {
  struct Place {
    std::mutex mutex;  // threads that want other forms need not wait
    std::weak_ptr<const Contraction> made;
  };
  static std::mutex mutex;
  static std::map<Key, Place> known;  // places stay where they are
  if (isa == Isa::generic) return nullptr;
  Place* found = nullptr;
  {
    const std::lock_guard lock(mutex);
    found = &known[{isa, form, most_vectors, most_rows}];
  }
  Place& place = *found;
  const std::lock_guard lock(place.mutex);
  if (auto kept = place.made.lock()) return kept;

  std::shared_ptr<Contraction> made(new Contraction);
  made->lanes_ = lanes(isa);
  int blocks = 0;
  for (int vectors = 1; vectors <= most_vectors; ++vectors) {
    const int rows = std::min(most_rows, Contraction::most_rows(isa, form, vectors));
    blocks += made->rows_[vectors - 1] = rows;
  }
  const bool narrow = isa == Isa::avx512 && form.b == ContractionForm::B::table;
  ContractionCode code(isa, form, static_cast<size_t>(blocks) * kKernelBytes * (narrow ? 2 : 1));
  std::vector<std::pair<Function*, size_t>> places;
  for (int vectors = 1; vectors <= most_vectors; ++vectors)
    for (int rows = 1; rows <= made->rows_[vectors - 1]; ++rows) {
      places.emplace_back(&made->functions_[vectors - 1][rows - 1], code.emit(rows, vectors));
      if (narrow)
        places.emplace_back(&made->narrow_[vectors - 1][rows - 1], code.emit(rows, vectors, true));
    }
  made->code_ = executable(code.code());
  if (made->code_ == nullptr) return nullptr;
  made->bytes_ = code.code().size();
  for (const auto& [function, at] : places)
    *function = function_at<Function>(made->code_.get() + at);
  place.made = made;
  return made;
}

}  // namespace hone::cpu
