#include "support/text_case.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "support/paths.hpp"

namespace hone::test {
namespace {

/// The lines of a block without its indentation of two, trailing empty lines dropped.
std::string unindented(const std::vector<std::string_view>& lines) {
  std::string text;
  for (std::string_view line : lines) {
    line.remove_prefix(std::min<size_t>(line.size(), 2));
    text += line;
    text += '\n';
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text == "\n" ? "" : text;
}

std::string indented(std::string_view text) {
  std::string out;
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return out;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) append(out, "  ");
    append(out, line);
    out += '\n';
  }
  return out;
}

struct Outcome {
  bool error = false;
  std::string text;  // ends with a newline
};

Outcome outcome_of(const Verb& verb, std::string_view given) {
  Outcome outcome;
  try {
    outcome.text = verb(given);
  } catch (const Error& error) {
    outcome = {true, error.message()};
  }
  while (outcome.text.ends_with('\n')) outcome.text.pop_back();
  outcome.text += '\n';
  return outcome;
}

/// The first line in which two texts differ.
std::string difference(std::string_view wanted, std::string_view got) {
  const auto a = split(wanted, '\n'), b = split(got, '\n');
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string_view left = i < a.size() ? a[i] : "(nothing)";
    const std::string_view right = i < b.size() ? b[i] : "(nothing)";
    if (left != right) return cat("line ", i + 1, "\n  wanted ", left, "\n  got    ", right);
  }
  return "no line differs";
}

class Runner {
 public:
  Runner(std::string_view text, const Verbs& verbs) : lines_(split(text, '\n')), verbs_(verbs) {
    if (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
  }

  TextCaseResult run() {
    while (at_ < lines_.size()) {
      const std::string_view line = lines_[at_++];
      const auto words = words_of(line);
      if (words.empty() || line.starts_with('#')) copy(line);
      else if (words[0] == "case" && words.size() > 1) begin_case(line);
      else if (words[0] == "given" && words.size() == 1) read_given(line);
      else if (words[0] == "expect") expect(line, words);
      else fail("wanted case NAME, given or expect VERB"), copy(line);
    }
    finish_case();
    return std::move(result_);
  }

 private:
  static std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(line, ' '))
      if (!word.empty()) words.push_back(word);
    return words;
  }

  void copy(std::string_view line) { append(result_.blessed, line), result_.blessed += '\n'; }

  template <class... Parts>
  void fail(const Parts&... parts) {
    result_.failures.push_back(
        cat(at_, ": case ", name_.empty() ? "(none)" : name_, ": ", parts...));
  }

  /// Indented lines, and empty ones among them.
  std::vector<std::string_view> read_block() {
    std::vector<std::string_view> block;
    while (at_ < lines_.size() && (lines_[at_].empty() || lines_[at_].starts_with("  ")))
      block.push_back(lines_[at_++]);
    while (!block.empty() && block.back().empty()) block.pop_back(), --at_;
    return block;
  }

  void finish_case() {
    if (!name_.empty() && !expected_) fail("it expects nothing");
  }

  void begin_case(std::string_view line) {
    finish_case();
    name_ = trim(line.substr(4));
    given_.reset();
    expected_ = false;
    ++result_.cases;
    copy(line);
  }

  void read_given(std::string_view line) {
    copy(line);
    const auto block = read_block();
    for (const std::string_view each : block) copy(each);
    given_ = unindented(block);
  }

  void expect(std::string_view line, std::vector<std::string_view> words) {
    const size_t start = at_;
    words.erase(words.begin());
    const bool error = !words.empty() && words[0] == "error";
    if (error) words.erase(words.begin());
    const bool unchanged = words.size() == 2 && words[1] == "unchanged";
    const auto block = read_block();
    const auto verb = words.empty() ? verbs_.end() : verbs_.find(words[0]);
    expected_ = true;
    if (!given_ || verb == verbs_.end() || words.size() > (unchanged ? 2u : 1u)) {
      fail(given_ ? "wanted expect [error] VERB [unchanged], with one of this test's verbs"
                  : "expect stands before given");
      copy(line);
      for (const std::string_view each : block) copy(each);
      return;
    }
    const Outcome got = outcome_of(verb->second, *given_);
    const std::string wanted = unchanged ? *given_ : unindented(block);
    if (got.error != error || got.text != wanted)
      result_.failures.push_back(cat(start, ": case ", name_, ", ", line, ": ",
                                     got.error == error ? ""
                                     : got.error        ? "error; "
                                                        : "no error; ",
                                     difference(wanted, got.text)));
    bless(words[0], got);
  }

  void bless(std::string_view verb, const Outcome& got) {
    const bool same = !got.error && got.text == *given_;
    copy(cat("expect ", got.error ? "error " : "", verb, same ? " unchanged" : ""));
    if (!same) append(result_.blessed, indented(got.text));
  }

  std::vector<std::string_view> lines_;
  const Verbs& verbs_;
  size_t at_ = 0;
  std::string name_;
  std::optional<std::string> given_;
  bool expected_ = true;
  TextCaseResult result_;
};

bool asked_to_bless() {
  if (const char* set = std::getenv("HONE_BLESS"); set != nullptr && std::string_view(set) == "1")
    return true;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string word;
  while (std::getline(file, word, '\0'))
    if (word == "--bless") return true;
  return false;
}

}  // namespace

TextCaseResult run_text_cases(std::string_view text, const Verbs& verbs) {
  return Runner(text, verbs).run();
}

void expect_text_cases(const std::filesystem::path& file, const Verbs& verbs) {
  const std::filesystem::path path = source_dir() / "tests" / file;
  const std::string text = read_text(path);
  const TextCaseResult result = run_text_cases(text, verbs);
  EXPECT_GT(result.cases, 0) << path;
  if (asked_to_bless()) {
    if (result.blessed == text) return;
    AtomicFile out(path);
    out.write(result.blessed);
    out.commit();
    return;
  }
  for (const std::string& failure : result.failures)
    ADD_FAILURE() << path.string() << ":" << failure << "\n(HONE_BLESS=1 rewrites the file)";
}

}  // namespace hone::test
