#include "import/tflite/flat_writer.hpp"

#include <cstring>

namespace hone::test {
namespace {

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Writes at `place` how far `target` lies behind it.
void link(std::string& out, size_t place, size_t target) {
  const auto offset = static_cast<uint32_t>(target - place);
  std::memcpy(out.data() + place, &offset, sizeof offset);
}

}  // namespace

std::string Flat::file(std::string_view identifier) const {
  std::string out(4, '\0');
  out += identifier;
  link(out, 0, append_to(out));
  return out;
}

size_t Flat::append_to(std::string& out) const {
  const int count = parts_.empty() ? 0 : parts_.rbegin()->first + 1;
  const size_t list = out.size();
  size_t size = 4;  // of the table
  std::map<int, size_t> places;
  for (const auto& [field, part] : parts_) {
    places[field] = size;
    size += part.kind == Kind::inline_bytes ? part.bytes.size() : 4;
  }
  append(out, static_cast<uint16_t>(4 + 2 * count));
  append(out, static_cast<uint16_t>(size));
  for (int i = 0; i < count; ++i)
    append(out, static_cast<uint16_t>(places.contains(i) ? places.at(i) : 0));
  const size_t table = out.size();
  append(out, static_cast<int32_t>(table - list));
  for (const auto& [field, part] : parts_) {
    if (part.kind == Kind::inline_bytes) out += part.bytes;
    else append(out, uint32_t{0});
  }
  for (const auto& [field, part] : parts_) {
    const size_t place = table + places.at(field);
    if (part.kind == Kind::vector) {
      link(out, place, out.size());
      append(out, static_cast<uint32_t>(part.count));
      out += part.bytes;
    } else if (part.kind == Kind::table) {
      link(out, place, part.children.front().append_to(out));
    } else if (part.kind == Kind::tables) {
      const size_t vector = out.size();
      link(out, place, vector);
      append(out, static_cast<uint32_t>(part.count));
      out.append(4 * part.count, '\0');
      for (size_t i = 0; i < part.count; ++i)
        link(out, vector + 4 + 4 * i, part.children[i].append_to(out));
    }
  }
  return table;
}

}  // namespace hone::test
