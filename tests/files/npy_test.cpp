#include "files/npy.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::npy_test {

namespace fs = std::filesystem;

template <class T>
Array array_of(DType dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  Array array{dtype, std::move(shape), std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

/// An npy file of version 1 with this header and data.
std::string npy_file(const std::string& header, const std::string& data) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  return file + header + data;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Array parse(const std::string& file, std::optional<DType> voids = {}) {
  return parse_npy(bytes_of(file), "x.npy", voids);
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
    return "fine";
  } catch (const Error& error) {
    return cat(name(error.code()), ": ", error.message());
  }
}

TEST(Npy, WritesWhatNumPyWrites) {
  const Array array = array_of<float>(DType::f32, {3}, {1, 2, 3});
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  header.resize(117, ' ');
  header += '\n';
  EXPECT_EQ(npy_bytes(array),
            npy_file(header, std::string(reinterpret_cast<const char*>(array.data.data()), 12)));
  EXPECT_EQ(npy_bytes(array_of<float>(DType::f32, {}, {1})).size(), 128u + 4);
}

TEST(Npy, EveryNumericTypeRoundTrips) {
  for (int i = 0; i < static_cast<int>(DType::string); ++i) {
    const auto dtype = static_cast<DType>(i);
    Array array{dtype, {3, 1, 5}, std::vector<std::byte>(bytes_for(dtype, 15))};
    for (size_t k = 0; k < array.data.size(); ++k)
      array.data[k] = static_cast<std::byte>(k * 37 + 11);
    const int used = 15 * bits(dtype) % 8;  // then padding
    if (is_float(dtype) && used != 0) array.data.back() &= static_cast<std::byte>((1 << used) - 1);
    const Array again = parse(npy_bytes(array), dtype);
    EXPECT_EQ(again.shape, array.shape);
    if (is_integer(dtype) && bits(dtype) < 8) {  // comes back as bytes
      EXPECT_EQ(again.dtype, is_signed(dtype) ? DType::i8 : DType::u8);
      for (int64_t k = 0; k < 15; ++k)
        EXPECT_EQ(load_int(again.dtype, again.data.data(), k),
                  load_int(dtype, array.data.data(), k));
      continue;
    }
    EXPECT_EQ(again.dtype, dtype);
    EXPECT_EQ(again.data, array.data) << name(dtype);
  }
}

TEST(Npy, ScalarsAndEmptyArrays) {
  const Array scalar = array_of<int64_t>(DType::i64, {}, {-7});
  EXPECT_EQ(parse(npy_bytes(scalar)).shape, std::vector<int64_t>{});
  EXPECT_EQ(parse(npy_bytes(scalar)).data, scalar.data);
  const Array empty{DType::f64, {2, 0, 3}, {}};
  EXPECT_EQ(parse(npy_bytes(empty)).shape, empty.shape);
  const std::string huge =
      "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 9223372036854775807, 9), }";
  EXPECT_TRUE(parse(npy_file(huge, "")).data.empty());
}

TEST(Npy, FortranOrderIsTransposed) {
  // numpy.asfortranarray(numpy.arange(24, dtype='u1').reshape(2, 3, 4)) as it lies in the file.
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) data += static_cast<char>(i * 12 + j * 4 + k);
  const Array array =
      parse(npy_file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", data));
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(std::to_integer<size_t>(array.data[i]), i);
  const Array wide = parse(npy_file("{'shape': (2L, 2), \"descr\": '<i2', 'fortran_order': True}\n",
                                    std::string("\1\0\3\0\2\0\4\0", 8)));
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(load_int(DType::i16, wide.data.data(), i), i + 1);
}

TEST(Npy, VoidTypesNeedSomebodyWhoKnows) {
  const std::string file = npy_file("{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }",
                                    std::string("\x80\x3F", 2));
  EXPECT_NE(refusal([&] { parse(file); }).find("it must be said"), std::string::npos);
  EXPECT_NE(refusal([&] { parse(file, DType::f8e5m2); }).find("cannot be f8e5m2"),
            std::string::npos);
  EXPECT_EQ(test::refusal_of([&] { (void)parse(file, DType::i16); }),
            "usage: x.npy: holds the void type <V2, which cannot be i16");
  const Array array = parse(file, DType::bf16);
  EXPECT_EQ(load_double(array.dtype, array.data.data(), 0), 1);
}

TEST(Npy, Text) {
  using Strings = std::vector<std::string>;
  const std::string wide("b\0\0\0\0\0\0\0\xe4\0\0\0\x11\xf4\1\0", 16);
  const Array array =
      parse(npy_file("{'descr': '<U2', 'fortran_order': False, 'shape': (2, 1), }", wide));
  EXPECT_EQ(array.dtype, DType::string);
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(array.strings, (Strings{"b", "\xc3\xa4\xf0\x9f\x90\x91"}));
  EXPECT_EQ(npy_bytes(array).substr(128), wide);
  const Array bytes = parse(npy_file("{'descr': '|S3', 'fortran_order': True, 'shape': (2, 2), }",
                                     std::string("a\0\0bc\0\0\0\0def", 12)));
  EXPECT_EQ(bytes.strings, (Strings{"a", "", "bc", "def"}));
  // Back from what was written; bytes that are no UTF-8 stay bytes.
  for (const Strings& strings : {Strings{}, Strings{"", "x"}, Strings{"\xff", "\xc3\xa4", "\xc3"},
                                 Strings{"\xed\xa0\x80"}, Strings{"\xc0\x80", "abc"}}) {
    const Array given{DType::string, {static_cast<int64_t>(strings.size())}, {}, strings};
    EXPECT_EQ(parse(npy_bytes(given)).strings, strings);
  }
  const Array plain{DType::string, {2}, {}, {"ab", "c"}};
  EXPECT_NE(npy_bytes(plain).find("'<U2'"), std::string::npos);
  const Array odd{DType::string, {1}, {}, {"\xff\xfe"}};
  EXPECT_NE(npy_bytes(odd).find("'|S2'"), std::string::npos);
}

TEST(Npy, RefusesWhatItCannotMean) {
  const auto header = [](const std::string& descr, const std::string& shape = "(2,)") {
    return npy_file(cat("{'descr': ", descr, ", 'fortran_order': False, 'shape': ", shape, ", }"),
                    "12345678");
  };
  const auto refused = [](const std::string& file, std::string_view why) {
    const std::string message = refusal([&] { parse(file); });
    EXPECT_TRUE(message.starts_with("usage: x.npy: ")) << message;
    EXPECT_NE(message.find(why), std::string::npos) << message;
  };
  EXPECT_EQ(parse(header("'<f4'")).dtype, DType::f32);
  refused(header("'>f4'"), "big-endian");
  refused(header("'>U1'"), "holds text as >U1, wanted <U");
  refused(header("'<U0'"), "holds text as <U0");
  refused(header("'<U9223372036854775807'"), "holds text as <U9223372036854775807");
  refused(header("'|S3'"), "holds 8 bytes of data, wanted 6");
  refused(header("'<U1'"), "a character that Unicode does not have");
  refused(header("'|O'"), "objects");
  refused(header("'<M8[s]'"), "times");
  refused(header("[('a', '<f4')]"), "structures");
  refused(header("'<f3'"), "unknown type <f3");
  refused(header("''"), "unknown type");
  refused(header("'<'"), "unknown type");
  refused(header("'|V'"), "void");
  refused(header("'<f4'", "(3,)"), "holds 8 bytes of data, wanted 12 for f32[3]");
  refused(header("'<f4'", "(1,)"), "wanted 4");
  refused(header("'<f4'", "(4294967296, 4294967296)"), "overflows");
  refused(header("'<f4'", "(2305843009213693952,)"), "overflows");
  refused(header("'<f4'", "(9223372036854775808,)"), "damaged");
  refused(header("'<f4'", "(-2,)"), "damaged");
  refused(header("'<f4'", "(2,"), "damaged");
  refused(header("'<f4'", "2"), "damaged");
  std::string many = "(";
  for (int i = 0; i < 70; ++i) many += "1,";
  refused(header("'<f4'", many + ")"), "more than 64");
  refused(npy_file("{'descr': '<f4', 'shape': (2,), }", "12345678"), "damaged");
  refused(npy_file("{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", "12345678"), "damaged");
  refused(npy_file("{'descr': '<f4", ""), "damaged");
  refused(npy_file("", ""), "is no npy file");
  refused("not an array at all", "is no npy file");
  refused(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}", 14), "header of 4294967295 bytes");
  refused(std::string("\x93NUMPY\x09\x00\x02\x00{}", 12), "npy version 9");
}

class NpzTest : public testing::Test {
 protected:
  void SetUp() override { path_ = fs::path(testing::TempDir()) / cat("hone_", ::getpid(), ".npz"); }
  void TearDown() override { fs::remove(path_); }
  fs::path path_;
};

/// numpy.savez_compressed(x=arange(6, dtype=int16).reshape(2, 3), y=zeros(100, float32))
std::string compressed_by_numpy() {
  constexpr std::string_view kHex =
      "504b03042d0000000800000021001a4e987effffffffffffffff05001400782e6e7079010010008c0000000000"
      "000052000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a4aea3a09e965f54529498"
      "179f5f94920a12774bcc294e058a17672416a402f91a463a0ac69a3a0ab50a64032e0606460626066606160656"
      "0600504b03042d000000080000002100efb97d1bffffffffffffffff05001400792e6e70790100100010020000"
      "000000004b000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f5452"
      "9498179f5f94920a12774bcc294e058a17672416a402f91a8606063a9a3a0ab50a64032e865130a80000504b01"
      "022d032d0000000800000021001a4e987e520000008c000000050000000000000000000000800100000000782e"
      "6e7079504b01022d032d000000080000002100efb97d1b4b000000100200000500000000000000000000008001"
      "89000000792e6e7079504b05060000000002000200660000000b0100000000";
  std::string bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i < kHex.size(); i += 2)
    bytes += static_cast<char>(digit(kHex[i]) * 16 + digit(kHex[i + 1]));
  return bytes;
}

