#pragma once
// What an error says, for tests that name it.

#include <string>

#include "base/error.hpp"

namespace hone::test {

/// Code and message of the Error that `f` throws, "usage: ..."; "" when it throws none.
template <class F>
std::string refusal_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return cat(name(error.code()), ": ", error.message());
  }
  return {};
}

}  // namespace hone::test
