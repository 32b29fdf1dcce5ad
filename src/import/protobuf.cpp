#include "import/protobuf.hpp"

#include <cstring>
#include <protozero/varint.hpp>

namespace hone {

using protozero::pbf_wire_type;

void Message::fail(std::string_view reason) const {
  hone::fail(Code::invalid_model, what_, ": ", reason);
}

void Message::want(pbf_wire_type type) const {
  if (reader_.wire_type() != type)
    hone::fail(Code::invalid_model, what_, ": field ", field(), " has the wrong wire type ",
               static_cast<int>(reader_.wire_type()));
}

bool Message::next() try {
  if (pending_ && is_packed()) (void)bytes();
  else if (pending_) reader_.skip();
  pending_ = reader_.next();
  return pending_;
} catch (const protozero::end_of_buffer_exception&) {
  fail("cut short");
} catch (const protozero::exception&) {
  fail("damaged, or not protobuf");
}

int64_t Message::integer() try {
  want(pbf_wire_type::varint);
  pending_ = false;
  return reader_.get_int64();
} catch (const protozero::end_of_buffer_exception&) {
  fail("cut short in a number");
} catch (const protozero::exception&) {
  fail("a number is longer than 64 bits");
}

float Message::real() try {
  want(pbf_wire_type::fixed32);
  pending_ = false;
  return reader_.get_float();
} catch (const protozero::exception&) {
  fail("cut short in a number");
}

/// `rest`: from the length of a field on, which says more than there is.
void Message::fail_short(const protozero::data_view& rest) const {
  const char* at = rest.data();
  const char* const end = at + rest.size();
  const auto offset = at - begin_;
  try {
    const uint64_t announced = protozero::decode_varint(&at, end);
    hone::fail(Code::invalid_model, what_, ": cut short in field ", field(), " at byte ", offset,
               ": ", announced, " bytes announced, ", end - at, " are there");
  } catch (const protozero::exception&) {
    hone::fail(Code::invalid_model, what_, ": cut short in field ", field(), " at byte ", offset,
               ", in its length");
  }
}

std::string_view Message::bytes() {
  want(pbf_wire_type::length_delimited);
  pending_ = false;
  const protozero::data_view rest = reader_.data();
  try {
    const auto view = reader_.get_view();
    return {view.data(), view.size()};
  } catch (const protozero::exception&) {
    fail_short(rest);
  }
}

void Message::integers(std::vector<int64_t>& out, size_t most, std::string_view what) {
  if (!is_packed()) {
    out.push_back(integer());
  } else {
    const std::string_view data = bytes();
    const char* at = data.data();
    const char* const end = at + data.size();
    try {
      while (at != end && out.size() <= most)
        out.push_back(static_cast<int64_t>(protozero::decode_varint(&at, end)));
    } catch (const protozero::exception&) {
      fail("cut short in a packed number");
    }
  }
  if (out.size() > most) hone::fail(Code::invalid_model, what_, ": more than ", most, " ", what);
}

template <class T>
void Message::fixed(std::vector<T>& out) {
  const std::string_view data = bytes();
  if (data.size() % sizeof(T) != 0) fail("packed numbers are cut short");
  const size_t before = out.size();
  out.resize(before + data.size() / sizeof(T));
  if (!data.empty()) std::memcpy(out.data() + before, data.data(), data.size());
}

void Message::reals(std::vector<float>& out) {
  if (is_packed()) fixed(out);
  else out.push_back(real());
}

void Message::doubles(std::vector<double>& out) try {
  if (is_packed()) return fixed(out);
  want(pbf_wire_type::fixed64);
  pending_ = false;
  out.push_back(reader_.get_double());
} catch (const protozero::exception&) {
  fail("cut short in a number");
}

}  // namespace hone
