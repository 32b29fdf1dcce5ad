// Compiled once per instruction set; see groups.hpp and gemm_micro.hpp.
#pragma once

#include "device/cpu/groups.hpp"

namespace {

/// kStep: that of the rows, 0: as they say.
template <int kStep>
void group_bytes(const hone::cpu::GroupRows& rows, unsigned* __restrict to) {
  const unsigned char *a = rows.from[0], *b = rows.from[1], *c = rows.from[2], *d = rows.from[3];
  const long step = kStep > 0 ? kStep : rows.step, count = rows.count;
  const unsigned flip = rows.is_signed ? 0x80808080u : 0;
  for (long i = 0; i < count; ++i) {
    const unsigned low = a[i * step] | static_cast<unsigned>(b[i * step]) << 8;
    const unsigned high = c[i * step] | static_cast<unsigned>(d[i * step]) << 8;
    to[i] = (low | high << 16) ^ flip;
  }
}

template <int kStep, class T>
void group_words(const hone::cpu::GroupRows& rows, unsigned* __restrict to) {
  const T *a = reinterpret_cast<const T*>(rows.from[0]),
          *b = reinterpret_cast<const T*>(rows.from[1]);
  const long step = kStep > 0 ? kStep : rows.step, count = rows.count;
  const int zero = rows.zero;
  for (long i = 0; i < count; ++i)
    to[i] = (static_cast<unsigned>(a[i * step] - zero) & 0xffffu) |
            static_cast<unsigned>(b[i * step] - zero) << 16;
}

void group_any_bytes(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.step == 1) group_bytes<1>(rows, to);
  else if (rows.step == 2) group_bytes<2>(rows, to);
  else group_bytes<0>(rows, to);
}

template <class T>
void group_words_of(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.step == 1) group_words<1, T>(rows, to);
  else if (rows.step == 2) group_words<2, T>(rows, to);
  else group_words<0, T>(rows, to);
}

void group_any_words(const hone::cpu::GroupRows& rows, unsigned* to) {
  if (rows.is_signed) group_words_of<signed char>(rows, to);
  else group_words_of<unsigned char>(rows, to);
}

void group_row_bytes(const hone::cpu::GroupRows& row, unsigned* to) {
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  const unsigned char* from = row.from[0];
  const auto flip = static_cast<unsigned char>(row.is_signed ? 0x80 : 0);
  for (long i = 0; i < row.count; ++i) bytes[i] = from[i] ^ flip;
  for (long i = row.count; i % 4 != 0; ++i) bytes[i] = 0;
}

template <class T>
void group_row_words_of(const hone::cpu::GroupRows& row, unsigned* to) {
  typedef short Word __attribute__((may_alias));
  auto* __restrict words = reinterpret_cast<Word*>(to);
  const T* from = reinterpret_cast<const T*>(row.from[0]);
  const int zero = row.zero;
  for (long i = 0; i < row.count; ++i) words[i] = static_cast<short>(from[i] - zero);
  if (row.count % 2 != 0) words[row.count] = 0;
}

void group_row_words(const hone::cpu::GroupRows& row, unsigned* to) {
  if (row.is_signed) group_row_words_of<signed char>(row, to);
  else group_row_words_of<unsigned char>(row, to);
}

constexpr hone::cpu::GroupFunctions kGroupFunctions{group_any_bytes, group_any_words,
                                                    group_row_bytes, group_row_words};

}  // namespace
