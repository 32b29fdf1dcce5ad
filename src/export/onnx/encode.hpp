#pragma once
// An ONNX model as protobuf (onnx.proto, IR version 8 and later), weights left where they are.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "export/onnx/model.hpp"

namespace hone::onnx {

/// A stretch of a file: the text, then the weight's bytes.
struct Piece {
  std::string text;
  std::shared_ptr<const Weight> weight;  // may be null
};

/// Where a weight lies in the data file.
struct DataPlace {
  std::string file;
  int64_t offset = 0, length = 0;
};
/// nullopt: in the model itself.
using PlaceOf = std::function<std::optional<DataPlace>(const Weight&)>;

/// The file, in order. Error(usage) when it is beyond protobuf's 2 GiB.
std::vector<Piece> encode(const Model& model, const PlaceOf& place_of);

/// The weight's contents for writing: random ones are made anew, so that they can be let go.
Tensor contents(const Weight& weight);

}  // namespace hone::onnx
