#include <memory>

#include "build/build.hpp"
#include "output.hpp"
#include "verb.hpp"

namespace hone::cli {

std::function<void()> declare_version(Arguments&) {
  return [] { line(version_text()); };
}

}  // namespace hone::cli
