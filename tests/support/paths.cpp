#include "paths.hpp"

#include <cstdlib>
#include <system_error>

namespace hone::test {

std::filesystem::path source_dir() { return HONE_SOURCE_DIR; }

std::filesystem::path data_dir() {
  const char* set = std::getenv("HONE_TEST_DATA");
  return set != nullptr && *set != '\0' ? set : HONE_TEST_DATA;
}

bool has_data(const std::filesystem::path& relative) {
  std::error_code ignored;
  return std::filesystem::exists(data_dir() / relative, ignored);
}

}  // namespace hone::test
