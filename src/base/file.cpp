#include "base/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"

namespace hone {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISLNK(mode)) return "a symbolic link";
  return "a device";
}

const std::byte* map_bytes(int fd, size_t size, const std::filesystem::path& path) {
  if (size == 0) return nullptr;
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  check(data != MAP_FAILED, Code::io, "cannot map ", path, ": ", reason(errno));
  return static_cast<const std::byte*>(data);
}

/// The components of a path that a file names, or why it is refused.
std::vector<std::string> safe_components(const std::string& relative) {
  const auto refuse = [&](std::string_view why) {
    fail(Code::invalid_model, "external file \"", relative, "\" is refused: ", why);
  };
  constexpr size_t kLongestPath = 4096;
  if (relative.size() > kLongestPath)
    fail(Code::invalid_model, "external file name of ", relative.size(), " bytes is refused");
  if (relative.find('\0') != std::string::npos) refuse("its name holds a zero byte");
  if (relative.starts_with('/'))
    refuse("the path is absolute, wanted one below the model's folder");
  std::vector<std::string> components;
  for (const std::string_view part : split(relative, '/')) {
    if (part == "..") refuse("\"..\" leaves the model's folder");
    if (!part.empty() && part != ".") components.emplace_back(part);
  }
  if (components.empty() || relative.ends_with('/')) refuse("it names no file");
  return components;
}

constexpr int kOpenFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK the open of a FIFO would wait for a writer.
  const Descriptor file(::open(path.c_str(), kOpenFlags));
  check(file.get() >= 0, Code::io, "cannot open ", path, ": ", reason(errno));
  struct stat status = {};
  check(::fstat(file.get(), &status) == 0, Code::io, "cannot read ", path, ": ", reason(errno));
  if (!S_ISREG(status.st_mode))
    fail(Code::io, "cannot open ", path, ": it is ", kind_of(status.st_mode),
         ", wanted a regular file");
  const auto size = static_cast<size_t>(status.st_size);
  const std::byte* data = map_bytes(file.get(), size, path);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

std::shared_ptr<const MappedFile> MappedFile::open_below(const std::filesystem::path& folder,
                                                         const std::string& relative) {
  const std::vector<std::string> components = safe_components(relative);
  const std::filesystem::path start = folder.empty() ? "." : folder;
  Descriptor at(::open(start.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(at.get() >= 0, Code::io, "cannot open folder ", start, ": ", reason(errno));
  for (size_t i = 0; i < components.size(); ++i) {
    const bool last = i + 1 == components.size();
    const char* component = components[i].c_str();
    const int flags = O_NOFOLLOW | O_CLOEXEC | (last ? kOpenFlags : O_PATH | O_DIRECTORY);
    const int next = ::openat(at.get(), component, flags);
    if (next < 0) {
      const int error = errno;
      struct stat status = {};
      const bool found = ::fstatat(at.get(), component, &status, AT_SYMLINK_NOFOLLOW) == 0;
      const bool wrong_kind = found && !(last ? S_ISREG(status.st_mode) : S_ISDIR(status.st_mode));
      if (wrong_kind)
        fail(Code::invalid_model, "external file \"", relative, "\" is refused: \"", component,
             "\" is ", S_ISREG(status.st_mode) ? "no folder" : kind_of(status.st_mode));
      fail(Code::io, "cannot open external file ", start / relative, ": ", reason(error));
    }
    at.reset(next);
  }
  struct stat status = {};
  check(::fstat(at.get(), &status) == 0, Code::io, "cannot read ", start / relative, ": ",
        reason(errno));
  if (!S_ISREG(status.st_mode))
    fail(Code::invalid_model, "external file \"", relative, "\" is refused: it is ",
         kind_of(status.st_mode), ", wanted a regular file");
  if (status.st_nlink != 1)
    fail(Code::invalid_model, "external file \"", relative, "\" is refused: it has ",
         status.st_nlink, " hard links, wanted 1 (copy it to allow it)");
  const auto size = static_cast<size_t>(status.st_size);
  const std::byte* data = map_bytes(at.get(), size, start / relative);
  return std::shared_ptr<const MappedFile>(new MappedFile(start / relative, data, size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_text(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace hone
