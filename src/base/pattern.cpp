#include "base/pattern.hpp"

#include <optional>

#include "base/error.hpp"

namespace hone {
namespace {

constexpr size_t kMostStates = 10'000;
constexpr int kMostRepeats = 1000, kDeepest = 100;

bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(int c) { return is_digit(c) || is_letter(c) || c == '_'; }
bool is_blank(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

/// Reads the expression and makes states of it (Thompson 1968).
class PatternReader {
 public:
  PatternReader(Pattern& pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  void run() {
    const Part whole = read_choice(0);
    if (at_ < text_.size()) wrong(at_, "a ) without its (");
    pattern_.first_ = whole.first;
    pattern_.last_ = whole.last;
  }

 private:
  using Kind = Pattern::Kind;
  using Bytes = Pattern::Bytes;
  /// States from `first` on lead to `last`, which leads nowhere yet.
  struct Part {
    int first, last;
  };
  struct Repeats {
    int least, most;  // most -1: no end
  };

  template <class... Parts>
  [[noreturn]] void wrong(size_t at, const Parts&... parts) const {
    constexpr size_t kShown = 80;
    fail(Code::usage, "character ", at + 1, " of \"", text_.substr(0, kShown),
         text_.size() > kShown ? "..." : "", "\": ", parts...);
  }
  bool done() const { return at_ >= text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  int add(Kind kind, int next = -1, int other = -1, int bytes = -1) {
    if (pattern_.states_.size() >= kMostStates)
      wrong(at_, "up to here the expression has more than ", kMostStates, " parts, each repeat ",
            "counted");
    pattern_.states_.push_back({kind, next, other, bytes});
    return static_cast<int>(pattern_.states_.size()) - 1;
  }
  Pattern::State& state(int i) { return pattern_.states_[static_cast<size_t>(i)]; }

  Part nothing() {
    const int only = add(Kind::pass);
    return {only, only};
  }
  Part leading(Kind kind, int bytes = -1) {
    const int last = add(Kind::pass);
    return {add(kind, last, -1, bytes), last};
  }
  Part of_bytes(const Bytes& bytes) {
    pattern_.sets_.push_back(bytes);
    return leading(Kind::bytes, static_cast<int>(pattern_.sets_.size()) - 1);
  }
  Part joined(const Part& a, const Part& b) {
    state(a.last).next = b.first;
    return {a.first, b.last};
  }

  Part read_choice(int depth) {
    if (depth > kDeepest) wrong(at_, "groups are nested deeper than ", kDeepest);
    Part all = read_row(depth);
    while (take('|')) {
      const Part other = read_row(depth);
      const int last = add(Kind::pass);
      state(all.last).next = state(other.last).next = last;
      all = {add(Kind::pass, all.first, other.first), last};
    }
    return all;
  }

  Part read_row(int depth) {
    Part all = nothing();
    while (!done() && text_[at_] != '|' && text_[at_] != ')')
      all = joined(all, read_repeated(depth));
    return all;
  }

  Part read_repeated(int depth) {
    const size_t begin = at_;
    Part once = read_one(depth);
    const size_t end = at_;
    const auto repeats = read_repeats();
    if (!repeats) return once;
    const size_t behind = at_;
    // Every repeat has states of its own: it is read again.
    const auto again = [&] {
      at_ = begin;
      const Part part = read_one(depth);
      at_ = end;
      return part;
    };
    Part all = nothing();
    for (int i = 0; i < repeats->least; ++i) {
      all = joined(all, once);
      if (i + 1 < repeats->least || repeats->most != repeats->least) once = again();
    }
    if (repeats->most < 0) all = joined(all, any_number(once));
    for (int i = repeats->least; i < repeats->most; ++i) {
      all = joined(all, perhaps(once));
      if (i + 1 < repeats->most) once = again();
    }
    at_ = behind;
    return all;
  }

  Part any_number(const Part& part) {
    const int last = add(Kind::pass);
    const int fork = add(Kind::pass, part.first, last);
    state(part.last).next = fork;
    return {fork, last};
  }
  Part perhaps(const Part& part) {
    const int last = add(Kind::pass);
    state(part.last).next = last;
    return {add(Kind::pass, part.first, last), last};
  }

  std::optional<Repeats> read_repeats() {
    std::optional<Repeats> repeats;
    const size_t at = at_;
    if (take('*')) repeats = {0, -1};
    else if (take('+')) repeats = {1, -1};
    else if (take('?')) repeats = {0, 1};
    else if (take('{')) repeats = read_counts(at);
    if (!repeats) return repeats;
    take('?');  // as few as can be: the same answer
    if (!done() && (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '{'))
      wrong(at_, "a repeat of a repeat; put the first into ( )");
    return repeats;
  }

  Repeats read_counts(size_t at) {
    const auto number = [&] {
      int value = 0;
      const size_t first = at_;
      for (; !done() && is_digit(text_[at_]); ++at_) {
        value = value * 10 + (text_[at_] - '0');
        if (value > kMostRepeats) wrong(first, "more than ", kMostRepeats, " repeats");
      }
      return at_ == first ? -1 : value;
    };
    const int least = number();
    const int most = take(',') ? number() : least;
    if (least < 0 || !take('}')) wrong(at, "a { that is none of {2}, {2,} and {2,5}");
    if (most >= 0 && most < least) wrong(at, "the repeats end before they begin");
    return {least, most};
  }

  Part read_one(int depth) {
    const size_t at = at_;
    const char c = text_[at_++];
    if (c == '(') {
      if (take('?') && !take(':')) wrong(at, "(? is known in (?: only");
      const Part inner = read_choice(depth + 1);
      if (!take(')')) wrong(at, "a ( without its )");
      return inner;
    }
    if (c == '*' || c == '+' || c == '?' || c == '{') wrong(at, "there is nothing to repeat");
    if (c == '^') return leading(Kind::begin);
    if (c == '$') return leading(Kind::end);
    if (c == '[') return of_bytes(read_class(at));
    if (c == '.') return of_bytes(~Bytes().set('\n').set('\r'));
    if (c != '\\') return of_bytes(Bytes().set(static_cast<uint8_t>(c)));
    if (take('b')) return leading(Kind::word_edge);
    if (take('B')) return leading(Kind::no_word_edge);
    return of_bytes(read_escape(at));
  }

  /// Behind a backslash.
  Bytes read_escape(size_t at) {
    if (done()) wrong(at, "a \\ at the end");
    const char c = text_[at_++];
    const auto all = [](bool (*is)(int), bool wanted) {
      Bytes bytes;
      for (int i = 0; i < 256; ++i) bytes[static_cast<size_t>(i)] = is(i) == wanted;
      return bytes;
    };
    switch (c) {
      case 'd': return all(is_digit, true);
      case 'D': return all(is_digit, false);
      case 'w': return all(is_word, true);
      case 'W': return all(is_word, false);
      case 's': return all(is_blank, true);
      case 'S': return all(is_blank, false);
      case 'n': return Bytes().set('\n');
      case 'r': return Bytes().set('\r');
      case 't': return Bytes().set('\t');
      case 'f': return Bytes().set('\f');
      case 'v': return Bytes().set('\v');
      case 'x': {
        const int high = at_ + 1 < text_.size() ? hex_value(text_[at_]) : -1;
        const int low = high < 0 ? -1 : hex_value(text_[at_ + 1]);
        if (low < 0) wrong(at, "\\x wants two hexadecimal digits");
        at_ += 2;
        return Bytes().set(static_cast<size_t>(high * 16 + low));
      }
      default: break;
    }
    if (is_digit(c)) wrong(at, "what a group matched cannot be referred to");
    if (is_letter(c)) wrong(at, "\\", c, " is not known");
    return Bytes().set(static_cast<uint8_t>(c));
  }

  /// Behind a [ at `at`.
  Bytes read_class(size_t at) {
    const bool others = take('^');
    Bytes bytes;
    while (!take(']')) {
      if (done()) wrong(at, "a [ without its ]");
      const size_t begin = at_;
      const Bytes low = read_member();
      const bool is_range = at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']';
      if (!is_range) {
        bytes |= low;
        continue;
      }
      ++at_;
      const Bytes high = read_member();
      const size_t first = low._Find_first(), last = high._Find_first();
      if (low.count() != 1 || high.count() != 1 || first > last)
        wrong(begin, "not a range of characters");
      for (size_t i = first; i <= last; ++i) bytes.set(i);
    }
    return others ? ~bytes : bytes;
  }

  Bytes read_member() {
    const size_t at = at_;
    const char c = text_[at_++];
    if (c == '\\') return read_escape(at);
    if (static_cast<uint8_t>(c) >= 0x80) wrong(at, "only ASCII characters may stand in [ ]");
    return Bytes().set(static_cast<uint8_t>(c));
  }

  Pattern& pattern_;
  std::string_view text_;
  size_t at_ = 0;
};

Pattern::Pattern(std::string_view expression) { PatternReader(*this, expression).run(); }

/// The states that may be stood in at one place of the text.
class Pattern::Walk {
 public:
  explicit Walk(const Pattern& pattern)
      : pattern_(pattern), seen_(pattern.states_.size(), 0), stack_(), standing_() {}

  /// Adds all that `state` leads to without a byte. true: to the end.
  bool enter(int state, const Place& place) {
    bool found = false;
    stack_.assign(1, state);
    while (!stack_.empty()) {
      const int at = stack_.back();
      stack_.pop_back();
      if (at < 0 || seen_[static_cast<size_t>(at)] == round_) continue;
      seen_[static_cast<size_t>(at)] = round_;
      found |= at == pattern_.last_;
      const State& each = pattern_.states_[static_cast<size_t>(at)];
      if (each.kind == Kind::bytes) standing_.push_back(at);
      else if (holds(each.kind, place)) stack_.insert(stack_.end(), {each.other, each.next});
    }
    return found;
  }

  /// Past the byte at this place, to `behind`. true: the end is reached.
  bool step(uint8_t byte, const Place& behind) {
    ++round_;
    before_.swap(standing_);
    standing_.clear();
    bool found = false;
    for (const int at : before_) {
      const State& each = pattern_.states_[static_cast<size_t>(at)];
      if (pattern_.sets_[static_cast<size_t>(each.bytes)][byte]) found |= enter(each.next, behind);
    }
    return found;
  }

 private:
  static bool holds(Kind kind, const Place& place) {
    const bool edge = is_word(place.before) != is_word(place.after);
    switch (kind) {
      case Kind::begin: return place.before < 0;
      case Kind::end: return place.after < 0;
      case Kind::word_edge: return edge;
      case Kind::no_word_edge: return !edge;
      default: return true;
    }
  }

  const Pattern& pattern_;
  std::vector<uint32_t> seen_;  // the last round that each state was entered in
  uint32_t round_ = 1;
  std::vector<int> stack_, standing_, before_;
};

bool Pattern::found_in(std::string_view text) const {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<int>(static_cast<uint8_t>(text[i])) : -1;
  };
  Walk walk(*this);
  if (walk.enter(first_, {-1, byte(0)})) return true;
  for (size_t i = 0; i < text.size(); ++i) {
    const Place behind{byte(i), byte(i + 1)};
    // A match may begin anywhere.
    if (walk.step(static_cast<uint8_t>(text[i]), behind) || walk.enter(first_, behind)) return true;
  }
  return false;
}

}  // namespace hone
