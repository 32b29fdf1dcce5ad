#pragma once
// Several engines for one model, run on this machine, of which the fastest is kept. Times of single
// kernels and estimates of passes do not see what steps do to each other's caches.

#include <memory>
#include <string>
#include <vector>

#include "runtime/engine.hpp"

namespace hone {

/// An engine that was timed beside others.
struct EngineTrial {
  std::string way;     // "timed kernels", "kernels by estimate", "with causal masks"
  double seconds = 0;  // of one inference
  bool taken = false;
};

/// The engine that `options.timing` makes, or another one, where that is faster by the clock of
/// options.timing: one whose kernels are chosen by estimate; one with, or without, passes whose
/// price is close (Compiled::Report::candidates). `trials`: gets those that were compared; none
/// are where an input is no tensor of numbers or is too large to make up. Two engines are in memory
/// at a time. Inputs are made up: floats from 0.5 to 1.5, integers of 0, sizes as expected.
std::shared_ptr<const Engine> fastest_engine(const std::shared_ptr<const Graph>& portable,
                                             const EngineOptions& options,
                                             const std::shared_ptr<const Defaults>& defaults,
                                             std::vector<EngineTrial>* trials = nullptr);

}  // namespace hone
