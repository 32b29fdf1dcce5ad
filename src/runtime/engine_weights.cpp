#include "runtime/engine_weights.hpp"

#include <set>

#include "base/size.hpp"
#include "base/threads.hpp"
#include "ir/limits.hpp"
#include "ir/text/text.hpp"
#include "runtime/little_endian.hpp"

namespace hone {
namespace {

/// Strings as length and bytes, one after the other.
std::string string_contents(const Tensor& tensor) {
  std::string bytes;
  for (const std::string& text : tensor.strings()) {
    put(bytes, static_cast<uint64_t>(text.size()));
    bytes += text;
  }
  return bytes;
}

}  // namespace

uint64_t random_bytes(const Graph& graph) {
  uint64_t total = 0;
  for (const Value* constant : graph.constants()) {
    if (!constant->weight->stored().is_random()) continue;
    total += constant->weight->bytes();
    if (total > INT64_MAX) return INT64_MAX;
  }
  return total;
}

std::shared_ptr<const Graph> readable(const std::shared_ptr<const Graph>& graph) {
  if (graph == nullptr || random_bytes(*graph) <= Limits().random_bytes) return graph;
  std::shared_ptr<Graph> stored = graph->clone();
  for (Value* constant : stored->constants()) {
    const std::shared_ptr<const Weight> weight = constant->weight;
    if (!weight->stored().is_random()) continue;
    constant->weight = Weight::of(weight->stored().tensor(), weight->source());
    if (weight->is_converted())
      constant->weight = Weight::converted(constant->weight, weight->dtype());
  }
  return stored;
}

std::vector<StoredWeight> lay_out_weights(const std::vector<const Graph*>& graphs) {
  std::vector<StoredWeight> stored;
  std::set<Hash> seen;
  for (const Graph* graph : graphs)
    for (const Value* constant : graph->constants()) {
      const Weight& weight = constant->weight->stored();
      if (weight.is_literal() || weight.is_random()) continue;
      check(!weight.is_absent(), Code::usage, "the contents of @", constant->name,
            " are not here (", weight.source(), "): they cannot be saved");
      if (!seen.insert(weight.hash()).second) continue;
      const uint64_t length = weight.dtype() == DType::string
                                  ? string_contents(weight.tensor()).size()
                                  : weight.bytes();
      stored.push_back({&weight, aligned(stored_bytes(stored)), length});
    }
  return stored;
}

uint64_t stored_bytes(const std::vector<StoredWeight>& stored) {
  return stored.empty() ? 0 : stored.back().offset + stored.back().length;
}

std::string index_text(const std::vector<StoredWeight>& stored) {
  std::string text;
  for (const StoredWeight& each : stored)
    text += cat(each.weight->hash(), " ", each.weight->dtype(), " ",
                shape_text(each.weight->shape()), " ", each.offset, " ", each.length, "\n");
  return text;
}

void each_piece(const std::vector<StoredWeight>& stored, const SectionBody::Take& take) {
  static constexpr std::byte kZeros[kSectionAlignment] = {};
  uint64_t at = 0;
  for (const StoredWeight& each : stored) {
    take({kZeros, each.offset - at});
    if (each.weight->dtype() == DType::string)
      take(as_bytes(string_contents(each.weight->tensor())));
    else take(each.weight->tensor().bytes());
    at = each.offset + each.length;
  }
}

namespace {

class IndexReader {
 public:
  IndexReader(const SectionReader& sections, bool verify)
      : sections_(sections), contents_(sections.bytes(Section::weights)), verify_(verify) {}

  StoredWeights read() {
    for (const std::string_view line : split(sections_.text(Section::weight_index), '\n'))
      if (!line.empty()) read_line(line);
    if (end_ != contents_.size())
      damaged(sections_.file()->path(), "its weights have ", contents_.size(),
              " bytes, the index tells of ", end_);
    if (verify_) verify();
    return std::move(stored_);
  }

