#pragma once
// How the operands of attention lie in memory, for kernels of all devices.

#include <span>
#include <vector>

#include "base/size.hpp"
#include "ir/tensor.hpp"

namespace hone {

/// How the heads of an operand of rank 3 or 4 lie.
struct Heads {
  int64_t batch = 0, heads = 0, sequence = 0, head = 0;
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;

  Heads() = default;
  Heads(const std::vector<int64_t>& shape, int64_t given) {
    const bool rows = shape.size() == 3;
    check(!rows || (given > 0 && shape[2] % given == 0), Code::usage, "an operand of attention is ",
          shape_text(shape), ", wanted ", given, " heads in its last dimension");
    batch = shape[0];
    heads = rows ? given : shape[1];
    sequence = shape[shape.size() - 2];
    head = rows ? shape[2] / given : shape[3];
    const int64_t sizes[] = {heads, sequence, head};
    batch_stride = element_count(sizes);
    head_stride = rows ? head : element_count(std::span(sizes).subspan(1));
    row_stride = rows ? shape[2] : head;
  }
  /// One whose axes lie `strides` apart, those of a head's elements 1.
  Heads(const std::vector<int64_t>& shape, int64_t given, const std::vector<int64_t>& strides)
      : Heads(shape, given) {
    batch_stride = strides[0];
    row_stride = strides[shape.size() - 2];
    if (shape.size() == 4) head_stride = strides[1];
  }
  void put_strides(int64_t to[3]) const {
    to[0] = batch_stride, to[1] = head_stride, to[2] = row_stride;
  }
  int64_t at(int64_t b, int64_t h, int64_t i) const {
    return b * batch_stride + h * head_stride + i * row_stride;
  }
};

/// Error(usage) where queries, keys and values do not go together.
inline void check_heads(const Heads& q, const Heads& k, const Heads& v) {
  check(k.heads > 0 ? q.heads % k.heads == 0 : q.heads == 0, Code::usage, q.heads,
        " query heads for ", k.heads, " key heads, wanted a multiple");
  check(k.batch == q.batch && v.batch == q.batch && k.head == q.head && v.sequence == k.sequence &&
            v.heads == k.heads,
        Code::usage, "attention of queries, keys and values that do not fit");
}

/// A mask that broadcasts to batch, heads, queries and keys; keys behind its last one are hidden.
struct MaskPlaces {
  int64_t strides[4] = {}, keys = 0;

  MaskPlaces() = default;
  MaskPlaces(const std::vector<int64_t>& shape, const Heads& q, const Heads& k) : keys(k.sequence) {
    const int64_t wanted[] = {q.batch, q.heads, q.sequence, k.sequence};
    int64_t stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      const size_t place = d + 4 - shape.size();
      const int64_t size = shape[d];
      check(size == wanted[place] || (place < 3 ? size == 1 : size < wanted[3]), Code::usage,
            "a mask of shape ", shape_text(shape), " does not broadcast to ",
            shape_text({wanted, wanted + 4}));
      if (place == 3) keys = size;
      if (size == wanted[place] || place == 3) strides[place] = stride;
      stride *= size;
    }
  }
};

}  // namespace hone
