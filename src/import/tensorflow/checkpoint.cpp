#include "import/tensorflow/checkpoint.hpp"

#include "base/size.hpp"
#include "import/builder/model_file.hpp"
#include "import/protobuf.hpp"
#include "import/report.hpp"
#include "import/tensorflow/proto.hpp"
#include "import/tensorflow/table.hpp"
#include "ops/common/complex.hpp"

namespace hone::tensorflow {
namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// "00003".
std::string five_digits(int64_t number) {
  std::string digits = cat(number);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& folder, const std::string& name,
                       const ImportOptions& options)
    : folder_(folder), name_(name), options_(options) {
  const std::string index = cat(name, ".index");
  const auto file =
      MappedFile::open_below(folder, index, options.follow_links ? Links::all : Links::hub);
  read_table(text_of(*file), index, options.limits.folded_bytes,
             [&](std::string_view key, std::string_view value) { add_entry(key, value); });
}

void Checkpoint::add_entry(std::string_view key, std::string_view message) {
  if (key.empty()) {
    for (Message m(message, "BundleHeaderProto"); m.next();) {
      if (m.field() == 1) shards_ = m.integer();
      else if (m.field() == 2)
        check(m.integer() == 0, Code::unsupported, "a checkpoint of a big-endian machine");
    }
    return;
  }
  check(static_cast<int64_t>(entries_.size()) < options_.limits.tensors, Code::invalid_model,
        "more than ", options_.limits.tensors, " tensors in a checkpoint");
  Entry& entry = entries_[std::string(key)];
  for (Message m(message, "BundleEntryProto"); m.next();) switch (m.field()) {
      case 1: entry.type = m.integer(); break;
      case 2:
        entry.shape = decode_shape(m.bytes(), options_.limits).value_or(std::vector<int64_t>{-1});
        break;
      case 3: entry.shard = m.integer(); break;
      case 4: entry.offset = m.integer(); break;
      case 5: entry.size = m.integer(); break;
      case 7: entry.in_slices = true; break;
      default: break;
    }
}

std::string Checkpoint::shard_name(int64_t number) const {
  return cat(name_, ".data-", five_digits(number), "-of-", five_digits(shards_));
}

const std::shared_ptr<const MappedFile>& Checkpoint::shard(int64_t number) {
  auto& file = files_[number];
  if (file == nullptr)
    file = MappedFile::open_below(folder_, shard_name(number),
                                  options_.follow_links ? Links::all : Links::hub);
  return file;
}

StoredVariable Checkpoint::tensor(std::string_view key) {
  const auto found = entries_.find(key);
  check(found != entries_.end(), Code::invalid_model, name_, ".index has no tensor \"", shown(key),
        '"');
  const Entry& entry = found->second;
  check(!entry.in_slices, Code::unsupported, "a variable that is stored in slices");
  const auto type = dtype_of(entry.type);
  check(type.has_value() && *type != DType::string, Code::unsupported, "a variable of ",
        type_name(entry.type));
  for (const int64_t size : entry.shape)
    check(size >= 0, Code::invalid_model, "a variable with a dimension of ", size);
  const size_t wanted = bytes_for(*type, element_count(entry.shape));
  const auto& file = shard(entry.shard);
  const auto bytes = file->bytes();
  check(entry.offset >= 0 && entry.size >= 0 && static_cast<size_t>(entry.size) == wanted &&
            static_cast<size_t>(entry.offset) <= bytes.size() &&
            wanted <= bytes.size() - static_cast<size_t>(entry.offset),
        Code::invalid_model, "a variable of ", *type, shape_text(entry.shape), " in ", entry.size,
        " bytes at ", entry.offset, " of ", shard_name(entry.shard), ", which has ",
        uint64_t{bytes.size()});
  const builder::ModelFile source{bytes, file, shard_name(entry.shard)};
  const bool pairs = is_complex(*type);
  std::vector<int64_t> shape = entry.shape;
  if (pairs) shape.push_back(2);
  Tensor tensor = source.borrow(pairs ? part_type(*type) : *type, std::move(shape),
                                bytes.subspan(static_cast<size_t>(entry.offset), wanted));
  std::string place = source.source(tensor);
  return {Weight::of(std::move(tensor), std::move(place)), pairs};
}

}  // namespace hone::tensorflow
