#include "runtime/engine_packs.hpp"

#include <set>

#include "base/size.hpp"
#include "ir/text/text.hpp"

namespace hone {
namespace {

/// Calls `take` with each form and its place in the section.
template <class Take>
void each_place(const std::vector<PackedForm>& forms, const Take& take) {
  uint64_t at = 0;
  for (const PackedForm& each : forms) {
    at = aligned(at);
    take(each, at);
    at += each.contents.bytes().size();
  }
}

class PackIndexReader {
 public:
  PackIndexReader(const SectionReader& sections, uint32_t number)
      : sections_(sections),
        text_(sections.text(Section::pack_index, number)),
        contents_(sections.bytes(Section::packed_weights, number)) {}

  void read(DevicePart& part) {
    const auto lines = split(text_, '\n');
    line_ = lines.front();
    const auto packer = line_.starts_with("packer ") ? parse_hash(line_.substr(7)) : std::nullopt;
    wanted(packer.has_value(), "packer HASH");
    part.packer = *packer;
    for (size_t i = 1; i < lines.size(); ++i)
      if (!lines[i].empty()) part.packed.push_back(form_of(lines[i]));
    if (end_ != contents_.size())
      damaged(sections_.file()->path(), "its packed weights have ", contents_.size(),
              " bytes, the index tells of ", end_);
  }

 private:
  PackedForm form_of(std::string_view line) {
    line_ = line;
    std::vector<std::string_view> words;
    for (int i = 0; i < 6; ++i) {
      const size_t space = line.find(' ');
      wanted(space != std::string_view::npos, "WEIGHT HASH DTYPE SHAPE OFFSET LENGTH FORM");
      words.push_back(line.substr(0, space));
      line.remove_prefix(space + 1);
    }
    const auto weight = parse_hash(words[0]), hash = parse_hash(words[1]);
    const std::string type_text = cat(words[2], words[3]);
    std::string_view rest = type_text;
    const auto type = parse_type(rest);
    const auto offset = parse_int(words[4]), length = parse_int(words[5]);
    wanted(weight && hash && offset && length, "WEIGHT HASH DTYPE SHAPE OFFSET LENGTH FORM");
    wanted(type && rest.empty() && type->is_tensor() && type->tensor().has_rank() &&
               type->tensor().dtype != DType::string,
           "a tensor type of numbers");
    const auto shape = type->tensor().concrete();
    wanted(shape.has_value(), "a shape of numbers");
    const uint64_t at = aligned(end_);
    wanted(*offset >= 0 && static_cast<uint64_t>(*offset) == at, "offset ", at);
    wanted(at <= contents_.size() && *length >= 0 &&
               static_cast<uint64_t>(*length) <= contents_.size() - at,
           "an end within ", contents_.size(), " bytes");
    const DType dtype = type->tensor().dtype;
    const auto count = try_element_count(*shape);
    wanted(count && try_mul(*count, bits(dtype)) &&
               bytes_for(dtype, *count) == static_cast<size_t>(*length),
           "as many bytes as the type has");
    wanted(seen_.emplace(*weight, line).second, "each form once");
    end_ = at + static_cast<uint64_t>(*length);
    return {*weight, std::string(line), *hash,
            Tensor::borrow(dtype, *shape, contents_.subspan(at, static_cast<size_t>(*length)),
                           sections_.file())};
  }

  template <class... Parts>
  void wanted(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      damaged(sections_.file()->path(), "pack index line \"", line_, "\", wanted ", parts...);
  }

  const SectionReader& sections_;
  const std::string_view text_;
  const std::span<const std::byte> contents_;
  std::string_view line_;
  std::set<std::pair<Hash, std::string>> seen_;
  uint64_t end_ = 0;
};

}  // namespace

void add_packs(std::vector<SectionBody>& sections, const DevicePart& part, uint32_t number) {
  if (part.packed.empty()) return;
  std::string text = cat("packer ", part.packer, "\n");
  each_place(part.packed, [&](const PackedForm& each, uint64_t at) {
    text += cat(each.weight, " ", each.hash, " ", each.contents.dtype(), " ",
                shape_text(each.contents.shape()), " ", at, " ", each.contents.bytes().size(), " ",
                each.form, "\n");
  });
  sections.push_back({Section::pack_index, number, std::move(text), {}});
  const auto pieces = [&part](const SectionBody::Take& take) {
    static constexpr std::byte kZeros[kSectionAlignment] = {};
    uint64_t end = 0;
    each_place(part.packed, [&](const PackedForm& each, uint64_t at) {
      take({kZeros, at - end});
      take(each.contents.bytes());
      end = at + each.contents.bytes().size();
    });
  };
  sections.push_back({Section::packed_weights, number, {}, pieces});
}

void read_packs(const SectionReader& sections, uint32_t number, DevicePart& part) {
  const bool has_index = sections.find(Section::pack_index, number) != nullptr;
  if (has_index != (sections.find(Section::packed_weights, number) != nullptr))
    damaged(sections.file()->path(), "part ", number, " has packed weights or their index alone");
  if (has_index) PackIndexReader(sections, number).read(part);
}

}  // namespace hone
