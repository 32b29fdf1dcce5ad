#pragma once
// A network as a NAME-symbol.json describes it, every generation of the format brought to one form.
// (Source: apache/mxnet 1.9, 3rdparty/tvm/nnvm/src/pass/saveload_json.cc, src/nnvm/
// legacy_json_util.cc.)

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/limits.hpp"

namespace hone::mxnet {

/// A result of a node.
struct Entry {
  uint32_t node = 0, output = 0;
};

struct Node {
  std::string op, name;  // "Convolution", "conv1"; "null": a variable, which may be a weight
  std::map<std::string, std::string, std::less<>> attributes;
  std::vector<Entry> inputs;  // each of a node before this one

  bool is_variable() const { return op == "null"; }
};

struct Symbol {
  std::string version;  // of MXNet, "1.7.0"; may be empty
  std::vector<Node> nodes;
  std::vector<Entry> heads;  // what the network gives
};

/// Whether the text begins as such a file does.
bool looks_like_symbol(std::string_view text);
/// Error(invalid_model) naming file and node.
Symbol read_symbol(std::string_view text, const std::string& file_name, const Limits& limits);

}  // namespace hone::mxnet
