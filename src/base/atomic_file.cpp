#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <system_error>

#include "base/error.hpp"
#include "base/file.hpp"

namespace hone {
namespace {

// A signal handler may read only fixed memory, so the live temporary files stand in this table.
struct Slot {
  std::atomic<bool> taken = false;  // by a writer, which alone fills `path`
  std::atomic<pid_t> owner = 0;     // 0: nothing to remove; a forked child removes nothing
  std::array<char, PATH_MAX> path;
};
std::array<Slot, 32> slots;
static_assert(std::atomic<pid_t>::is_always_lock_free);

/// -1 where the table is full: that file is not removed on signals.
int take_slot(const std::string& path) {
  for (size_t i = 0; path.size() < PATH_MAX && i < slots.size(); ++i) {
    if (slots[i].taken.exchange(true)) continue;
    std::memcpy(slots[i].path.data(), path.c_str(), path.size() + 1);
    slots[i].owner.store(::getpid());
    return static_cast<int>(i);
  }
  return -1;
}

void release_slot(int index) {
  if (index < 0) return;
  slots[static_cast<size_t>(index)].owner.store(0);
  slots[static_cast<size_t>(index)].taken.store(false);
}

/// Async-signal-safe throughout.
extern "C" void remove_unfinished_files(int signal) {
  const pid_t self = ::getpid();
  for (const Slot& slot : slots)
    if (slot.owner.load() == self) ::unlink(slot.path.data());
  // SA_RESETHAND restored the default action; it strikes when this handler returns.
  ::raise(signal);
}

/// Holds signals back on this thread, so that none strikes between making a file and noting it.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

int open_temporary(const std::filesystem::path& path, std::filesystem::path& temporary) {
  static std::atomic<uint64_t> counter = 0;
  constexpr size_t kLongestName = 200;  // leaves room for what is added, within NAME_MAX
  const std::string name = path.filename().string().substr(0, kLongestName);
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary = path.parent_path() / cat(".", name, ".tmp-", ::getpid(), "-", counter++);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  errno = EEXIST;
  return -1;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) {
  std::error_code error;
  path_ = std::filesystem::absolute(path, error);  // a later chdir must not move it
  check(!error, Code::io, "cannot write ", path, ": ", error.message());
  check(path_.has_filename(), Code::io, "cannot write ", path, ": it names a folder");
  struct stat status = {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  check(!exists || S_ISREG(status.st_mode), Code::io, "cannot write ", path,
        ": it is there and is no regular file");
  int failure = 0;
  {
    const SignalsHeld held;
    fd_ = open_temporary(path_, temporary_);
    failure = errno;
    if (fd_ >= 0) slot_ = take_slot(temporary_.string());
  }
  if (fd_ < 0) fail_writing(failure);
  if (exists) (void)!::fchmod(fd_, status.st_mode & 0777);  // best effort
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
  release_slot(slot_);
}

void AtomicFile::fail_writing(int error) const {
  fail(Code::io, "cannot write ", path_, ": ", reason(error));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  check(fd_ >= 0, Code::internal, "write to ", path_, " after commit");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_writing(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
    size_ += static_cast<uint64_t>(written);
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  check(fd_ >= 0, Code::internal, "second commit of ", path_);
  if (::fsync(fd_) != 0) fail_writing(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_writing(errno);
  release_slot(slot_);
  ::close(fd_);  // after fsync there is nothing left that could fail
  fd_ = -1;
  // The rename itself must survive a crash too. Some file systems cannot sync a folder; that is no
  // reason to call the file unwritten.
  const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void remove_unfinished_files_on_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current = {};
    if (::sigaction(signal, nullptr, &current) != 0 || (current.sa_flags & SA_SIGINFO) != 0 ||
        current.sa_handler != SIG_DFL)
      continue;  // somebody else handles it, or it is ignored (nohup)
    struct sigaction action = {};
    action.sa_handler = remove_unfinished_files;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigfillset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace hone
