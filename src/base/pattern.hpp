#pragma once
// Regular expressions, matched in time proportional to the text: all ways through the expression
// are followed at once, so that none is ever tried again.

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hone {

/// A regular expression over bytes. What it may have:
///   x  .  \n \r \t \f \v \xHH   a character; any but a line's end; as in C
///   [a-z_] [^a-z]               one of these; one of the others
///   \d \w \s, \D \W \S          digits, letters with digits and _, blanks; the others
///   ^ $ \b \B                   the text's begin, its end; where a word begins or ends, or not
///   ab  a|b  (a)  (?:a)         one after the other; one of both; a group
///   a* a+ a? a{2} a{2,} a{2,5}  repeats, to 1000 at most
/// Any other character stands for itself after a \. Nothing refers to what a group has matched.
class Pattern {
 public:
  /// Error(usage) naming the place of what is wrong: "character 3 of \"a(b\": ...".
  explicit Pattern(std::string_view expression);

  /// Some part of the text matches, perhaps an empty one.
  bool found_in(std::string_view text) const;

 private:
  friend class PatternReader;
  using Bytes = std::bitset<256>;
  enum class Kind : uint8_t {
    pass,   // on to next, and to other where there is one
    bytes,  // on to next by one byte of a set
    begin,  // on to next at these places only
    end,
    word_edge,
    no_word_edge,
  };
  struct State {
    Kind kind = Kind::pass;
    int next = -1, other = -1, bytes = -1;  // places in states_, in sets_
  };
  struct Place {
    int before, after;  // the bytes around; -1: none
  };
  class Walk;

  std::vector<State> states_;
  std::vector<Bytes> sets_;
  int first_ = -1, last_ = -1;
};

}  // namespace hone
