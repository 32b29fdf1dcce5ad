#pragma once
// Memory for generated code: written first, executable afterwards, never both.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace hone::cpu::jit {

/// Pages of code that run. They do not change and go with the last owner.
class Code {
 public:
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  const std::byte* at(size_t offset) const { return pages_ + offset; }
  size_t size() const { return size_; }

 private:
  friend class CodeBuilder;
  Code(std::byte* pages, size_t size) : pages_(pages), size_(size) {}
  std::byte* pages_;
  size_t size_;
};

/// Collects functions, position independent, for one mapping: each change of a page's protection
/// costs every thread its cached translations, so all kernels of a net share one.
class CodeBuilder {
 public:
  /// Where the function will begin: at a cache line.
  size_t add(std::span<const uint8_t> function);
  /// Error(out_of_memory) when the pages cannot be had, Error(device) when the system forbids to
  /// run what was written.
  std::shared_ptr<const Code> finish() const;

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace hone::cpu::jit
