#pragma once

#include <functional>
#include <memory>
#include <string>

#include "device/kernel.hpp"

namespace hone {

/// Which kernel runs a region, how, and what people should know about it.
struct Choice {
  const Kernel* kernel = nullptr;
  Recipe recipe;
  std::string note;
};
using Choose = std::function<Choice(std::shared_ptr<const Problem>)>;

}  // namespace hone
