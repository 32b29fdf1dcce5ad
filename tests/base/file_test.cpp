#include "base/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::file_test {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / cat("hone_file_", ::getpid());
    fs::create_directories(folder_ / "sub");
    put("plain", "hello");
    put("sub/inner", "inside");
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string below(const std::string& relative) const {
    const auto file = MappedFile::open_below(folder_, relative);
    return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
  }
  /// "invalid_model: message", or "fine".
  std::string refusal(const std::string& relative, Links links = Links::hub) const {
    try {
      MappedFile::open_below(folder_, relative, links);
      return "fine";
    } catch (const Error& error) {
      return cat(name(error.code()), ": ", error.message());
    }
  }
  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }
  fs::path folder_;
};

TEST_F(FileTest, OpensRegularFilesOnly) {
  EXPECT_EQ(read_text(folder_ / "plain"), "hello");
  put("empty", "");
  EXPECT_EQ(read_text(folder_ / "empty"), "");
  fs::create_symlink("plain", folder_ / "link");
  EXPECT_EQ(read_text(folder_ / "link"), "hello");
  for (const fs::path& bad : {folder_, folder_ / "fifo", folder_ / "absent", fs::path("/dev/zero")})
    try {
      MappedFile::open(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::io);
      EXPECT_NE(error.message().find(bad.string()), std::string::npos) << error.message();
    }
}

TEST_F(FileTest, TheMappingOutlivesTheName) {
  const auto file = MappedFile::open(folder_ / "plain");
  fs::remove(folder_ / "plain");
  EXPECT_EQ(static_cast<char>(file->bytes()[1]), 'e');
  EXPECT_EQ(file->path(), folder_ / "plain");
}

TEST_F(FileTest, BelowAFolder) {
  EXPECT_EQ(below("plain"), "hello");
  EXPECT_EQ(below("sub/inner"), "inside");
  EXPECT_EQ(below("./sub//inner"), "inside");
  // The folder itself is the user's: a link to it is fine.
  fs::create_directory_symlink(folder_, folder_.string() + "_link");
  EXPECT_EQ(MappedFile::open_below(folder_.string() + "_link", "plain")->bytes().size(), 5u);
  fs::remove(folder_.string() + "_link");
}

TEST_F(FileTest, BelowAFolderRefusesWhatLeadsElsewhere) {
  const auto refused = [&](const std::string& relative, std::string_view why) {
    const std::string message = refusal(relative);
    EXPECT_TRUE(message.starts_with("invalid_model: ")) << relative << " -> " << message;
    EXPECT_NE(message.find(why), std::string::npos) << relative << " -> " << message;
  };
  refused("../" + folder_.filename().string() + "/plain", "\"..\" leaves");
  refused("sub/../plain", "\"..\" leaves");
  refused((folder_ / "plain").string(), "absolute");
  refused("fifo", "a FIFO");
  refused("sub", "a folder");
  refused("plain/x", "no folder");
  refused("", "names no file");
  refused("sub/", "names no file");
  refused(".", "names no file");
  refused(std::string("plain\0x", 7), "zero byte");
  refused(std::string(5000, 'a'), "5000 bytes");
  EXPECT_TRUE(refusal("absent").starts_with("io: ")) << refusal("absent");
  EXPECT_TRUE(refusal("absent/x").starts_with("io: "));
}

TEST_F(FileTest, LinksAreFollowedWhenTheUserSaysSo) {
  fs::create_symlink("plain", folder_ / "link");
  fs::create_symlink("fifo", folder_ / "to_fifo");
  fs::create_directory_symlink("sub", folder_ / "folder_link");
  fs::create_symlink("absent", folder_ / "dangling");
  fs::create_hard_link(folder_ / "sub/inner", folder_ / "hard");
  const auto refused = [&](const std::string& relative, std::string_view what) {
    EXPECT_EQ(refusal(relative), cat("io: external file \"", relative, "\" is refused: ", what,
                                     "; if you know where it leads, --follow-links allows it "
                                     "(follow_links in the C and C++ interface)"));
  };
  refused("link", "\"link\" is a symbolic link");
  refused("dangling", "\"dangling\" is a symbolic link");
  refused("folder_link/inner", "\"folder_link\" is a symbolic link");
  refused("hard", "it has 2 hard links");
  const auto followed = [&](const std::string& relative) {
    const auto file = MappedFile::open_below(folder_, relative, Links::all);
    return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  };
  EXPECT_EQ(followed("link"), "hello");
  EXPECT_EQ(followed("folder_link/inner"), "inside");
  EXPECT_EQ(followed("hard"), "inside");
  EXPECT_EQ(refusal("dangling", Links::all),
            cat("io: cannot open external file ", (folder_ / "dangling").string(),
                ": No such file or directory"));
  EXPECT_EQ(refusal("to_fifo", Links::all),
            "invalid_model: external file \"to_fifo\" is refused: it is a FIFO, wanted a regular "
            "file");
  EXPECT_TRUE(refusal("../x", Links::all).starts_with("invalid_model: "));
}

