#pragma once
// The layout of images in a node's attributes: channels last (NHWC) or first (NCHW).

#include <string_view>
#include <vector>

#include "import/tensorflow/node_reader.hpp"
#include "ops/common/window.hpp"

namespace hone::tensorflow {

class Images {
 public:
  /// Input `i`, images of so many spatial axes. Leaves the node where its rank is not known.
  Images(NodeReader& node, int i, int axes);

  int rank() const { return axes_ + 2; }
  const Dim& channels() const { return dims_[last_ ? dims_.size() - 1 : 1]; }
  /// Where spatial axis `i` stands in lists that the node states.
  size_t axis(size_t i) const { return i + (last_ ? 1 : 2); }
  const Dim& size(size_t i) const { return dims_[axis(i)]; }
  Dims sizes() const;
  /// An attribute with a number for each axis: those of the spatial ones; ones: it is not there.
  std::vector<int64_t> spatial(const NodeReader& node, std::string_view attribute) const;
  /// The same of a list of numbers.
  std::vector<int64_t> spatial(const NodeReader& node, const std::vector<int64_t>& list,
                               std::string_view name) const;
  /// Strides, dilations and padding; `shape`: of a pooling, empty where weights tell it.
  Window window(const NodeReader& node, std::vector<int64_t> shape, const Dims& kernel) const;
  /// The images with channels first; a result with channels where the file has them.
  Value* first(NodeReader& node) const;
  void emit(NodeReader& node, Op op, std::vector<Value*> inputs) const;

 private:
  int input_, axes_;
  bool last_;
  Dims dims_;
};

/// Emits `op` of input `image` and input `vector`, one element a channel, where the channels of
/// what a convolution gave come first still, and brings them last again: so the vector can become
/// part of the convolution. False: the inputs are no such, and nothing is done.
bool emit_to_channels(NodeReader& node, Op op, int image, int vector);

}  // namespace hone::tensorflow
