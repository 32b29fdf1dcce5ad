#pragma once
// Tests as text: a file of cases, each a text and what a named transformation makes of it.
//
//   # a comment
//   case name
//   given
//     graph net(%x: f32[n]) -> (%y)
//       %y = Relu(%x)
//   expect infer
//     graph net(%x: f32[n]) -> (%y)
//       %y = Relu(%x) : f32[n]
//   expect roundtrip unchanged
//   expect error parse
//     line 2: ...
//
// Blocks are indented by two spaces. A case may expect several things. With --bless on the test's
// command line, or HONE_BLESS=1, the file is rewritten to say what really comes out.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hone::test {

/// From the text that is given to the text that is expected; hone::Error for `expect error`.
using Verb = std::function<std::string(std::string_view given)>;
using Verbs = std::map<std::string, Verb, std::less<>>;

struct TextCaseResult {
  int cases = 0;
  std::vector<std::string> failures;  // "12: case name, expect verb: ..."
  std::string blessed;                // the file as it should be
};
/// Runs the cases of one file's text. A file that cannot be read as cases: a failure.
TextCaseResult run_text_cases(std::string_view text, const Verbs& verbs);

/// Runs the cases of `file` (relative to tests/) within a GoogleTest test, and blesses when asked.
void expect_text_cases(const std::filesystem::path& file, const Verbs& verbs);

}  // namespace hone::test
