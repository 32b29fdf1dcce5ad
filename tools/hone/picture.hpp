#pragma once
// From pictures to inputs.

#include <string>
#include <string_view>

#include "files/image.hpp"
#include "ir/tensor.hpp"
#include "ir/type.hpp"

namespace hone::cli {

/// How pictures become inputs; as text from the command line, empty: not given.
struct PictureOptions {
  std::string resize;    // "256": the shorter side; "640x480": width and height
  std::string crop;      // "224" or "224x224": the middle
  std::string mean;      // one number, or one a channel
  std::string scale;     // the same; "1/255" is a number too
  std::string channels;  // "rgb", "bgr"
};

/// The picture as an input of type `wanted` (its sizes that `symbols` gives are settled).
/// Error(usage) naming `name` when the input cannot be a picture.
Tensor picture_tensor(const Image& image, const TensorType& wanted, const Bindings& symbols,
                      const PictureOptions& options, std::string_view name);

/// An array that holds one picture or a batch of them in the order `layout` ("nchw", "nhwc"; the
/// first dimension may be left out) as an input of type `wanted`. Error(usage).
Tensor arranged(const Tensor& array, std::string_view layout, const TensorType& wanted,
                const PictureOptions& options, std::string_view name);

}  // namespace hone::cli
