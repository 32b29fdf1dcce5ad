#pragma once

#include <filesystem>

namespace hone::test {

/// Root of the checkout.
std::filesystem::path source_dir();

/// Folder of the shared test data: $HONE_TEST_DATA, or ../shared beside the checkout. It may be
/// absent; a test that needs it then skips, saying so.
std::filesystem::path data_dir();

/// True where `data_dir()/relative` exists.
bool has_data(const std::filesystem::path& relative);

}  // namespace hone::test
