#pragma once
// Tensors as PyTorch stores them: a storage of elements, and where in it a tensor's lie.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "import/pytorch/archive.hpp"
#include "import/pytorch/pickle.hpp"
#include "ir/limits.hpp"
#include "ir/weight.hpp"

namespace hone::pytorch {

/// How the elements of a tensor lie in a storage.
struct Layout {
  DType dtype = DType::f32;
  std::vector<int64_t> sizes, strides;
  int64_t offset = 0;
};

/// The tensor as a constant: where it lies, if its elements follow one another; else put in order.
/// Complex numbers are pairs of reals along one axis more.
/// Error(invalid_model): it reaches beyond the storage.
std::shared_ptr<const Weight> weight_of(const Archive& archive, std::span<const std::byte> storage,
                                        const Layout& layout, const Limits& limits);

/// What the integers of a quantized tensor stand for: one scale for all, or tensors of them.
struct StoredGrid {
  double scale = 1;
  int64_t zero_point = 0;
  const Pickled *scales = nullptr, *zero_points = nullptr;  // one each channel; null: one for all
  int64_t axis = 0;
};

/// The tensors of a pickled archive (data.pkl, data/0, data/1 ...).
class StoredTensors {
 public:
  StoredTensors(const Archive& archive, const Limits& limits, std::string folder = "data/")
      : archive_(archive), limits_(limits), folder_(std::move(folder)) {}

  /// Whether the value is one. Nothing of it is read.
  static bool is_tensor(const Pickled& value);
  /// Its type of elements and sizes, without what it holds.
  static Layout layout(const Pickled& value);
  static std::optional<StoredGrid> grid(const Pickled& value);  // nullopt: it is not quantized
  /// Error(invalid_model), Error(unsupported) telling what is wrong with it.
  std::shared_ptr<const Weight> tensor(const Pickled& value) const;

 private:
  const Archive& archive_;
  const Limits& limits_;
  std::string folder_;  // where storages lie
};

/// All that a pickled dictionary names, by name ("a.b" for dictionaries within).
std::map<std::string, std::shared_ptr<const Weight>, std::less<>> stored_by_name(
    const Archive& archive, const Limits& limits);

}  // namespace hone::pytorch
