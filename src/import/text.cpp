#include "import/text.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/string_bytes.hpp"
#include "import/report.hpp"
#include "ir/bodies/change_bodies.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"

namespace hone {
namespace {

/// The contents of constants that the text only names, from where it says that they are.
class Contents {
 public:
  Contents(const std::filesystem::path& folder, const ImportOptions& options)
      : folder_(folder), options_(options) {}

  /// For the graph and its bodies.
  void find_all(Graph& graph) {
    change_constants(graph, [this](const Value& constant) {
      return constant.weight->is_absent() ? find(constant.name, *constant.weight) : nullptr;
    });
  }

 private:
  /// "net.graph.data+0x40": a file below the text's folder, and where in it.
  std::shared_ptr<const Weight> find(const std::string& name, const Weight& named) {
    const std::string& source = named.source();
    const size_t plus = source.rfind("+0x");
    uint64_t offset = 0;
    const char *digits = source.data() + plus + 3, *end = source.data() + source.size();
    const bool is_place = plus != std::string::npos && plus > 0 &&
                          std::from_chars(digits, end, offset, 16).ptr == end && digits != end;
    const auto file = is_place ? open(source.substr(0, plus)) : nullptr;
    if (file == nullptr) {
      check(options_.random_weights.has_value(), Code::io, "the contents of @", shown(name),
            " are not here: the text says ", source.empty() ? "nothing" : shown(source),
            " (--random-weights makes others)");
      return Weight::random(named.dtype(), named.shape(),
                            hash_text(name).low ^ *options_.random_weights, options_.random_gain);
    }
    const auto bytes = file->bytes();
    auto made =
        Weight::of(read(name, named, bytes.subspan(std::min(offset, bytes.size())), file), source);
    check(named.hash() == Hash{} || made->hash() == named.hash(), Code::invalid_model, "@",
          shown(name), " at ", shown(source), " has other contents than the text was written with");
    return made;
  }

  /// From the start of these bytes of the file.
  static Tensor read(const std::string& name, const Weight& named, std::span<const std::byte> bytes,
                     const std::shared_ptr<const MappedFile>& file) {
    if (named.dtype() == DType::string) {
      auto strings = read_string_bytes(bytes, named.count());
      check(strings.has_value(), Code::invalid_model, "@", shown(name), " has ", named.count(),
            " strings at ", shown(named.source()), ", the file ends before");
      return Tensor::of_strings(named.shape(), *std::move(strings));
    }
    check(named.bytes() <= bytes.size(), Code::invalid_model, "@", shown(name), " has ",
          named.bytes(), " bytes at ", shown(named.source()), ", the file has ",
          file->bytes().size());
    return Tensor::borrow(named.dtype(), named.shape(), bytes.first(named.bytes()), file);
  }

  /// Null: it is absent, and weights are to be made from a seed.
  std::shared_ptr<const MappedFile> open(const std::string& name) {
    const auto [place, is_new] = files_.emplace(name, nullptr);
    if (!is_new) return place->second;
    std::error_code error;
    const bool there =
        std::filesystem::exists(std::filesystem::symlink_status(folder_ / name, error));
    if (there || !options_.random_weights)
      place->second =
          MappedFile::open_below(folder_, name, options_.follow_links ? Links::all : Links::hub);
    return place->second;
  }

  const std::filesystem::path& folder_;
  const ImportOptions& options_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

/// Of a text: nodes, inputs, outputs and depth are bounded while it is parsed; what is left is what
/// is computed for it.
void check_limits(const Graph& graph, const Limits& limits) {
  const auto facts = static_cast<int64_t>(graph.requirements().size());
  check(facts <= limits.requirements, Code::invalid_model, facts, " facts about sizes, at most ",
        limits.requirements);
}

}  // namespace

bool looks_like_text(std::string_view text) {
  while (text.starts_with('#') || text.starts_with('\n'))
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.starts_with("graph ");
}

Imported import_text(std::string_view text, const std::filesystem::path& folder,
                     const ImportOptions& options, const std::string& file_name) try {
  Imported made;
  made.format = "graph text";
  made.graph = parse(text, all_ops(), nullptr, options.limits);
  check_limits(*made.graph, options.limits);
  Contents(folder, options).find_all(*made.graph);
  verify(*made.graph, "reading");
  infer(*made.graph);  // contents that are known are not in the text
  return made;
} catch (const Error& error) {
  const Code code = error.code() == Code::internal ? Code::invalid_model : error.code();
  throw Error(code, cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone
