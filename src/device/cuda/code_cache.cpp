#include "device/cuda/code_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace hone::cuda {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 8192;

fs::path wanted_folder() {
  if (const char* named = std::getenv("HONE_CODE_CACHE"); named != nullptr) return named;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  fs::path cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) cache = variable("HOME") / ".cache";
  return cache.is_absolute() ? cache / "hone" / "code" : fs::path();
}

/// The oldest half goes.
void make_room(const fs::path& folder) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& each : fs::directory_iterator(folder, error))
    files.emplace_back(each.last_write_time(error), each.path());
  if (files.size() <= kMostFiles) return;
  std::sort(files.begin(), files.end());
  files.resize(files.size() / 2);
  for (const auto& [time, path] : files) fs::remove(path, error);
}

/// Empty: there is none that is the user's alone.
fs::path made_folder() {
  fs::path folder = wanted_folder();
  if (folder.empty()) return {};
  std::error_code error;
  fs::create_directories(folder, error);
  struct stat found = {};
  constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
  if (::stat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) ||
      found.st_uid != ::geteuid() || (found.st_mode & kOthersWrite) != 0)
    return {};
  make_room(folder);
  return folder;
}

const fs::path& folder() {
  static const fs::path kFolder = made_folder();
  return kFolder;
}

}  // namespace

std::optional<std::string> kept_code(const Hash& name) {
  if (folder().empty()) return std::nullopt;
  const fs::path path = folder() / cat(name);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  try {
    // 32 digits of a hash of what follows.
    std::string text = read_text(path);
    constexpr size_t kDigits = 32;
    if (text.size() <= kDigits) return std::nullopt;
    const auto hash = parse_hash(std::string_view(text).substr(0, kDigits));
    text.erase(0, kDigits);
    if (hash != hash_text(text)) return std::nullopt;
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void keep_code(const Hash& name, const std::string& image) {
  if (folder().empty()) return;
  try {
    AtomicFile file(folder() / cat(name));
    file.write(cat(hash_text(image)));
    file.write(image);
    file.commit();
  } catch (const Error&) {  // it is compiled again the next time
  }
}

}  // namespace hone::cuda
