#pragma once
#include <string>
#include <vector>

#include "ir/nest/nest.hpp"

namespace hone {

/// Throws Error(internal) "nest NAME: ..." for what no nest may be: a name defined twice or used
/// out of its scope, a load or store of another rank or dtype than its buffer's, an input written,
/// a buffer read before anything is in it, an index that provably lies outside, turns of a parallel
/// or vector loop that meet, a vector loop with a loop in it, registers of open sizes, and so on.
void verify(const Nest& nest);

/// Loads and stores of which it could not be proved that they stay inside of their buffers, as
/// "x[$i, idx[$i]]": what an emitter must look at while it runs, or take the nest's maker's word
/// for. Loads with a value for what lies outside are none of them.
std::vector<std::string> unproven_places(const Nest& nest);

}  // namespace hone
