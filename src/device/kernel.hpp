#pragma once
// What a device's kernels are to the rest of the house: they say what they support, describe how
// they would run it, are prepared once and bound to addresses per context.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "device/target.hpp"
#include "ir/region.hpp"
#include "ir/tensor.hpp"

namespace hone {

class Device;
struct Stream;

/// A kernel's answer: yes, or why not, in words a user can read; or yes up to a value of the
/// region: what makes it would be a region that the kernel runs.
struct Verdict {
  bool yes = true;
  std::string why;      // of a no; or what is slow about a yes
  std::string up_to{};  // with a no: the name of that value; empty: there is none
  static Verdict no(std::string why) { return {false, std::move(why), {}}; }
  static Verdict yes_up_to(std::string value, std::string why) {
    return {false, std::move(why), std::move(value)};
  }
};

/// The freedom a kernel has with rounding.
struct Numerics {
  bool deterministic = true;  // same engine, machine, workers: same bits
};

/// The part of the device a kernel may count on.
struct Share {
  int workers = 1;
};

/// How the elements of an operand or result lie in memory.
struct OperandLayout {
  Dims strides{};         // of each axis, in elements; empty: dense, the last axis the innermost
  int64_t alignment = 1;  // its address is a multiple of this
  friend bool operator==(const OperandLayout&, const OperandLayout&) = default;
};

/// One region to run. Dimensions that the region's types leave symbolic may take any value in
/// `ranges`.
struct Problem {
  Region region;
  std::vector<std::shared_ptr<const Weight>> weights{};  // per region input; null: not a constant
  Ranges ranges{};
  Numerics numerics{};
  Share share{};
  std::shared_ptr<const Target> target = unknown_target();
  /// Of the region's inputs and outputs; left out: dense, aligned to nothing.
  std::vector<OperandLayout> inputs{}, outputs{};
  Bindings sizes{};      // of its symbols, for estimates only: see expected_size()
  bool fallback = true;  // kernels of the host's processors may run it, too
};

/// Settings of one kernel that change its speed and never its meaning: "mr=6,nr=16".
using Tuning = std::map<std::string, int64_t, std::less<>>;
std::string tuning_text(const Tuning& tuning);

/// A constant operand in the form that a kernel wants. Made once per (weight hash, name).
struct Packing {
  size_t input;      // which region input
  std::string name;  // of the form, with its parameters: "gemm.b/nr=16"
  Tensor (*pack)(const Problem& problem, const Tuning& tuning, const Tensor& weight);
  /// That pack() gives, where the form is numbers and nothing else: a file may keep it, and it is
  /// taken from there when it has as many. -1: packed anew each time.
  int64_t bytes = -1;
};

/// How a kernel would run a problem. Pure: depends on the problem and tuning only.
struct Recipe {
  std::shared_ptr<const Problem> problem;
  Tuning tuning;
  double seconds = 0;  // estimate at the problem's sizes
  Dim scratch_bytes;   // of working memory while it runs, in the region's symbols
  std::vector<Packing> packings;
  /// Region inputs that the first result may be written over, when both have the same bytes.
  std::vector<size_t> may_overwrite;
  /// Region inputs and results that may be the same memory, where a caller gives it as both: of the
  /// input nothing is needed that the result does not keep where it lies (a cache that fills).
  std::vector<std::pair<size_t, size_t>> in_place{};
};

/// A tensor's place while a step runs. `data` is null for an absent operand and may be null for an
/// empty tensor.
struct Operand {
  std::byte* data = nullptr;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
};

/// Inputs and outputs in the region's order, with actual sizes. A packed input's `data` is null.
struct Operands {
  std::vector<Operand> inputs, outputs;
  Bindings symbols;
};
/// Symbols of a region's body, also those that its operands' sizes alone tell (in a body of control
/// flow).
Bindings symbols_of(const Graph& body, const Operands& operands);

/// A step bound to addresses, owned by one context. enqueue never allocates.
struct Bound {
  virtual ~Bound() = default;
  virtual void enqueue(Stream& stream) = 0;
  /// New addresses, the same sizes.
  virtual void rebind(const Operands& operands) = 0;
};

/// A kernel ready to run one problem; immutable, shared by contexts and threads.
struct Prepared {
  virtual ~Prepared() = default;
  /// What it enqueues may be recorded, where the stream records.
  virtual bool records() const { return true; }
  /// `scratch` has the recipe's scratch_bytes, 64-byte aligned. It will be enqueued to `stream`.
  virtual std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                                      Stream& stream) const = 0;
};

/// One registered way to run a kind of region on a device.
struct Kernel {
  std::string_view name;  // "cpu.conv.im2col"
  int version = 1;        // of what it computes and of the forms that it packs
  Verdict (*supports)(const Problem& problem);
  std::vector<Tuning> (*tunings)(const Problem& problem);  // best guess first; never empty
  Recipe (*recipe)(std::shared_ptr<const Problem> problem, const Tuning& tuning);
  std::shared_ptr<const Prepared> (*prepare)(const Recipe& recipe, std::vector<Tensor> packed,
                                             Device& device);
  bool several = false;  // runs regions of more than one op; others are asked about single ops only
  bool strided = false;  // reads and writes in other layouts than dense ones
  int64_t alignment = 1;  // that it wants of every operand and result
  /// Of a device whose memory is not the host's: runs on the host's processors, where its operands
  /// and results lie in the host's memory. Copies are the runtime's; they are part of its price.
  bool on_host = false;

  /// What the fields above refuse, else what supports() says: every question goes through here.
  Verdict accepts(const Problem& problem) const;
  /// recipe() for the processor that it runs on, with what copies take.
  Recipe estimate(std::shared_ptr<const Problem> problem, const Tuning& tuning) const;
};

/// A device's kernels, by name; in one visible order, by name.
class KernelRegistry {
 public:
  void add(const Kernel& kernel);  // a name given twice: Error(internal)
  const Kernel* find(std::string_view name) const;
  std::vector<const Kernel*> all() const;

 private:
  std::map<std::string_view, Kernel> kernels_;
};

}  // namespace hone
