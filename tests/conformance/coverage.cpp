#include "conformance/coverage.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "import/onnx/node_reader.hpp"

namespace hone {
namespace {

constexpr std::string_view kIntroduction =
    R"(# Which ONNX operators Hone reads

`make coverage` writes this page from the importers' table and from the results of the ONNX
standard's backend suite; CI compares it. The numbers behind a version tell how many of the suite's
cases that use it pass, of how many. A version without numbers is read, but the suite has no case of
it. A version ~~struck out~~ is not read. A case counts for every operator of its model. A case that
fails because an operator is not read counts for that operator.
)";

std::vector<std::string> words(const std::string& line, char between) {
  std::vector<std::string> found;
  size_t from = 0;
  while (from <= line.size()) {
    const size_t to = std::min(line.find(between, from), line.size());
    found.push_back(line.substr(from, to - from));
    from = to + 1;
  }
  return found;
}

const onnx::Importers& importers() {
  static const onnx::Importers all = [] {
    onnx::Importers made;
    onnx::register_all_importers(made);
    return made;
  }();
  return all;
}

bool is_read(std::string_view domain, std::string_view op, int version) {
  return importers().find(domain, op, version).f != nullptr;
}

}  // namespace

/// The operators of one domain.
class Coverage::Section {
 public:
  explicit Section(std::string domain) : domain_(std::move(domain)) {}

  void add(const Operator& op) {
    ++operators_;
    const CaseScope scope = scope_of(op.domain, op.name);
    std::string versions, status = "read";
    size_t unread = 0, usable = 0;
    for (const Version& version : op.versions) {
      const bool read = importers().find(op.domain, op.name, version.number).f != nullptr;
      if (!version.is_deprecated) ++usable, unread += read ? 0 : 1;
      if (version.cases > version.passed) status = "cases fail";
      versions += cat(versions.empty() ? "" : ", ", text(version, read));
    }
    versions_ += usable;
    if (unread > 0) status = unread == usable ? "not read" : "some versions";
    if (unread > 0 && scope != CaseScope::inside) status = cat("out of scope: ", name(scope));
    read_versions_ += usable - unread;
    if (unread < usable) ++read_;
    // What the standard does not have is told in a sentence.
    if (domain_ == "com.microsoft" && unread == usable)
      others_ += cat(others_.empty() ? "" : ", ", op.name);
    else rows_ += cat("| ", op.name, " | ", versions, " | ", status, " |\n");
  }

  std::string page() const {
    std::string text = cat("\n## ", domain_, "\n\n", read_, " of ", operators_, " operators, ",
                           read_versions_, " of ", versions_, " versions.\n");
    if (!rows_.empty()) text += cat("\n| operator | versions | status |\n|---|---|---|\n", rows_);
    if (!others_.empty()) text += cat("\nNot read: ", wrapped(others_, 10), ".\n");
    return text;
  }

 private:
  static std::string text(const Version& version, bool read) {
    std::string text = std::to_string(version.number);
    if (version.is_deprecated) return text + " (deprecated)";
    if (!read) text = cat("~~", text, "~~");
    if (version.cases > 0) text += cat(" (", version.passed, "/", version.cases, ")");
    return text;
  }

  static std::string wrapped(const std::string& list, size_t column) {
    std::string text;
    for (const std::string& word : words(list, ' ')) {
      const bool breaks = column + word.size() + 1 > 100;
      text += text.empty() ? "" : breaks ? "\n" : " ";
      column = breaks ? word.size() : column + word.size() + 1;
      text += word;
    }
    return text;
  }

  std::string domain_, rows_, others_;
  size_t operators_ = 0, read_ = 0, versions_ = 0, read_versions_ = 0;
};

Coverage::Coverage(const std::filesystem::path& operators) {
  for (const std::string& line : words(read_text(operators), '\n')) {
    if (line.empty()) continue;
    const std::vector<std::string> fields = words(line, '\t');
    check(fields.size() == 3, Code::usage, operators.string(), ": ", fields.size(),
          " fields in a line, wanted 3: ", line);
    Operator op{fields[0] == "ai.onnx" ? "" : fields[0], fields[1], {}};
    for (std::string version : words(fields[2], ' ')) {
      const bool is_deprecated = version.ends_with('d');
      if (is_deprecated) version.pop_back();
      op.versions.push_back({std::stoi(version), is_deprecated, 0, 0});
    }
    index_.emplace(std::pair(op.domain, op.name), operators_.size());
    operators_.push_back(std::move(op));
  }
}

void Coverage::add(const Contents& contents, bool passed) {
  std::set<Version*> used, unread;
  for (const OperatorUse& use : contents.operators) {
    const auto found = index_.find({use.domain, use.name});
    if (found == index_.end()) continue;
    Version* last = nullptr;
    for (Version& version : operators_[found->second].versions)
      if (version.number <= use.version) last = &version;
    if (last == nullptr) continue;
    used.insert(last);
    if (!is_read(use.domain, use.name, last->number)) unread.insert(last);
  }
  for (Version* version : passed || unread.empty() ? used : unread) {
    ++version->cases;
    version->passed += passed ? 1 : 0;
  }
}

std::string Coverage::page(const std::vector<std::string>& rows) const {
  std::string page(kIntroduction);
  page +=
      "\n## The suite\n\n"
      "| folder | cases in scope | pass | fail | operator missing | share | out of scope |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const std::string& row : rows) page += cat(row, "\n");
  for (size_t i = 0; i < operators_.size();) {
    const std::string& domain = operators_[i].domain;
    Section section(domain.empty() ? "ai.onnx" : domain);
    while (i < operators_.size() && operators_[i].domain == domain) section.add(operators_[i++]);
    page += section.page();
  }
  return page;
}

}  // namespace hone
