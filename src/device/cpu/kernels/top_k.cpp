// TopK: elements become integers that sort as they do. A row is read in blocks, and what may be
// among the first k is kept.

#include <bit>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/step.hpp"
#include "ops/select.hpp"

namespace hone::cpu {
namespace top_k_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
constexpr int64_t kBlock = 256;       // keys that are looked at together
constexpr int64_t kFewKeys = 16;      // the same, where few are kept
constexpr int64_t kFew = 32;          // of which each is put where it belongs

Verdict supports(const Problem& problem) {
  const TopK* op = op_of<TopK>(problem);
  if (op == nullptr) return Verdict::no("TopK only");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.rank() == 0) return Verdict::no("an operand of rank 0 or unknown");
  if (const char* why = number_refusal(x.dtype)) return Verdict::no(why);
  return {};
}

/// What is kept of an element.
struct Candidate {
  int64_t key, place;
};

/// Floats that a worker keeps candidates in.
Dim kept_floats(const Dim& k) {
  return (Dim(2) * k + Dim(kBlock)) * Dim(int64_t{sizeof(Candidate) / sizeof(float)});
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = 1e-9 * typical_count(*problem, problem->region.single()->inputs[0]->type) +
                 streaming_seconds(*problem, 100);
  const TopK& op = *op_of<TopK>(*problem);
  for (const Value* output : problem->region.single()->outputs) {
    if (output == nullptr) continue;
    const Dims& result = output->type.tensor().shape();
    made.scratch_bytes =
        worker_scratch(problem->share, kept_floats(result[axis_index(op.axis, result.size())]));
    break;
  }
  made.problem = std::move(problem);
  return made;
}

// Keys: of two elements the larger has the larger key, equal ones have the same; NaN has the
// largest there is.

/// Of a float's bits I (signed, as wide).
template <class I, class F>
I float_key(F value) {
  constexpr I kMagnitude = std::numeric_limits<I>::max();
  const I bits = std::bit_cast<I>(value + F{0});  // -0 becomes 0
  const I key = bits < 0 ? bits ^ kMagnitude : bits;
  return value != value ? kMagnitude : key;
}
int32_t key_of(float value) { return float_key<int32_t>(value); }
int64_t key_of(double value) { return float_key<int64_t>(value); }
template <class T>
T key_of(T value) requires std::is_integral_v<T> {
  return value;
}

template <DType kType>
int32_t key_of(Half<kType> value) {
  return key_of(value.number());
}

/// The first of the candidates, best first; of equal ones the first of the row.
struct Better {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.key != b.key ? a.key > b.key : a.place < b.place;
  }
};

/// The keys of elements [first, first + count) of a row.
template <class T, class Key>
void make_keys(const T* from, int64_t step, int64_t count, bool largest, Key* keys) {
  const Key flipped = largest ? Key{0} : static_cast<Key>(~Key{0});
  if (step == 1)
    for (int64_t i = 0; i < count; ++i) keys[i] = static_cast<Key>(key_of(from[i]) ^ flipped);
  else
    for (int64_t i = 0; i < count; ++i)
      keys[i] = static_cast<Key>(key_of(from[i * step]) ^ flipped);
}

template <class T>
[[gnu::always_inline]] inline bool any_of(const T* from, int64_t count, bool largest, T least) {
  int any = 0;  // NaN is not less and not greater
  if (largest)
    for (int64_t i = 0; i < count; ++i) any |= !(from[i] <= least);
  else
    for (int64_t i = 0; i < count; ++i) any |= !(from[i] >= least);
  return any != 0;
}

/// Whether an element of `from` may come before `least`, one of the row: false is certain. An equal
/// one does not, it is later in the row.
template <class T>
bool any_before(const T* from, int64_t step, int64_t count, bool largest, T least) {
  if constexpr (std::is_arithmetic_v<T>) {
    if (step != 1) return true;
    // Of a number that is known loops are unrolled.
    return count == kFewKeys ? any_of(from, kFewKeys, largest, least)
                             : any_of(from, count, largest, least);
  }
  return true;
}

/// Few that are kept in order. `kept` has room for k.
class InOrder {
 public:
  static constexpr int64_t kLooksAt = kFewKeys;
  InOrder(Candidate* kept, int64_t k) : kept_(kept), k_(k) {}
  bool full() const { return count_ == k_; }
  /// The last of k elements that come before all others so far.
  const Candidate& least() const { return kept_[k_ - 1]; }
  void add(const Candidate& next) {
    int64_t at = full() ? k_ - 1 : count_++;
    for (; at > 0 && kept_[at - 1].key < next.key; --at) kept_[at] = kept_[at - 1];
    kept_[at] = next;
  }
  void finish() {}

 private:
  Candidate* kept_;
  int64_t k_, count_ = 0;
};

