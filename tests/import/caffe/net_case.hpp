#pragma once
// A Caffe net as a test states it: the text of a .prototxt and, in lines of their own, what its
// .caffemodel stores and what the net is run on:
//
//   layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" ... }
//   @blob fc [2,3] 1 2 3 4 5 6
//   @in x 0.5 1 2

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "import/import.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

struct NetCase {
  std::string text;     // of the .prototxt
  std::string weights;  // the .caffemodel's bytes
  std::map<std::string, std::vector<double>> inputs;
};

/// How a .caffemodel stores its layers.
enum class StoredAs {
  v2,
  v1,
  v0,
  four_sizes,  ///< V2 whose blobs have no shapes but four numbers each
  doubles
};
NetCase net_case(std::string_view given, StoredAs stored = StoredAs::v2);

Imported import_case(const NetCase& net, const ImportOptions& options = {});
/// "y f32[1,2]: 1 2" for each output, by reference evaluation.
std::string values_of(const NetCase& net);

}  // namespace hone::test
