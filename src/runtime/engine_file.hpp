#pragma once
// What an engine file says: the portable graph, the weights, and for each device a part of its own.
// The container is engine_sections.hpp's; docs/engine-file.md has the layout.
//
// Metadata is copied and checked for structure, then for meaning; weights are mapped, not copied.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ir/limits.hpp"
#include "runtime/engine.hpp"
#include "runtime/engine_sections.hpp"

namespace hone {

struct EngineParts {
  std::string about;                      // who made the file
  std::shared_ptr<const Graph> portable;  // null: left out; then each part has its typed graph
  std::vector<DevicePart> devices;
  std::string calibration{};                   // text; empty: none
  std::shared_ptr<const Defaults> defaults{};  // null: none
  bool keep_defaults = false;                  // however large the file grows
};

/// Writes the file whole or not at all; the same parts give the same bytes. Weights made from a
/// seed are written as their seed, with their contents where a graph's take more than
/// Limits::random_bytes together. A typed graph whose own weights (unpacked, converted) would make
/// the file grow by more than an eighth is left out, to be made again from the portable graph;
/// defaults that would are left out, too, for good. Before the file stands under its name it is
/// read back, graphs and plans verified and each weight hashed. Error(internal) when that fails;
/// Error(io); Error(usage) for weights whose contents are not here.
void write_engine_file(const std::filesystem::path& path, EngineParts parts,
                       const Progress& progress = nullptr);

struct EngineFile {
  EngineParts parts;
  uint32_t version = kEngineVersion;
  std::vector<SectionEntry> sections;
};

/// Maps and checks the file. `verify_weights`: check the weights' hashes too (reads them all).
/// Error(io) when it cannot be read, Error(incompatible_engine) saying what is damaged, too new or
/// beyond the limits.
EngineFile read_engine_file(const std::filesystem::path& path, bool verify_weights = true,
                            const Limits& limits = {});

}  // namespace hone