/// Many: put apart when there are 2k of them. `kept` has room for 2k and a block.
class Heaped {
 public:
  static constexpr int64_t kLooksAt = kBlock;
  Heaped(Candidate* kept, int64_t k) : kept_(kept), k_(k) {}
  bool full() const { return full_; }
  const Candidate& least() const { return kept_[k_ - 1]; }
  void add(const Candidate& next) { kept_[count_++] = next; }
  void end_block() {
    if (count_ >= 2 * k_) part();
  }
  void finish() {
    if (count_ > k_) part();
    std::sort(kept_, kept_ + k_, Better());
  }

 private:
  void part() {
    std::nth_element(kept_, kept_ + k_ - 1, kept_ + count_, Better());
    count_ = k_;
    full_ = true;
  }
  Candidate* kept_;
  int64_t k_, count_ = 0;
  bool full_ = false;
};

/// The best of a row.
template <class Kept, class T>
void choose(const T* from, int64_t size, int64_t step, bool largest, Kept kept) {
  using Key = decltype(key_of(T{}));
  constexpr int64_t kAtOnce = Kept::kLooksAt;
  Key keys[kAtOnce];
  for (int64_t first = 0; first < size; first += kAtOnce) {
    const int64_t count = std::min(kAtOnce, size - first);
    const T* block = from + first * step;
    if (kept.full() && !any_before(block, step, count, largest, from[kept.least().place * step]))
      continue;
    make_keys(block, step, count, largest, keys);
    for (int64_t i = 0; i < count; ++i)
      if (!kept.full() || keys[i] > kept.least().key) kept.add({keys[i], first + i});
    if constexpr (std::is_same_v<Kept, Heaped>) kept.end_block();
  }
  kept.finish();
}

struct TopKShared final : Shared<TopKShared> {
  Region region;
  Source source;
  int64_t axis = 0;
  bool largest = true;
  DType dtype = DType::f32;
  int values = -1, places = -1;  // outputs

  explicit TopKShared(const Problem& problem) : source(problem, 0) {}

  struct Geometry {
    int64_t outer = 1, size = 1, inner = 1, k = 0;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = source.shape(operands);
    const size_t at = axis_index(axis, shape.size());
    Geometry g;
    for (size_t d = 0; d < shape.size(); ++d)
      (d < at ? g.outer : d == at ? g.size : g.inner) *= shape[d];
    g.k = operands.outputs[0].shape[at];
    check(g.k <= g.size, Code::invalid_model, "k is ", g.k, ", axis ", at, " of ",
          shape_text(shape), " has ", g.size, " elements (", describe(*region.single()), ")");
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.outer * g.inner * g.k == 0) return;
    switch (dtype) {
      case DType::f64: return rows<double>(g, operands, scratch, stream);
      case DType::f32: return rows<float>(g, operands, scratch, stream);
      case DType::f16: return rows<Half<DType::f16>>(g, operands, scratch, stream);
      case DType::bf16: return rows<Half<DType::bf16>>(g, operands, scratch, stream);
      case DType::i64: return rows<int64_t>(g, operands, scratch, stream);
      case DType::i32: return rows<int32_t>(g, operands, scratch, stream);
      case DType::i8: return rows<int8_t>(g, operands, scratch, stream);
      default: return rows<uint8_t>(g, operands, scratch, stream);
    }
  }

  template <class T>
  void rows(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
            Stream& stream) const {
    const T* from = source.as<T>(operands);
    T* elements = values < 0 ? nullptr : operands.outputs[static_cast<size_t>(values)].as<T>();
    int64_t* indices =
        places < 0 ? nullptr : operands.outputs[static_cast<size_t>(places)].as<int64_t>();
    parallel_ranges(stream, g.outer * g.inner, kTile / g.size, [&](int64_t first, int64_t last) {
      auto* kept = reinterpret_cast<Candidate*>(
          scratch.data() + Team::worker() * (2 * g.k + kBlock) * int64_t{sizeof(Candidate)});
      for (int64_t i = first; i < last; ++i) {
        const int64_t outer = i / g.inner, inner = i % g.inner;
        const T* row = from + outer * g.size * g.inner + inner;
        if (g.k <= kFew) choose(row, g.size, g.inner, largest, InOrder(kept, g.k));
        else choose(row, g.size, g.inner, largest, Heaped(kept, g.k));
        const int64_t to = outer * g.k * g.inner + inner;
        for (int64_t j = 0; j < g.k; ++j) {
          if (elements != nullptr) elements[to + j * g.inner] = row[kept[j].place * g.inner];
          if (indices != nullptr) indices[to + j * g.inner] = kept[j].place;
        }
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  const Problem& problem = *recipe.problem;
  auto shared = std::make_shared<TopKShared>(problem);
  shared->region = problem.region;
  shared->axis = op_of<TopK>(problem)->axis;
  shared->largest = op_of<TopK>(problem)->largest;
  shared->dtype = operand_type(problem, 0)->dtype;
  shared->values = wanted_output(problem, 0);
  shared->places = wanted_output(problem, 1);
  return shared;
}

}  // namespace
}  // namespace top_k_kernel

void register_top_k(KernelRegistry& registry) {
  using namespace top_k_kernel;
  registry.add({"cpu.top_k", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