TEST(Npz, ReadsWhatNumPyCompressed) {
  const std::string file = compressed_by_numpy();
  const NamedArrays arrays = parse_npz(bytes_of(file), "x.npz");
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].first, "x");
  EXPECT_EQ(arrays[0].second.dtype, DType::i16);
  EXPECT_EQ(arrays[0].second.shape, (std::vector<int64_t>{2, 3}));
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(load_int(DType::i16, arrays[0].second.data.data(), i), i);
  EXPECT_EQ(arrays[1].first, "y");
  EXPECT_EQ(arrays[1].second.data, std::vector<std::byte>(400));
  EXPECT_NE(refusal([&] { parse_npz(bytes_of(file), "x.npz", {}, 200); }).find("wanted at most 60"),
            std::string::npos);
}

TEST_F(NpzTest, RoundTripsByteForByte) {
  NamedArrays arrays = {{"a", array_of<float>(DType::f32, {2, 2}, {1, 2, 3, 4})},
                        {"b/c", array_of<int64_t>(DType::i64, {}, {5})},
                        {"none", Array{DType::i8, {0, 3}, {}}}};
  write_npz(path_, arrays);
  const std::string first = read_text(path_);
  const NamedArrays again = read_npz(path_);
  ASSERT_EQ(again.size(), arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(again[i].first, arrays[i].first);
    EXPECT_EQ(again[i].second.shape, arrays[i].second.shape);
    EXPECT_EQ(again[i].second.data, arrays[i].second.data);
  }
  write_npz(path_, arrays);
  EXPECT_EQ(read_text(path_), first);
  arrays.push_back(arrays[0]);
  EXPECT_EQ(test::refusal_of([&] { write_npz(path_, arrays); }),
            "usage: two archive entries \"a.npy\"");
  EXPECT_EQ(read_text(path_), first);
  write_npz(path_, {});
  EXPECT_TRUE(read_npz(path_).empty());
}

