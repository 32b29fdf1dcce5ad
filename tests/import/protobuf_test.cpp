#include "import/protobuf.hpp"

#include <gtest/gtest.h>

#include "import/onnx_writer.hpp"
#include "support/refusal.hpp"

namespace hone::protobuf_test {

std::string failure(std::string_view data, void (*read)(Message&)) {
  try {
    for (Message m(data, "X"); m.next();) read(m);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_model);
    return error.message();
  }
  return {};
}

TEST(Message, ReadsFieldsAndSkipsTheRest) {
  const test::Proto proto = test::Proto().number(1, -5).bytes(2, "text").real(3, 0.5F).number(4, 7);
  int64_t number = 0, last = 0;
  std::string_view text;
  float real = 0;
  for (Message m(proto.data(), "X"); m.next();) {
    if (m.field() == 1) number = m.integer();
    else if (m.field() == 2) text = m.bytes();
    else if (m.field() == 3) real = m.real();
    else last = m.field();  // not read: the next next() skips it
  }
  EXPECT_EQ(number, -5);
  EXPECT_EQ(text, "text");
  EXPECT_EQ(real, 0.5F);
  EXPECT_EQ(last, 4);
}

TEST(Message, TakesRepeatedNumbersPackedOrNot) {
  std::vector<int64_t> numbers;
  const std::string data = test::Proto().number(1, 3).bytes(1, "\x01\x80\x01").data();
  for (Message m(data, "X"); m.next();) m.integers(numbers);
  EXPECT_EQ(numbers, (std::vector<int64_t>{3, 1, 128}));
  numbers.clear();
  Message m(data, "X");
  ASSERT_TRUE(m.next());
  EXPECT_EQ(test::refusal_of([&] { (void)m.integers(numbers, 0); }),
            "invalid_model: X: more than 0 numbers");
}

TEST(Message, RefusesDamage) {
  const auto as_number = [](Message& m) { (void)m.integer(); };
  const auto as_text = [](Message& m) { (void)m.bytes(); };
  const auto skip = [](Message&) {};
  const std::string text = test::Proto().bytes(1, "abcdef").data();
  EXPECT_EQ(failure(text, as_number), "X: field 1 has the wrong wire type 2");
  const std::string_view some = std::string_view(text).substr(0, 4);
  const std::string told = "X: cut short in field 1 at byte 1: 6 bytes announced, 2 are there";
  EXPECT_EQ(failure(some, as_text), told);
  EXPECT_EQ(failure(some, skip), told);
  EXPECT_EQ(failure(std::string("\x0a\xff", 2), as_text),
            "X: cut short in field 1 at byte 1, in its length");
  EXPECT_EQ(failure(std::string(1, '\x08'), as_number), "X: cut short in a number");
  EXPECT_EQ(failure(std::string(20, '\xff'), skip), "X: damaged, or not protobuf");
  EXPECT_EQ(failure(std::string("\x02\x01", 2), skip), "X: damaged, or not protobuf");
  EXPECT_EQ(failure(std::string("\x0a\xff\xff\xff\xff\x0f", 6), as_text),
            "X: cut short in field 1 at byte 1: 4294967295 bytes announced, 0 are there");
}

}  // namespace hone::protobuf_test
