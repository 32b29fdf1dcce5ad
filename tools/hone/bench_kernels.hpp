#pragma once
// `hone bench --kernels`: single kernels over a table of regions, beside what the device can do.

#include <string>

#include "model_options.hpp"

namespace hone::cli {

/// Times the kernels whose names the regular expression `names` finds in part, and gives the table
/// as text. `format`: text, md, csv or json. Error(usage) where it finds none.
std::string kernels_report(const std::string& names, const ModelOptions& options,
                           std::string_view format);

}  // namespace hone::cli
