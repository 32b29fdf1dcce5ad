#include "base/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"

namespace hone {

std::string reason(int error) { return std::generic_category().message(error); }

namespace {

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
  check(data != MAP_FAILED, errno == ENOMEM ? Code::out_of_memory : Code::io, "cannot map ", path,
        ", ", size, " bytes: ", reason(errno));
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

namespace {

/// A way down from a trusted folder along names that an untrusted file gives.
class WayDown {
 public:
  WayDown(const std::filesystem::path& folder, const std::string& relative, Links links)
      : relative_(relative),
        links_(links),
        components_(safe_components(relative)),
        way_(folder.empty() ? "." : folder),
        at_(::open(way_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    check(at_.get() >= 0, Code::io, "cannot open folder ", way_, ": ", reason(errno));
  }

  /// The file at its end and its size.
  const Descriptor& open(size_t& size) {
    for (size_t i = 0; i < components_.size(); ++i)
      step(components_[i], i + 1 == components_.size());
    struct stat status = {};
    check(::fstat(at_.get(), &status) == 0, Code::io, "cannot read ", way_, ": ", reason(errno));
    if (!S_ISREG(status.st_mode))
      refuse("it is ", kind_of(status.st_mode), ", wanted a regular file");
    if (links_ != Links::all && status.st_nlink != 1)
      refuse_link("it", cat("has ", status.st_nlink, " hard links"));
    size = static_cast<size_t>(status.st_size);
    return at_;
  }
  const std::filesystem::path& path() const { return way_; }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(Code::invalid_model, "external file \"", relative_, "\" is refused: ", parts...);
  }
  [[noreturn]] void refuse_link(std::string_view who, std::string_view what) const {
    fail(Code::io, "external file \"", relative_, "\" is refused: ", who, " ", what,
         "; if you know where it leads, --follow-links allows it (follow_links in the C and C++ ",
         "interface)");
  }

  void step(const std::string& component, bool last) {
    const int flags = O_CLOEXEC | (last ? kOpenFlags : O_PATH | O_DIRECTORY);
    const int follow = links_ == Links::all ? 0 : O_NOFOLLOW;
    int next = ::openat(at_.get(), component.c_str(), flags | follow);
    if (next < 0) {
      const int error = errno;
      struct stat status = {};
      const bool found = ::fstatat(at_.get(), component.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
      if (found && S_ISLNK(status.st_mode) && links_ != Links::all) {
        next = last ? open_blob(component) : -1;
        if (next < 0) refuse_link(cat("\"", component, "\""), "is a symbolic link");
      } else if (found && !(last ? S_ISREG(status.st_mode) : S_ISDIR(status.st_mode)) &&
                 !S_ISLNK(status.st_mode)) {
        refuse("\"", component, "\" is ",
               S_ISREG(status.st_mode) ? "no folder" : kind_of(status.st_mode));
      }
      if (next < 0)
        fail(Code::io, "cannot open external file ", way_ / component, ": ", reason(error));
    }
    at_.reset(next);
    way_ /= component;
  }

  /// A link of a snapshot in a model hub's cache to the file in the same cache that has its
  /// contents; -1: this is none.
  int open_blob(const std::string& component) const {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::canonical(way_, error);
    const std::filesystem::path target = std::filesystem::canonical(way_ / component, error);
    if (error) return -1;
    std::filesystem::path revision = folder;
    while (revision.has_relative_path() && revision.parent_path().filename() != "snapshots")
      revision = revision.parent_path();
    if (!revision.has_relative_path()) return -1;
    const std::filesystem::path blobs = revision.parent_path().parent_path() / "blobs";
    if (target.parent_path() != blobs) return -1;
    // Nothing is followed from here on, whatever became of the link meanwhile.
    const Descriptor store(::open(blobs.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (store.get() < 0) return -1;
    return ::openat(store.get(), target.filename().c_str(), kOpenFlags | O_NOFOLLOW);
  }

  const std::string& relative_;
  Links links_;
  std::vector<std::string> components_;
  std::filesystem::path way_;
  Descriptor at_;
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open_below(const std::filesystem::path& folder,
                                                         const std::string& relative, Links links) {
  WayDown way(folder, relative, links);
  size_t size = 0;
  const Descriptor& file = way.open(size);
  const std::byte* data = map_bytes(file.get(), size, way.path());
  return std::shared_ptr<const MappedFile>(new MappedFile(way.path(), data, size));
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
