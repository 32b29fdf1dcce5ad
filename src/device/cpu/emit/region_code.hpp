#pragma once
// Code of a region, made once for all regions that compute the same.

#include <memory>
#include <mutex>

#include "device/cpu/emit/emit.hpp"
#include "device/cpu/emit/schedule.hpp"
#include "ir/nest/lower.hpp"
#include "ir/region.hpp"

namespace hone::cpu::emitter {

/// Regions of more nodes have no code.
inline constexpr size_t kMostCoded = 64;

/// A nest and what it became.
struct RegionCode {
  Nest nest;  // scheduled; its buffers are called b0, b1, ...
  Emitted emitted;
  std::string declined;  // why there is no code, in words; empty: there is

  mutable std::mutex mutex{};
  mutable std::weak_ptr<const std::byte> page{};            // of page_of(), while somebody has it
  mutable std::optional<std::pair<Bindings, Work>> work{};  // the last that was asked
};
/// The code where it can be called: one page for all steps that run it. Null: the system gives
/// none.
std::shared_ptr<const std::byte> page_of(const RegionCode& code);

/// As of its nest.
Work work_of(const RegionCode& code, const Bindings& sizes);

/// What the region's code reads and writes is operands[i] for parameter i.
struct CodedRegion {
  std::shared_ptr<const RegionCode> code;  // null: declined
  std::vector<const Value*> operands;
  std::vector<const Value*> overwritable;  // inputs that the first result may be written over
  std::string declined;
};

/// Code for a region of ops that describe themselves as stages. Any thread may call this; what was
/// asked before of a region of the same structure is remembered, up to a bound.
CodedRegion code_of(const Region& region, Isa isa);

}  // namespace hone::cpu::emitter