 private:
  void read_line(std::string_view line) {
    line_ = line;
    const auto words = split(line, ' ');
    wanted(words.size() == 5, "HASH DTYPE SHAPE OFFSET LENGTH");
    const auto hash = parse_hash(words[0]);
    const std::string type_text = cat(words[1], words[2]);
    std::string_view rest = type_text;
    const auto type = parse_type(rest);
    const auto offset = parse_int(words[3]), length = parse_int(words[4]);
    wanted(hash && offset && length, "HASH DTYPE SHAPE OFFSET LENGTH");
    wanted(type && rest.empty() && type->is_tensor() && type->tensor().has_rank(), "a tensor type");
    const auto shape = type->tensor().concrete();
    wanted(shape.has_value(), "a shape of numbers");
    wanted(*offset >= 0 && static_cast<uint64_t>(*offset) == aligned(end_), "offset ",
           aligned(end_));
    const auto at = static_cast<uint64_t>(*offset);
    wanted(at <= contents_.size() && *length >= 0 &&
               static_cast<uint64_t>(*length) <= contents_.size() - at,
           "an end within ", contents_.size(), " bytes");
    if (verify_)
      for (uint64_t i = end_; i < at; ++i)
        wanted(contents_[i] == std::byte{0}, "zeros in front of it");
    const auto bytes = contents_.subspan(at, static_cast<size_t>(*length));
    Tensor tensor = tensor_of(type->tensor().dtype, *shape, bytes);
    std::string source = cat(sections_.file()->path().filename().string(), "+", at);
    const auto weight = verify_ ? Weight::of(std::move(tensor), std::move(source))
                                : Weight::of(std::move(tensor), std::move(source), *hash);
    wanted(stored_.emplace(*hash, weight).second, "each weight once");
    lines_.push_back({line, *hash, weight.get()});
    end_ = at + bytes.size();
  }

  /// Each has the content that its hash says. Reading them all is what loading takes long for, so
  /// all cores do.
  void verify() {
    constexpr uint64_t kWorthATeam = 4 << 20;
    Team team(end_ < kWorthATeam ? 1 : 0);
    team.run([&] {
      team.parallel(std::ssize(lines_),
                    [&](int64_t i) { (void)lines_[static_cast<size_t>(i)].weight->hash(); });
    });
    for (const Line& each : lines_) {
      line_ = each.text;
      wanted(each.weight->hash() == each.hash, "hash ", each.weight->hash());
    }
  }

  Tensor tensor_of(DType dtype, const std::vector<int64_t>& shape,
                   std::span<const std::byte> contents) const {
    const auto count = try_element_count(shape);
    wanted(count.has_value(), "fewer elements");
    if (dtype != DType::string) {
      wanted(try_mul(*count, bits(dtype)) && bytes_for(dtype, *count) == contents.size(),
             "as many bytes as the type has");
      return Tensor::borrow(dtype, shape, contents, sections_.file());
    }
    std::vector<std::string> strings;
    while (contents.size() >= 8) {
      const auto length = get<uint64_t>(contents, 0);
      wanted(length <= contents.size() - 8, "whole strings");
      strings.emplace_back(reinterpret_cast<const char*>(contents.data()) + 8, length);
      contents = contents.subspan(8 + length);
    }
    wanted(contents.empty() && static_cast<int64_t>(strings.size()) == *count, "not ",
           strings.size(), " strings");
    return Tensor::of_strings(shape, std::move(strings));
  }

  template <class... Parts>
  void wanted(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      damaged(sections_.file()->path(), "weight index line \"", line_, "\", wanted ", parts...);
  }

  const SectionReader& sections_;
  const std::span<const std::byte> contents_;
  const bool verify_;
  struct Line {
    std::string_view text;
    Hash hash;
    const Weight* weight;
  };

  std::string_view line_;
  std::vector<Line> lines_;
  uint64_t end_ = 0;
  StoredWeights stored_;
};

}  // namespace

StoredWeights read_weights(const SectionReader& sections, bool verify) {
  return IndexReader(sections, verify).read();
}

}  // namespace hone
