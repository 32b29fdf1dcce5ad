#pragma once
// Whether the stages that an op gives for a node say what its reference evaluation does.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ir/stages/stages.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

struct StageTally {
  std::map<std::string_view, int> compared;  // nodes of each op
  std::map<std::string_view, std::set<std::string>> declined;
};

/// What differs between `results` and what the node's stages give for `inputs` (null: absent or
/// constant), in words; empty: nothing. Declined and costly ones are passed over.
std::string judge_stages(const Node& node, const std::vector<const Tensor*>& inputs,
                         const Bindings& symbols, const std::vector<Tensor>& results,
                         StageTally& tally);

}  // namespace hone::test
