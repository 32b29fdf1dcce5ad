#pragma once
// Which regions of attention the processor's kernel runs.

#include "device/kernel.hpp"

namespace hone::cpu {

Verdict attention_verdict(const Problem& problem);

}  // namespace hone::cpu