TEST_F(NpzTest, ManyEntriesTakeAZip64Directory) {
  {
    ZipWriter writer(path_);
    const std::array<std::span<const std::byte>, 0> nothing = {};
    for (int i = 0; i < 1000; ++i) writer.add(cat("entry", i), nothing);
    writer.commit();
  }
  // The same, its end written as zip64: an end record of 56 bytes and its locator before the end.
  std::string file = read_text(path_);
  const std::string end = file.substr(file.size() - 22);
  file.resize(file.size() - 22);
  const auto put64 = [&](uint64_t value) { file.append(reinterpret_cast<const char*>(&value), 8); };
  uint32_t size = 0, offset = 0;
  std::memcpy(&size, end.data() + 12, 4);
  std::memcpy(&offset, end.data() + 16, 4);
  const uint64_t record = file.size();
  file += std::string("PK\6\6", 4);
  put64(44);
  file += std::string("\x2d\0\x2d\0", 4) + std::string(8, '\0');
  for (const uint64_t value : {uint64_t{1000}, uint64_t{1000}, uint64_t{size}, uint64_t{offset}})
    put64(value);
  file += std::string("PK\6\7\0\0\0\0", 8);
  put64(record);
  file += std::string("\1\0\0\0", 4) + "PK\5\6" + std::string(4, '\0') + std::string(12, '\xFF');
  file += std::string("\2\0ok", 4);
  const ZipFile zip(bytes_of(file), "wide.zip", Code::invalid_model);
  ASSERT_EQ(zip.entries().size(), 1000u);
  ASSERT_NE(zip.find("entry999"), nullptr);
  EXPECT_TRUE(zip.stored(*zip.find("entry999")).empty());
  EXPECT_EQ(zip.find("entry1000"), nullptr);
}

