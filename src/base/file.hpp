#pragma once
// Files: one safe open, read-only mappings, and writes that replace a file whole or not at all.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace hone {

/// What the system says of an errno.
std::string reason(int error);

/// Links that are followed on the way to a file that another file names.
enum class Links {
  /// From a snapshot of a model hub's cache into the cache: ROOT/snapshots/REV/.../NAME to a
  /// regular file ROOT/blobs/X.
  hub,
  all  ///< the user said so: symbolic ones wherever they lead, and hard ones
};

/// A whole file mapped read-only (MAP_PRIVATE). Empty files give an empty span.
class MappedFile {
 public:
  /// Opens a regular file named by the user (symbolic links allowed: the user chose it).
  /// Refuses directories, FIFOs and devices without blocking. Error(io) with path and reason;
  /// Error(out_of_memory) where no address space is left for it.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  /// Opens `relative`, named by a file that we do not trust, below `folder` (which is trusted): no
  /// absolute path, no "..", a regular file, no symbolic link on the way (O_NOFOLLOW component by
  /// component) and one hard link only, but those that `links` allows. Error(invalid_model) saying
  /// which rule was broken; Error(io) for a link, naming the option that allows it, and when absent
  /// or unreadable.
  static std::shared_ptr<const MappedFile> open_below(const std::filesystem::path& folder,
                                                      const std::string& relative,
                                                      Links links = Links::hub);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::filesystem::path path_;
  const std::byte* data_;
  size_t size_;
};

/// Writes a file beside `path` under a temporary name, then commit() syncs it and renames it over
/// `path` (a symbolic link there is replaced, not followed; permissions of an older file are kept).
/// Destroyed without commit: the temporary file is removed and `path` is untouched. The temporary
/// file of a live writer is also removed on SIGINT, SIGTERM and SIGHUP once
/// remove_unfinished_files_on_signals() was called (the CLI does).
class AtomicFile {
 public:
  /// Error(io) when the folder cannot be written or `path` is there and no regular file.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::span<const std::byte> bytes);  // appended; Error(io), disk full included
  void write(std::string_view text);
  uint64_t size() const { return size_; }  // bytes written so far
  /// Where they are until commit(), for who wants to read them back.
  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();  // once, the last call; Error(io)

 private:
  [[noreturn]] void fail_writing(int error) const;

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  uint64_t size_ = 0;
  int slot_ = -1;
};

/// Handlers for the signals above, where the default action is in force; they unlink, then die of
/// the signal as by default.
void remove_unfinished_files_on_signals();

/// The whole file as text (MappedFile::open's rules).
std::string read_text(const std::filesystem::path& path);

}  // namespace hone
