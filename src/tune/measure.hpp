#pragma once
// How long kernels take, on the device itself.

#include "device/device.hpp"
#include "device/timing.hpp"

namespace hone {

/// Medians of several rounds, in seconds, of ways to run one problem at the sizes that estimates
/// take. The ways take turns, and one that is far behind is stopped early. Weights are as cold as
/// in a network: each run has another copy of them, as many as the caches do not hold together;
/// activations are as the last run left them. Devices that record steps run recorded ones here,
/// too. Empty: the problem cannot be run alone, because it is too large, a weight is absent, or the
/// sizes do not fit one another.
std::vector<double> measure(const std::vector<Way>& ways, Device& device, Stream& stream);

/// What measure() would have made first, where that goes on after this has returned.
void begin_making(const std::vector<Way>& ways, Device& device);

}  // namespace hone
