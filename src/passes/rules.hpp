#pragma once
// The rules of passes/rules/*.rules, embedded when Hone is built (docs/rules.md).

#include <span>
#include <string_view>

#include "ir/rules/rules.hpp"

namespace hone {

/// Stems of the files, in the order of the pipeline's passes.
std::span<const std::string_view> rule_files();
/// The rules of one file (of attention's two), parsed on first use. Error(internal) naming file and
/// line.
const RuleSet& rules_of(std::string_view file);
/// The C++ conditions that rules may name.
const Guards& rule_guards();

}  // namespace hone
