#pragma once
// The common shape of our CPU kernels: a step that is rebound by taking new operands.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "device/cpu/stream.hpp"

namespace hone::cpu {

/// A bound step of a kernel whose shared part is `Shared`.
template <class Shared>
class Step final : public Bound {
 public:
  Step(std::shared_ptr<const Shared> shared, Operands operands, std::span<std::byte> scratch)
      : shared_(std::move(shared)),
        operands_(std::move(operands)),
        scratch_(scratch),
        geometry_(shared_->geometry(operands_)) {}
  void enqueue(hone::Stream& stream) override {
    auto& own = static_cast<Stream&>(stream);
    if (own.notes() != nullptr) own.notes()->step(operands_, scratch_);
    shared_->run(geometry_, operands_, scratch_, own);
  }
  void rebind(const Operands& operands) override { operands_ = operands; }

 private:
  using Geometry =
      decltype(std::declval<const Shared&>().geometry(std::declval<const Operands&>()));
  std::shared_ptr<const Shared> shared_;
  Operands operands_;
  std::span<std::byte> scratch_;
  Geometry geometry_;
};

/// Derive as `struct Mine : Shared<Mine>` with
///   Geometry geometry(const Operands&) const;    what follows from sizes alone, once a binding
///   void run(const Geometry&, const Operands&, std::span<std::byte> scratch, Stream&) const;
/// and, if it can be recorded,
///   static constexpr bool kLaunches = true;
/// Then run() looks at no contents, and works by Stream::launch() alone. Its tiles may refer to
/// `this`, to the geometry and to the operands that run() is given: they stay where they are.
template <class Mine>
struct Shared : Prepared, std::enable_shared_from_this<Mine> {
  bool records() const override {
    return requires { Mine::kLaunches; };
  }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream&) const override {
    return std::make_unique<Step<Mine>>(this->shared_from_this(), operands, scratch);
  }
};

/// Slowly, by the ops' own evaluation, where sizes are not as a kernel takes them. Not recorded.
void run_by_ops(const Graph& body, const Operands& operands, const Bindings& symbols,
                Stream& stream);

/// The tensor, or where its bytes lie at no multiple of an element's size a copy.
inline Tensor aligned(const Tensor& tensor) {
  return tensor.is_aligned() ? tensor : tensor.clone();
}

/// For kernels without settings.
inline std::vector<Tuning> no_tunings(const Problem&) { return {{}}; }

/// Working memory of every worker: `floats` each.
inline Dim worker_scratch(const Share& share, const Dim& floats) {
  return Dim(int64_t{share.workers} * static_cast<int64_t>(sizeof(float))) * floats;
}
inline float* scratch_of(std::span<std::byte> scratch, int64_t floats) {
  return reinterpret_cast<float*>(scratch.data()) + Team::worker() * floats;
}

/// Sizes for estimates.
double typical(const Problem& problem, const Dim& dim);
double typical_count(const Problem& problem, const Type& type);

/// All operands and results of a single-op region have this dtype and a rank.
bool all_are(const Problem& problem, DType dtype);

/// Where an operand of a single-op region comes from: an input of the region (its index), a
/// literal in it (-1), or nowhere (-2).
int region_input(const Problem& problem, size_t operand);

/// An operand of a single-op region while a step runs: what the step is given, or the literal.
class Source {
 public:
  Source(const Problem& problem, size_t operand);
  Source(const Problem& problem, int operand) : Source(problem, static_cast<size_t>(operand)) {}
  /// An operand of any node of the region; null: it is absent.
  Source(const Problem& problem, const Value* operand);
  bool present() const { return input_ != -2; }
  /// Which input of the region it is; negative: none.
  int input() const { return input_; }
  /// Its bytes; null when absent.
  const std::byte* data(const Operands& operands) const {
    return input_ >= 0 ? operands.inputs[static_cast<size_t>(input_)].data
                       : literal_.bytes().data();
  }
  template <class T>
  const T* as(const Operands& operands) const {
    return reinterpret_cast<const T*>(data(operands));
  }
  const std::vector<int64_t>& shape(const Operands& operands) const {
    return input_ >= 0 ? operands.inputs[static_cast<size_t>(input_)].shape : literal_.shape();
  }

 private:
  friend std::vector<Source> sources(const Problem& problem);
  Source(const Value* value, int input);
  int input_;
  Tensor literal_;  // a copy of its own: aligned
};
/// Fails with Error(usage) unless each of these operands has one element; absent ones are fine.
void check_scalars(const std::vector<Source>& operands_of, std::initializer_list<size_t> which,
                   const Operands& operands);
/// All operands of the op, in its order.
std::vector<Source> sources(const Problem& problem);

/// The index among a step's outputs of the op's result, -1 when nobody wants it.
int wanted_output(const Problem& problem, size_t result);

/// The type of an operand; null: absent.
const TensorType* operand_type(const Problem& problem, size_t operand);

/// The op of a single-op region, when it is a T.
template <class T>
const T* op_of(const Problem& problem) {
  const Node* node = problem.region.single();
  return node == nullptr ? nullptr : node->op.as<T>();
}

/// The contents of an operand that is a constant or a literal; else null.
const Weight* constant_operand(const Problem& problem, size_t operand);

/// The numbers of dims for sizes that are known. Error(internal) for a symbol without a value.
std::vector<int64_t> evaluated(const Dims& dims, const Bindings& symbols);

/// `axis` in [-rank, rank) as an index.
inline size_t axis_index(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

/// The same by Stream::launch(), for tiles that may be recorded.
template <class Tile>
void launch_ranges(Stream& stream, int64_t count, int64_t grain, const Tile& tile) {
  grain = std::max<int64_t>(grain, 1);
  stream.launch((count + grain - 1) / grain,
                [=](int64_t i) { tile(i * grain, std::min(count, (i + 1) * grain)); });
}

/// The same; touch(first, last): what a tile touches.
template <class Tile, class TouchOf>
void launch_ranges(Stream& stream, int64_t count, int64_t grain, const Tile& tile,
                   const TouchOf& touch) {
  grain = std::max<int64_t>(grain, 1);
  const auto end = [=](int64_t i) { return std::min(count, (i + 1) * grain); };
  stream.launch((count + grain - 1) / grain, [=](int64_t i) { tile(i * grain, end(i)); },
                [&](int64_t i) { return touch(i * grain, end(i)); });
}

/// Work over `count` items in tiles of about `grain`: tile(first, last).
template <class Tile>
void parallel_ranges(Stream& stream, int64_t count, int64_t grain, const Tile& tile) {
  grain = std::max<int64_t>(grain, 1);
  stream.parallel((count + grain - 1) / grain,
                  [&](int64_t i) { tile(i * grain, std::min(count, (i + 1) * grain)); });
}

/// Seconds to read all operands and write all results once, and to compute `operations` for each
/// element of the results.
double streaming_seconds(const Problem& problem, double operations = 0);
/// Of a kernel that takes as long and needs no working memory.
template <int kOperations = 0>
Recipe streaming_recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, kOperations);
  made.problem = std::move(problem);
  return made;
}

// Why a kernel does not take elements of a type, in words; null: it does.
/// Elements that are moved as 1, 2, 4 or 8 bytes.
const char* width_refusal(DType dtype);
/// Numbers that are compared and folded: f64, f32, f16, bf16, i64, i32, i8, u8.
const char* number_refusal(DType dtype);

}  // namespace hone::cpu
