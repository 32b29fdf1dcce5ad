#include "export/onnx/node_export.hpp"

namespace hone::onnx {

void register_signal(Exporters& exporters) {
  exporters.scalar("DFT", "dft_length");
  exporters.scalar("DFT", "axis");
  exporters.scalar("STFT", "frame_step");
  exporters.scalar("STFT", "frame_length");
  for (const std::string_view window : {"HannWindow", "HammingWindow", "BlackmanWindow"})
    exporters.scalar(window, "size");
  for (const std::string_view number : {"num_mel_bins", "dft_length", "sample_rate"})
    exporters.scalar("MelWeightMatrix", number);
  exporters.scalar("Trilu", "k");
  exporters.scalar("NonMaxSuppression", "max_output_boxes_per_class");
}

}  // namespace hone::onnx
