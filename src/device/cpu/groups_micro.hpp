// Compiled once per instruction set; see groups.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/byte_vectors.hpp"
#include "device/cpu/groups.hpp"

namespace {

Bytes low_pairs(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes high_pairs(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}
Words low_pairs(Words a, Words b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
Words high_pairs(Words a, Words b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

unsigned group_of_bytes(const hone::cpu::GroupRows& rows, long at) {
  const unsigned low = rows.from[0][at] | static_cast<unsigned>(rows.from[1][at]) << 8;
  const unsigned high = rows.from[2][at] | static_cast<unsigned>(rows.from[3][at]) << 8;
  return (low | high << 16) ^ (rows.is_signed ? 0x80808080u : 0);
}

/// kCount: 16, 8 or 4 groups.
template <int kCount, int kStep>
[[gnu::always_inline]] inline void group_some_bytes(const hone::cpu::GroupRows& rows, long i,
                                                    unsigned* to) {
  const unsigned char top = rows.is_signed ? 0x80 : 0;
  const Bytes flip = Bytes{} + top;
  const auto row = [&](int r) { return row_of<kCount, kStep>(rows.from[r] + i * kStep) ^ flip; };
  const Bytes a = row(0), b = row(1), c = row(2), d = row(3);
  const auto ab = reinterpret_cast<Words>(low_pairs(a, b));
  const auto cd = reinterpret_cast<Words>(low_pairs(c, d));
  store(to + i, low_pairs(ab, cd));
  if (kCount >= 8) store(to + i + 4, high_pairs(ab, cd));
  if (kCount < 16) return;
  const auto more_ab = reinterpret_cast<Words>(high_pairs(a, b));
  const auto more_cd = reinterpret_cast<Words>(high_pairs(c, d));
  store(to + i + 8, low_pairs(more_ab, more_cd));
  store(to + i + 12, high_pairs(more_ab, more_cd));
}

int number(const hone::cpu::GroupRows& rows, int row, long at) {
  const unsigned char value = rows.from[row][at];
  return (rows.is_signed ? static_cast<signed char>(value) : value) - rows.zero;
}
unsigned group_of_words(const hone::cpu::GroupRows& rows, long at) {
  return (static_cast<unsigned>(number(rows, 0, at)) & 0xffffu) |
         static_cast<unsigned>(number(rows, 1, at)) << 16;
}

template <int kCount, int kStep, bool kSigned>
[[gnu::always_inline]] inline void group_some_words(const hone::cpu::GroupRows& rows, long i,
                                                    unsigned* to) {
  const auto number = static_cast<short>(rows.zero);
  const Words zero = Words{} + number;
  const Bytes a = row_of<kCount, kStep>(rows.from[0] + i * kStep);
  const Bytes b = row_of<kCount, kStep>(rows.from[1] + i * kStep);
  for (int upper = 0; upper < (kCount == 16 ? 2 : 1); ++upper) {
    const Words first = widened<kSigned>(a, upper != 0) - zero;
    const Words second = widened<kSigned>(b, upper != 0) - zero;
    store(to + i + upper * 8, low_pairs(first, second));
    if (kCount >= 8) store(to + i + upper * 8 + 4, high_pairs(first, second));
  }
}

typedef void (*Some)(const hone::cpu::GroupRows& rows, long i, unsigned* to);
typedef unsigned (*One)(const hone::cpu::GroupRows& rows, long at);

/// All groups of lines of rows: some at a time, the last over some that are there already.
template <Some kSixteen, Some kEight, Some kFour, One kOne>
void group_all(const hone::cpu::GroupRows& given, unsigned* to) {
  hone::cpu::GroupRows rows = given;
  const long count = rows.count;
  for (long line = 0; line < given.lines; ++line, to += given.to_line) {
    if (count >= 16) {
      for (long i = 0; i + 16 <= count; i += 16) kSixteen(rows, i, to);
      if (count % 16 != 0) kSixteen(rows, count - 16, to);
    } else if (count >= 8) {
      kEight(rows, 0, to);
      kEight(rows, count - 8, to);
    } else if (count >= 4) {
      kFour(rows, 0, to);
      kFour(rows, count - 4, to);
    } else {
      for (long i = 0; i < count; ++i) to[i] = kOne(rows, i * rows.step);
    }
    for (const unsigned char*& from : rows.from) from += given.from_line;
  }
}

template <One kOne>
void group_one_by_one(const hone::cpu::GroupRows& given, unsigned* to) {
  hone::cpu::GroupRows rows = given;
  for (long line = 0; line < given.lines; ++line, to += given.to_line) {
    for (long i = 0; i < rows.count; ++i) to[i] = kOne(rows, i * rows.step);
    for (const unsigned char*& from : rows.from) from += given.from_line;
  }
}

template <int kStep>
void group_bytes(const hone::cpu::GroupRows& rows, unsigned* to) {
  group_all<group_some_bytes<16, kStep>, group_some_bytes<8, kStep>, group_some_bytes<4, kStep>,
            group_of_bytes>(rows, to);
}

void group_any_bytes(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.step == 1) group_bytes<1>(rows, to);
  else if (rows.step == 2) group_bytes<2>(rows, to);
  else group_one_by_one<group_of_bytes>(rows, to);
}

template <int kStep, bool kSigned>
void group_words(const hone::cpu::GroupRows& rows, unsigned* to) {
  group_all<group_some_words<16, kStep, kSigned>, group_some_words<8, kStep, kSigned>,
            group_some_words<4, kStep, kSigned>, group_of_words>(rows, to);
}

template <bool kSigned>
void group_words_of(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.step == 1) group_words<1, kSigned>(rows, to);
  else if (rows.step == 2) group_words<2, kSigned>(rows, to);
  else group_one_by_one<group_of_words>(rows, to);
}

void group_any_words(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.is_signed) group_words_of<true>(rows, to);
  else group_words_of<false>(rows, to);
}

/// Elements of one row, 16 at a time as long as there are so many.
void group_row_bytes(const hone::cpu::GroupRows& row, unsigned* to) {
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  const unsigned char* from = row.from[0];
  const unsigned char top = row.is_signed ? 0x80 : 0;
  long i = 0;
  for (; i + 16 <= row.count; i += 16) store(bytes + i, load<16>(from + i) ^ (Bytes{} + top));
  for (; i < row.count; ++i) bytes[i] = static_cast<unsigned char>(from[i] ^ top);
  for (; i % 4 != 0; ++i) bytes[i] = 0;
}

template <bool kSigned>
void group_row_words_of(const hone::cpu::GroupRows& row, unsigned* to) {
  typedef short Word __attribute__((may_alias));
  auto* words = reinterpret_cast<Word*>(to);
  const auto zero = static_cast<short>(row.zero);
  long i = 0;
  for (; i + 16 <= row.count; i += 16)
    for (int upper = 0; upper < 2; ++upper)
      store(words + i + 8 * upper,
            widened<kSigned>(load<16>(row.from[0] + i), upper != 0) - (Words{} + zero));
  for (; i < row.count; ++i) words[i] = static_cast<short>(number(row, 0, i));
  if (i % 2 != 0) words[i] = 0;
}

void group_row_words(const hone::cpu::GroupRows& row, unsigned* to) {
  if (row.is_signed) group_row_words_of<true>(row, to);
  else group_row_words_of<false>(row, to);
}

constexpr hone::cpu::GroupFunctions kGroupFunctions{group_any_bytes, group_any_words,
                                                    group_row_bytes, group_row_words};

}  // namespace
