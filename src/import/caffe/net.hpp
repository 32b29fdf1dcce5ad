#pragma once
// A net as a .prototxt describes it: inputs and layers, every generation of the format brought to
// the newest one. (Source: BVLC/caffe, src/caffe/proto/caffe.proto; weiliu89/caffe, branch ssd.)

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "import/text_format.hpp"

namespace hone::caffe {

struct Layer {
  std::string name, type;  // "conv1", "Convolution"
  std::vector<std::string> bottoms, tops;
  std::vector<TextField> fields;  // all others: convolution_param and the like
  int line = 0;
};

/// An input that the net declares outside of its layers.
struct NetInput {
  std::string name;
  std::vector<int64_t> dims;
};

struct Net {
  std::string name;
  std::string version;  // of its layers: "V2"
  std::vector<NetInput> inputs;
  std::vector<Layer> layers;  // those that a trained net runs: phase TEST
};

/// Whether the text begins as a net does.
bool looks_like_net(std::string_view text);
/// Error(invalid_model) naming file and line.
Net read_net(std::string_view text, const std::string& file_name, int depth);

/// The newest name of a layer type of V1 ("INNER_PRODUCT"); "": there was no such type.
std::string_view type_of_v1(std::string_view name);
/// The newest form of a layer of V0, whose fields all stand in one message.
Layer upgrade_v0(const TextField& layer);

}  // namespace hone::caffe
