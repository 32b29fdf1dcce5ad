#include "import/tensorflow/table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"

namespace hone::tensorflow {
namespace {

/// Reads numbers from the front of bytes that may end at any place.
class Bytes {
 public:
  Bytes(std::string_view rest, std::string_view what) : rest_(rest), what_(what) {}
  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail(Code::invalid_model, what_, " is damaged: a number is longer than 64 bits");
  }
  std::string_view take(uint64_t count) {
    check(count <= rest_.size(), Code::invalid_model, what_, " is damaged: it is cut short");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

 private:
  std::string_view rest_, what_;
};

uint32_t fixed32(std::string_view bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

constexpr size_t kFooter = 48, kTrailer = 5;
constexpr uint64_t kMagic = 0xdb4775248b80fb57;

class Table {
 public:
  Table(std::string_view file, std::string_view what, size_t most)
      : file_(file), what_(what), left_(most) {}

  void read(const std::function<void(std::string_view, std::string_view)>& f) {
    check(file_.size() >= kFooter, Code::invalid_model, what_, " is no index of a checkpoint");
    const std::string_view footer = file_.substr(file_.size() - kFooter);
    uint64_t magic = 0;
    std::memcpy(&magic, footer.data() + kFooter - sizeof magic, sizeof magic);
    check(magic == kMagic, Code::invalid_model, what_, " is no index of a checkpoint");
    Bytes handles(footer, what_);
    handles.varint(), handles.varint();  // of what describes the table itself
    const uint64_t at = handles.varint(), size = handles.varint();
    each_entry(block(at, size), [&](std::string_view, std::string_view handle) {
      Bytes numbers(handle, what_);
      const uint64_t from = numbers.varint(), count = numbers.varint();
      each_entry(block(from, count), f);
    });
  }

 private:
  /// A block's contents: bytes of the file, or unpacked.
  std::string block(uint64_t at, uint64_t size) {
    check(at <= file_.size() && size <= file_.size() - at && file_.size() - at - size >= kTrailer,
          Code::invalid_model, what_, " is damaged: a block of ", size, " bytes at ", at, " of ",
          uint64_t{file_.size()});
    const std::string_view packed = file_.substr(at, size);
    const char kind = file_[at + size];
    std::string made;
    if (kind == 0) made = packed;
    else if (kind == 1) made = unpack_snappy(packed, left_);
    else fail(Code::invalid_model, what_, " is damaged: a block of kind ", static_cast<int>(kind));
    check(made.size() <= left_, Code::invalid_model, what_, " has more in it than is allowed");
    left_ -= made.size();
    return made;
  }

  /// A key shares its begin with the one before.
  void each_entry(const std::string& contents,
                  const std::function<void(std::string_view, std::string_view)>& f) {
    check(contents.size() >= 4, Code::invalid_model, what_, " is damaged: a block is cut short");
    const std::string_view all = contents;
    const uint64_t restarts = fixed32(all.substr(all.size() - 4));
    check(restarts <= (all.size() - 4) / 4, Code::invalid_model, what_,
          " is damaged: a block restarts ", restarts, " times");
    Bytes entries(all.substr(0, all.size() - 4 - 4 * restarts), what_);
    std::string key;
    while (!entries.empty()) {
      const uint64_t shared = entries.varint(), own = entries.varint(), size = entries.varint();
      check(shared <= key.size(), Code::invalid_model, what_,
            " is damaged: a key begins as a shorter one does");
      key.resize(shared);
      key += entries.take(own);
      check(key.size() <= (1 << 16), Code::invalid_model, what_, " has a key of ",
            uint64_t{key.size()}, " bytes");
      f(key, entries.take(size));
    }
  }

  std::string_view file_, what_;
  size_t left_;
};

}  // namespace

void read_table(std::string_view file, std::string_view what, size_t most,
                const std::function<void(std::string_view, std::string_view)>& f) {
  Table(file, what, most).read(f);
}

std::string unpack_snappy(std::string_view packed, size_t most) {
  constexpr std::string_view kWhat = "a packed block";
  Bytes bytes(packed, kWhat);
  const uint64_t size = bytes.varint();
  check(size <= most, Code::invalid_model, kWhat, " unfolds to ", size, " bytes");
  std::string made;
  made.reserve(std::min<uint64_t>(size, 64 * packed.size() + 64));
  const auto number = [&](size_t count) {  // little-endian
    uint64_t value = 0;
    const std::string_view taken = bytes.take(count);
    for (size_t i = 0; i < count; ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
    return value;
  };
  while (!bytes.empty()) {
    const uint64_t tag = number(1);
    uint64_t length = (tag >> 2) + 1, offset = 0;
    switch (tag & 3) {
      case 0:
        if (length > 60) length = number(length - 60) + 1;
        made += bytes.take(length);
        break;
      case 1:
        length = 4 + ((tag >> 2) & 7);
        offset = ((tag >> 5) << 8) | number(1);
        break;
      case 2: offset = number(2); break;
      default: offset = number(4); break;
    }
    check(made.size() <= size && ((tag & 3) == 0 || length <= size - made.size()),
          Code::invalid_model, kWhat, " is damaged: it is longer than it says");
    if ((tag & 3) == 0) continue;
    check(offset > 0 && offset <= made.size(), Code::invalid_model, kWhat,
          " is damaged: it copies from before its begin");
    for (uint64_t i = 0; i < length; ++i) made += made[made.size() - offset];
  }
  check(made.size() == size, Code::invalid_model, kWhat, " is damaged: ", uint64_t{made.size()},
        " bytes of ", size);
  return made;
}

}  // namespace hone::tensorflow
