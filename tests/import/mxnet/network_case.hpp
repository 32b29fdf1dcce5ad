#pragma once
// A network of MXNet as a test states it. Each line of `net` is a node; what it reads comes behind
// its name, `name:1` for a second result. Results that no node reads are outputs.
//
//   Convolution conv(x, w) kernel=(1,1) num_filter=2 no_bias=True
//   @w w [2,1,1,1] 3 4
//   @in x [1,1,1,2] 0.5 1

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/import.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

struct NetworkCase {
  std::string symbol;   // the text of the -symbol.json
  std::string weights;  // the bytes of the .params
  std::vector<std::pair<std::string, Tensor>> inputs;
};

/// The generations of the formats.
enum class MxnetForm {
  newest,  ///< "attrs"; tensors of V2
  middle,  ///< "attr"; tensors of V1
  oldest,  ///< "param", which has none of what users say; tensors without a number
  numpy,   ///< tensors of V3
};
NetworkCase network_case(std::string_view given, MxnetForm form = MxnetForm::newest);

Imported import_case(const NetworkCase& network, const ImportOptions& options = {});
/// "y f32[1,2]: 1 2" for each output, by reference evaluation.
std::string values_of(const NetworkCase& network);

}  // namespace hone::test