TEST(Npz, EveryTruncationIsRefused) {
  const std::string whole = compressed_by_numpy();
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string message = refusal([&] { parse_npz(bytes_of(whole).first(size), "x.npz"); });
    ASSERT_TRUE(message.starts_with("usage: ")) << size << message;
  }
}

// Any one bit flipped: refused, or in a field that says nothing (times, versions, attributes).
TEST(Npz, EveryFlippedBitIsRefusedOrHarmless) {
  const std::string whole = compressed_by_numpy();
  const NamedArrays right = parse_npz(bytes_of(whole), "x.npz");
  int refused = 0;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string file = whole;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    try {
      const NamedArrays arrays = parse_npz(bytes_of(file), "x.npz");
      ASSERT_LE(arrays.size(), right.size()) << bit;
      for (size_t i = 0; i < arrays.size(); ++i)
        ASSERT_EQ(arrays[i].second.data, right[i].second.data) << bit;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Code::usage) << error.message();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1500);
}

TEST(Npz, BombsAreRefusedBeforeMemoryIsTaken) {
  std::string file = compressed_by_numpy();
  const size_t directory = 0x10b;
  const uint32_t huge = 0xFFFFFFF0;
  std::memcpy(file.data() + directory + 24, &huge, 4);  // the unpacked size of x.npy
  EXPECT_NE(refusal([&] {
              parse_npz(bytes_of(file), "x.npz");
            }).find("cannot hold 4294967280 bytes in 82"),
            std::string::npos);
  file = compressed_by_numpy();
  const uint32_t slightly = 82 * 1000;
  std::memcpy(file.data() + directory + 24, &slightly, 4);
  // What the array says of itself is all that it may unpack to.
  EXPECT_EQ(refusal([&] { parse_npz(bytes_of(file), "x.npz"); }),
            "usage: x.npz (x.npy): holds 81872 bytes of data, wanted 12 for i16[2,3]");
}

TEST(Npz, ArraysAreUnpackedOneByOne) {
  std::string file = compressed_by_numpy();
  const size_t last_of_y = 0x10b - 1;
  file[last_of_y] = static_cast<char>(~file[last_of_y]);
  const NpzFile npz(bytes_of(file), "x.npz");
  ASSERT_EQ(npz.size(), 2u);
  EXPECT_EQ(npz.name(1), "y");
  EXPECT_EQ(npz.find("x"), 0u);
  EXPECT_EQ(npz.find("y.npy"), 1u);
  EXPECT_EQ(npz.find("z"), std::nullopt);
  EXPECT_EQ(npz.read(0).shape, (std::vector<int64_t>{2, 3}));
  // Of y nothing was read so far, and of its header only the begin.
  EXPECT_EQ(npz.header(1).dtype, DType::f32);
  EXPECT_EQ(npz.header(1).shape, (std::vector<int64_t>{100}));
  EXPECT_NE(refusal([&] { npz.read(1); }).find("entry \"y.npy\" does not unpack to 528 bytes"),
            std::string::npos);
}

}  // namespace hone::npy_test
