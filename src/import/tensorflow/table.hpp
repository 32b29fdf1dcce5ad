#pragma once
// A sorted table of keys and values in a file, as LevelDB writes it; checkpoints have their index
// in one. (Source: leveldb's doc/table_format.md; tensorflow/core/lib/io/format.h.)

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace hone::tensorflow {

/// Calls `f` for every key and value, in the order of the keys; both live as long as the call.
/// Error(invalid_model): damaged; `what` names the file. No more than `most` bytes are unpacked.
void read_table(std::string_view file, std::string_view what, size_t most,
                const std::function<void(std::string_view key, std::string_view value)>& f);

/// Bytes that Snappy packed. Error(invalid_model). (Source: google/snappy, format_description.txt.)
std::string unpack_snappy(std::string_view packed, size_t most);

}  // namespace hone::tensorflow
