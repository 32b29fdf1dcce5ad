#pragma once
// What this machine is, as the kernel of the operating system tells it.

#include <cstdint>
#include <string>

namespace hone::cli {

/// "AMD EPYC 7763 64-Core Processor"; "unknown".
std::string processor_name();
/// Instruction sets that matter here, and which of them are absent.
std::string processor_features();
/// "23.4 GiB, 20.1 GiB available".
std::string memory_text();
/// The most memory that this process has had in use so far, in bytes.
int64_t peak_memory();

}  // namespace hone::cli
