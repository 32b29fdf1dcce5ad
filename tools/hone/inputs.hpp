#pragma once
// The inputs of a run, from files, images, random numbers or zeros.

#include <optional>
#include <string>
#include <vector>

#include "model_options.hpp"
#include "picture.hpp"
#include "runtime/context.hpp"

namespace hone::cli {

struct InputOptions {
  std::vector<std::string> inputs;  // [NAME=]SOURCE
  uint64_t seed = 0;
  int64_t first_size = 1;  // of random inputs: what they have first, where nothing says it
  PictureOptions picture;
  std::vector<std::string> layouts;  // [NAME=]nchw|nhwc

  void declare(Arguments& arguments);
};

/// Every input of `graph`, and of `defaults` (inputs of `graph`, too) those that are given.
/// Error(usage) for those that are missing, unknown or do not fit, in words that name the file.
NamedTensors read_inputs(const Graph& graph, const ModelOptions& model, const InputOptions& options,
                         const Defaults* defaults = nullptr);

/// The inputs of a run of `engine`; random ones where none are given.
NamedTensors inputs_or_random(const Engine& engine, const ModelOptions& model,
                              InputOptions options);
/// "ids=1x128 mask=1x128".
std::string sizes_text(const NamedTensors& inputs);

}  // namespace hone::cli
