// docs/formats.md lists what is read and how many cases test it.

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.hpp"
#include "import/caffe/layer_reader.hpp"
#include "import/mxnet/node_reader.hpp"
#include "import/pytorch/importers.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "import/tflite/op_reader.hpp"

namespace hone::formats_test {

constexpr const char* kPage = HONE_SOURCE_DIR "/docs/formats.md";

/// How many cases of the file have `what` in them.
int cases_with(std::string_view cases, std::string_view what) {
  int count = 0;
  size_t at = 0;
  while ((at = cases.find("\ncase ", at)) != std::string_view::npos) {
    const size_t end = std::min(cases.find("\ncase ", at + 1), cases.size());
    if (cases.substr(at, end - at).find(what) != std::string_view::npos) ++count;
    at = end;
  }
  return count;
}

std::string wrapped(const std::vector<std::string>& words) {
  std::string text;
  size_t column = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string word = cat(words[i], i + 1 < words.size() ? "," : ".");
    const bool breaks = column + word.size() + 1 > 100;
    text += cat(column == 0 ? "" : breaks ? "\n" : " ", word);
    column = breaks ? word.size() : column + word.size() + 1;
  }
  return text + "\n";
}

/// Compares what stands between the marks with `wanted`, or writes it there.
void expect_section(std::string_view mark, const std::string& wanted) {
  std::string page = read_text(kPage);
  const std::string begin = cat("<!-- ", mark, ": written by HONE_BLESS=1 hone_tests_import -->\n");
  const size_t from = page.find(begin);
  ASSERT_NE(from, std::string::npos) << mark;
  const size_t start = from + begin.size(), end = page.find("<!-- end -->", start);
  ASSERT_NE(end, std::string::npos) << mark;
  const char* bless = std::getenv("HONE_BLESS");
  if (bless != nullptr && std::string_view(bless) == "1") {
    page.replace(start, end - start, wanted);
    AtomicFile file(kPage);
    file.write(page);
    file.commit();
    return;
  }
  EXPECT_EQ(page.substr(start, end - start), wanted)
      << "HONE_BLESS=1 hone_tests_import writes docs/formats.md";
}

TEST(Formats, ThePageListsTheLayersOfCaffe) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/caffe/layers.test");
  caffe::Importers importers;
  caffe::register_all_importers(importers);
  std::vector<std::string> words;
  for (const std::string_view type : importers.names()) {
    const bool old = type == "Padding";  // of V0 alone
    const int count = cases_with(cases, old ? "type: \"padding\"" : cat("type: \"", type, "\""));
    EXPECT_GT(count, 0) << "nobody has seen that " << type << " is right";
    words.push_back(cat(type, " (", count, ")"));
  }
  expect_section("caffe layers", wrapped(words));
}

TEST(Formats, ThePageListsTheOperatorsOfTflite) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/tflite/operators.test");
  tflite::Importers importers;
  tflite::register_all_importers(importers);
  std::vector<std::string> words;
  for (const std::string_view kind : importers.names()) {
    const bool is_custom = kind.starts_with(tflite::Importers::kCustom);
    const int count = cases_with(cases, cat(is_custom ? "\n  " : "\n  op ", kind, " "));
    EXPECT_GT(count, 0) << "nobody has seen that " << kind << " is right";
    words.push_back(cat(kind, " (", count, ")"));
  }
  expect_section("tflite operators", wrapped(words));
}

TEST(Formats, ThePageListsTheOperatorsOfMxnet) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/mxnet/operators.test");
  mxnet::Importers importers;
  mxnet::register_all_importers(importers);
  std::vector<std::string> words;
  for (const std::string_view op : importers.names()) {
    const int count = cases_with(cases, cat("\n  ", op, " "));
    EXPECT_GT(count, 0) << "nobody has seen that " << op << " is right";
    words.push_back(cat(op, " (", count, ")"));
  }
  expect_section("mxnet operators", wrapped(words));
}

/// "aten::add.Tensor" as programs write it: "aten.add.Tensor".
std::string target_of(std::string_view overload) {
  const size_t colons = overload.find("::");
  const std::string_view library = overload.substr(0, colons), name = overload.substr(colons + 2);
  if (library == "operator") return cat("_operator.", name);
  if (library == "math" || library == "torch" || library == "builtins")
    return cat(library, ".", name);
  return cat(library, ".", name, name.find('.') == std::string_view::npos ? ".default" : "");
}

TEST(Formats, ThePageListsTheOperatorsOfPytorch) {
  std::string cases;
  for (const auto& entry :
       std::filesystem::directory_iterator(HONE_SOURCE_DIR "/tests/import/pytorch"))
    if (entry.path().extension() == ".test") cases += read_text(entry.path());
  std::vector<std::string> words;
  for (const std::string& overload : pytorch::all_importers().overload_names()) {
    const int count = cases_with(cases, cat("\n  ", target_of(overload), " "));
    EXPECT_GT(count, 0) << "nobody has seen that " << overload << " is right";
    words.push_back(
        cat(overload.starts_with("aten::") ? overload.substr(6) : overload, " (", count, ")"));
  }
  expect_section("pytorch operators", wrapped(words));
}

TEST(Formats, ThePageListsTheOperatorsOfTensorflow) {
  std::string cases;
  for (const char* file : {"operators.test", "control.test", "saved.test"})
    cases += read_text(cat(HONE_SOURCE_DIR "/tests/import/tensorflow/", file));
  tensorflow::Importers importers;
  tensorflow::register_all_importers(importers);
  std::vector<std::string> words;
  for (const std::string_view op : importers.names()) {
    const int count = cases_with(cases, cat("\n  ", op, " "));
    EXPECT_GT(count, 0) << "nobody has seen that " << op << " is right";
    words.push_back(cat(op, " (", count, ")"));
  }
  expect_section("tensorflow operators", wrapped(words));
}

}  // namespace hone::formats_test
