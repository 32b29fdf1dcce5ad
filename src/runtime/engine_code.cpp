#include "runtime/engine_code.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/sha256.hpp"

namespace hone {
namespace {

using Key = std::array<std::byte, 32>;

std::filesystem::path key_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  std::filesystem::path folder = variable("XDG_CONFIG_HOME");
  if (!folder.is_absolute()) folder = variable("HOME") / ".config";
  return folder.is_absolute() ? folder / "hone" / "key" : std::filesystem::path();
}

/// A descriptor that is closed.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

std::optional<Key> read_key(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat found = {};
  if (file.number < 0 || ::fstat(file.number, &found) != 0 || !S_ISREG(found.st_mode) ||
      found.st_uid != ::geteuid() || (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return std::nullopt;
  Key key;
  const bool whole = ::read(file.number, key.data(), key.size()) == std::ssize(key);
  return whole ? std::optional(key) : std::nullopt;
}

void make_key(const std::filesystem::path& path) {
  Key key;
  if (::getrandom(key.data(), key.size(), 0) != std::ssize(key)) return;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const Descriptor file{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (file.number >= 0 && ::write(file.number, key.data(), key.size()) != std::ssize(key))
    ::unlink(path.c_str());
}

std::string index_of(const std::vector<MachineCode>& code) {
  std::string text;
  for (const MachineCode& each : code) text += cat(each.source, " ", each.image.size(), "\n");
  return text + "\n";
}

std::string signature_by(const Key& key, const DevicePart& part) {
  std::string signed_text = cat(part.target, "\n", index_of(part.code));
  for (const MachineCode& each : part.code) signed_text += each.image;
  const Sha256 digest =
      hmac_sha256(key, std::as_bytes(std::span(signed_text.data(), signed_text.size())));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte each : digest) {
    text += kDigits[std::to_integer<size_t>(each) >> 4];
    text += kDigits[std::to_integer<size_t>(each) & 15];
  }
  return text;
}

bool is_digits(std::string_view text) {
  return text.size() == 2 * sizeof(Sha256) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The text up to the next line break, which goes, too.
std::optional<std::string_view> next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

void add_code(std::vector<SectionBody>& sections, const DevicePart& part, uint32_t number) {
  if (part.code.empty()) return;
  std::string text = cat("signature ", part.signature.empty() ? "none" : part.signature, "\n",
                         index_of(part.code));
  for (const MachineCode& each : part.code) text += each.image;
  sections.push_back({Section::gpu_binaries, number, std::move(text), {}});
}

void read_code(const SectionReader& sections, uint32_t number, DevicePart& part) {
  if (sections.find(Section::gpu_binaries, number) == nullptr) return;
  std::string_view text = sections.text(Section::gpu_binaries, number);
  const auto wanted = [&](bool condition, const auto&... what) {
    if (!condition)
      damaged(sections.file()->path(), "the code of part ", number, ": wanted ", what...);
  };
  const auto first = next_line(text);
  wanted(first && first->starts_with("signature "), "\"signature HEX\" or \"signature none\"");
  const std::string_view signature = first->substr(std::string_view("signature ").size());
  wanted(signature == "none" || is_digits(signature), "a signature of 64 digits, or none");
  if (signature != "none") part.signature = std::string(signature);
  std::vector<std::pair<Hash, size_t>> index;
  for (auto line = next_line(text); !line || !line->empty(); line = next_line(text)) {
    wanted(line.has_value(), "an empty line behind its index");
    const size_t space = std::min(line->find(' '), line->size() - 1);
    const auto source = parse_hash(line->substr(0, space));
    const auto bytes = parse_int(line->substr(space + 1));
    wanted(source && bytes && *bytes > 0, "lines \"SOURCE BYTES\", one is \"", *line, "\"");
    wanted(index.empty() || index.back().first < *source, "sources in their order");
    index.emplace_back(*source, static_cast<size_t>(*bytes));
  }
  for (const auto& [source, bytes] : index) {
    wanted(bytes <= text.size(), bytes, " bytes of ", source, ", it has ", text.size());
    part.code.push_back({source, std::string(text.substr(0, bytes))});
    text.remove_prefix(bytes);
  }
  wanted(text.empty(), "nothing behind the last one, it has ", text.size(), " bytes");
}

void sign(DevicePart& part) {
  const std::filesystem::path path = key_file();
  if (path.empty()) return;
  auto key = read_key(path);
  if (!key) {
    make_key(path);
    key = read_key(path);
  }
  part.signature = key ? signature_by(*key, part) : std::string();
}

bool is_signed(const DevicePart& part) {
  if (part.signature.empty()) return false;
  const auto key = read_key(key_file());
  if (!key) return false;
  const std::string wanted = signature_by(*key, part);
  const auto digest = [](const std::string& text) {
    return sha256(std::as_bytes(std::span(text.data(), text.size())));
  };
  return is_same(digest(wanted), digest(part.signature));
}

}  // namespace hone
