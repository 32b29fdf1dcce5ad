#pragma once
// Text cases of graphs: parse, change, verify, print.

#include <functional>
#include <utility>

#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/text_case.hpp"

namespace hone::test {

/// A verb that reads a graph, lets `change` work on it, verifies it and prints it unaligned (so
/// that a changed line changes no other). `registry` must outlive the verb.
inline Verb graph_verb(const OpRegistry& registry, std::function<void(Graph&)> change) {
  return [&registry, change = std::move(change)](std::string_view given) {
    const std::unique_ptr<Graph> graph = parse(given, registry);
    change(*graph);
    verify(*graph, "the change");
    return print(*graph, {.align = false});
  };
}

}  // namespace hone::test
