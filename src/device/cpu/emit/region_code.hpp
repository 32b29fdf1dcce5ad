#pragma once
// Code of a region, made once for all regions that compute the same.

#include <memory>

#include "device/cpu/emit/emit.hpp"
#include "device/cpu/emit/schedule.hpp"
#include "ir/nest/lower.hpp"
#include "ir/region.hpp"

namespace hone::cpu::emitter {

/// A nest and what it became.
struct RegionCode {
  Nest nest;  // scheduled; its buffers are called b0, b1, ...
  Emitted emitted;
  std::string declined;  // why there is no code, in words; empty: there is
};

/// What the region's code reads and writes is operands[i] for parameter i.
struct CodedRegion {
  std::shared_ptr<const RegionCode> code;  // null: declined
  std::vector<const Value*> operands;
  std::string declined;
};

/// Code for a region of ops that describe themselves as stages. Any thread may call this; what was
/// asked before is remembered, up to a bound.
CodedRegion code_of(const Region& region, Isa isa);

}  // namespace hone::cpu::emitter
