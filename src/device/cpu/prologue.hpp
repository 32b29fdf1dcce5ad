#pragma once
// What the elements of a convolution's input go through before they are multiplied, where the step
// has it with it: factors and shifts of channels, clipping, functions of one operand. They are
// computed while the input is copied into patches.

#include "device/cpu/chain.hpp"
#include "device/cpu/recording.hpp"

namespace hone::cpu {

class Prologue {
 public:
  /// Whether the nodes before the chain's anchor are one; empty, or why not.
  static std::string_view refuses(const Problem& problem, const Chain& chain);
  /// Of a chain whose nodes are one.
  Prologue(const Problem& problem, const Chain& chain);

  bool is_empty() const { return is_empty_; }
  /// What it reads: an input of the region.
  const Source& input() const { return input_; }
  /// `count` elements of each of some channels, which are so far apart. `to` may be `from`.
  struct Planes {
    int64_t image, first, channels, count;
    const float* from;
    int64_t from_stride;
    float* to;
    int64_t to_stride;
  };
  void run(const Operands& operands, const Planes& planes) const;
  /// Adds what it reads beside the input.
  void read(const Operands& operands, Touched& all) const;

 private:
  /// Numbers that are multiplied with the elements, or added: one of each channel, of each image's
  /// channels, or one for all.
  struct Numbers {
    bool adds;
    Source source;
    std::vector<float> known;  // instead, of each channel
    /// Those of an image, and how far apart they are.
    struct Line {
      const float* numbers;
      int64_t stride;
    };
    Line line(const Operands& operands, size_t rank, int64_t image) const;
  };
  void add_norm(const Problem& problem, const Node& node);

  bool is_empty_;
  Source input_;
  size_t rank_;  // of the input
  std::vector<Numbers> numbers_;
  bool clips_ = false;
  Clipping clipping_;
  std::vector<Applied> applied_;
};

}  // namespace hone::cpu
