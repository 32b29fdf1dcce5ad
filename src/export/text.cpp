// Graphs in our text form, which names large constants and does not hold them: those lie in a file
// of their own beside it.

#include "ir/text/text.hpp"

#include <charconv>
#include <unordered_map>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/size.hpp"
#include "base/string_bytes.hpp"
#include "export/export.hpp"
#include "ir/bodies/change_bodies.hpp"

namespace hone {
namespace {

std::string hex(int64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return std::string(digits, end);
}

/// Gives large constants a place in the data file, each contents once, and says so in their source.
class Places {
 public:
  explicit Places(std::string name) : name_(std::move(name)) {}

  /// Whether there is one in the graph or a body.
  bool place_all(Graph& graph) {
    return change_constants(graph, [this](const Value& constant) {
      const Weight& weight = *constant.weight;
      const bool stays = weight.is_literal() || weight.is_random() || weight.is_absent();
      return stays ? nullptr : place(constant.weight);
    });
  }

  void write(AtomicFile& file) const {
    static constexpr std::byte kZeros[kAlignment] = {};
    for (const auto& [offset, weight] : order_) {
      file.write(std::span(kZeros).first(static_cast<size_t>(offset) - file.size()));
      if (weight->dtype() == DType::string) file.write(string_bytes(weight->tensor().strings()));
      else file.write(weight->tensor().bytes());
    }
  }

 private:
  static constexpr int64_t kAlignment = 64;

  std::shared_ptr<const Weight> place(const std::shared_ptr<const Weight>& weight) {
    const auto [found, is_new] = placed_.emplace(weight.get(), nullptr);
    if (!is_new) return found->second;
    const int64_t offset = align_up(size_, kAlignment);
    order_.emplace_back(offset, weight);
    const size_t bytes = weight->dtype() == DType::string
                             ? string_bytes(weight->tensor().strings()).size()
                             : weight->bytes();
    size_ = checked_add(offset, static_cast<int64_t>(bytes));
    return found->second = Weight::of(weight->tensor(), cat(name_, "+0x", hex(offset)));
  }

  std::string name_;
  int64_t size_ = 0;
  std::unordered_map<const Weight*, std::shared_ptr<const Weight>> placed_;
  std::vector<std::pair<int64_t, std::shared_ptr<const Weight>>> order_;
};

}  // namespace

Exported export_text(const Graph& graph, const std::filesystem::path& path) {
  Exported made;
  std::filesystem::path data = path;
  data += ".data";
  Places places(data.filename().string());
  const std::unique_ptr<Graph> copy = graph.clone();
  const bool has_data = places.place_all(*copy);
  PrintOptions options;
  options.hashes = true;
  AtomicFile file(path);
  file.write(print(*copy, options));
  if (has_data) {
    AtomicFile data_file(data);
    places.write(data_file);
    made.data_bytes = data_file.size();
    made.data = data;
    data_file.commit();
  }
  made.model_bytes = file.size();
  file.commit();
  return made;
}

}  // namespace hone
