#pragma once
// The engine file: header, table of sections with a hash each, aligned sections. Little-endian.
//
//   0    magic "HONE\r\n\x1a\n"          8 bytes
//   8    version                         u32
//   12   number of sections              u32
//   16   length of the file              u64
//   24   hash of bytes 0..23 and of the section table   16 bytes (low u64, high u64)
//   40   section table: per section kind u32, device u32, offset u64, length u64, hash 16 bytes
//   ...  sections, each at a multiple of 64 bytes, in the table's order, the gaps zero
//
// Hashes are XXH3-128: they detect damage, not malice. Metadata is checked for structure, then for
// meaning; weights are mapped, not copied.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ir/graph.hpp"
#include "plan/plan.hpp"

namespace hone {

inline constexpr uint32_t kEngineVersion = 1;

/// Kinds of section. Those marked later are reserved by name and skipped by this version.
enum class Section : uint32_t {
  about = 1,           ///< text: who made the file
  portable_graph = 2,  ///< text form
  weight_index = 3,    ///< text: hash, dtype, shape, offset and length of each weight
  weights = 4,         ///< contents, each at a multiple of 64 bytes
  calibration = 5,     ///< later: calibration table, text
  typed_graph = 6,     ///< later: the device's graph, text
  choice = 7,          ///< later: kernels and layouts chosen
  packed_weights = 8,  ///< later: weights in the kernels' forms
  plan = 9,            ///< text form, one a device
  records = 10,        ///< later: tuning records, text
  gpu_binaries = 11,   ///< later: generated GPU code, authenticated
};

struct EngineParts {
  std::string about;
  std::shared_ptr<const Graph> portable;
  std::optional<Plan> plan;
};

/// Writes the file whole or not at all. Weights made from a seed are written as their seed.
/// Error(io); Error(usage) for weights whose contents are not here.
void write_engine_file(const std::filesystem::path& path, const EngineParts& parts);

/// Maps and checks the file. `verify_weights`: check the weights' hash too (reads them all).
/// Error(io) when it cannot be read, Error(incompatible_engine) saying what is damaged or too new.
EngineParts read_engine_file(const std::filesystem::path& path, bool verify_weights = true);

/// The file begins as an engine file does.
bool is_engine_file(const std::filesystem::path& path);

}  // namespace hone