/// As model hubs lay files out: names in a snapshot are links to contents beside it.
TEST_F(FileTest, ASnapshotReachesTheContentsOfItsOwnCache) {
  const fs::path snapshot = folder_ / "hub/snapshots/abc/onnx";
  fs::create_directories(snapshot);
  fs::create_directories(folder_ / "hub/blobs/sub");
  fs::create_directories(folder_ / "other/blobs");
  put("hub/blobs/b1", "weights");
  put("hub/blobs/sub/deep", "weights");
  put("hub/secret", "secret");
  put("other/blobs/b1", "secret");
  fs::create_symlink("../../../secret", folder_ / "hub/blobs/leads_out");
  const auto opened = [&](const std::string& target, const fs::path& folder) -> std::string {
    fs::remove(folder / "data");
    fs::create_symlink(target, folder / "data");
    try {
      const auto file = MappedFile::open_below(folder, "data");
      const auto bytes = file->bytes();
      return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::io);
      EXPECT_NE(error.message().find("--follow-links"), std::string::npos) << error.message();
      return "refused";
    }
  };
  EXPECT_EQ(opened("../../../blobs/b1", snapshot), "weights");
  EXPECT_EQ(opened((folder_ / "hub/blobs/b1").string(), snapshot), "weights");
  EXPECT_EQ(opened("../../../secret", snapshot), "refused");
  EXPECT_EQ(opened("../../../blobs/leads_out", snapshot), "refused");
  EXPECT_EQ(opened("../../../blobs/sub/deep", snapshot), "refused");
  EXPECT_EQ(opened("../../../blobs/absent", snapshot), "refused");
  EXPECT_EQ(opened("../../../../other/blobs/b1", snapshot), "refused");
  EXPECT_EQ(opened("../blobs/b1", folder_ / "other"), "refused");  // no snapshot
  fs::remove_all(folder_ / "hub/blobs");
  fs::create_directory_symlink("../other/blobs", folder_ / "hub/blobs");
  EXPECT_EQ(opened("../../../blobs/b1", snapshot), "refused");
}

TEST_F(FileTest, AMappingThatDoesNotFitIsWantOfMemory) {
  const pid_t child = ::fork();
  if (child == 0) {
    const fs::path big = folder_ / "big";
    std::ofstream(big) << 'x';
    fs::resize_file(big, uintmax_t{1} << 40);  // a hole
    const struct rlimit small = {uint64_t{1} << 36, uint64_t{1} << 36};
    ::setrlimit(RLIMIT_AS, &small);
    try {
      MappedFile::open(big);
      ::_exit(0);
    } catch (const Error& error) {
      ::_exit(static_cast<int>(error.code()));
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(Code::out_of_memory));
}

TEST_F(FileTest, CommitReplacesTheWholeFile) {
  const auto before = entries();
  ASSERT_EQ(::chmod((folder_ / "plain").c_str(), 0640), 0);
  {
    AtomicFile file(folder_ / "plain");
    file.write("new ");
    file.write("text");
    EXPECT_EQ(file.size(), 8u);
    EXPECT_EQ(read_text(folder_ / "plain"), "hello");
    EXPECT_EQ(entries(), before + 1);
    file.commit();
    EXPECT_EQ(test::refusal_of([&] { file.write("late"); }),
              cat("internal: write to ", (folder_ / "plain").string(), " after commit"));
    EXPECT_EQ(test::refusal_of([&] { file.commit(); }),
              cat("internal: second commit of ", (folder_ / "plain").string()));
  }
  EXPECT_EQ(read_text(folder_ / "plain"), "new text");
  EXPECT_EQ(entries(), before);
  struct stat status = {};
  ASSERT_EQ(::stat((folder_ / "plain").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(FileTest, WithoutCommitNothingChanges) {
  const auto before = entries();
  AtomicFile(folder_ / "plain").write("lost");
  AtomicFile(folder_ / "never").write("lost");
  EXPECT_EQ(read_text(folder_ / "plain"), "hello");
  EXPECT_EQ(entries(), before);
}

TEST_F(FileTest, WriteErrorsAreReported) {
  EXPECT_EQ(
      test::refusal_of([&] { (void)AtomicFile(folder_ / "absent/file"); }),
      cat("io: cannot write ", (folder_ / "absent/file").string(), ": No such file or directory"));
  EXPECT_EQ(test::refusal_of([&] { (void)AtomicFile{folder_}; }),
            cat("io: cannot write ", folder_.string(), ": it is there and is no regular file"));
  EXPECT_EQ(test::refusal_of([&] { (void)AtomicFile(folder_ / "fifo"); }),
            cat("io: cannot write ", (folder_ / "fifo").string(),
                ": it is there and is no regular file"));
  EXPECT_EQ(test::refusal_of([&] { (void)AtomicFile("/dev/null"); }),
            "io: cannot write /dev/null: it is there and is no regular file");
  const auto before = entries();
  // A full disk, as far as a test can make one.
  struct rlimit old = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {4096, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    AtomicFile file(folder_ / "big");
    file.write(std::string(10000, 'x'));
  } catch (const Error& error) {
    message = error.message();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  EXPECT_EQ(entries(), before);
}

TEST_F(FileTest, SignalsRemoveUnfinishedFiles) {
  const auto before = entries();
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::signal(signal, SIG_DFL);  // what starts tests in the background ignores SIGINT
      remove_unfinished_files_on_signals();
      AtomicFile first(folder_ / "first"), second(folder_ / "plain");
      first.write("half");
      ::raise(signal);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_EQ(entries(), before);
  }
  EXPECT_EQ(read_text(folder_ / "plain"), "hello");
}

}  // namespace hone::file_test
