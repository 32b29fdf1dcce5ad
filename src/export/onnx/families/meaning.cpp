// Operators whose older versions take the same attributes and mean something else.

#include "export/onnx/node_export.hpp"

namespace hone::onnx {

void register_meaning(Exporters& exporters) {
  exporters.since("AveragePool", 19);         // ceil_mode and count_include_pad together
  exporters.since("GroupNormalization", 21);  // scale and bias of each channel, not each group
  exporters.since("Resize", 19);              // half_pixel_symmetric and exact crops
  exporters.since("GridSample", 20);          // names of modes
  exporters.since("DFT", 20);                 // the axis is an operand
}

}  // namespace hone::onnx
