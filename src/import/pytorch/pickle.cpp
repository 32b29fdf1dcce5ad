#include "import/pytorch/pickle.hpp"

#include <cstring>
#include <map>

#include "import/report.hpp"

namespace hone::pytorch {

namespace {

constexpr size_t kMostValues = 4'000'000;
const Pickled kNone{};

}  // namespace

class PickleReader {
 public:
  PickleReader(Pickle& pickle, std::span<const std::byte> bytes, const std::string& name)
      : pickle_(pickle), bytes_(bytes), name_(name) {}

  void read() {
    while (!stopped_) step(static_cast<unsigned char>(take(1)[0]));
    want(stack_.size() == 1, "it leaves ", uint64_t{stack_.size()}, " values");
    pickle_.root_ = stack_.back();
    pickle_.size_ = at_;
  }

 private:
  template <class... Parts>
  void want(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      fail(Code::invalid_model, name_, " is no sound pickle: ", parts...);
  }

  std::string_view take(uint64_t count) {
    want(count <= bytes_.size() - at_, "it ends within a value");
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += count;
    return {begin, static_cast<size_t>(count)};
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    const void* end = std::memchr(begin, '\n', bytes_.size() - at_);
    want(end != nullptr, "a line without an end");
    const std::string_view found =
        take(static_cast<uint64_t>(static_cast<const char*>(end) - begin));
    take(1);
    return found;
  }

  Pickled& make(Pickled::Kind kind) {
    want(pickle_.values_.size() < kMostValues, "it has more than ", uint64_t{kMostValues},
         " values");
    Pickled& value = pickle_.values_.emplace_back();
    value.kind = kind;
    return value;
  }
  Pickled& push(Pickled::Kind kind) {
    Pickled& value = make(kind);
    stack_.push_back(&value);
    return value;
  }
  Pickled* pop() {
    want(!stack_.empty() && (marks_.empty() || stack_.size() > marks_.back()),
         "it takes a value that is not there");
    Pickled* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Pickled* top() {
    want(!stack_.empty(), "it takes a value that is not there");
    return stack_.back();
  }
  std::vector<const Pickled*> since_mark() {
    want(!marks_.empty() && marks_.back() <= stack_.size(), "it has no mark");
    const std::vector<const Pickled*> values(stack_.begin() + static_cast<int64_t>(marks_.back()),
                                             stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }
  void push_text(std::string_view text) { push(Pickled::Kind::text).text = text; }
  void push_integer(int64_t value) { push(Pickled::Kind::integer).integer = value; }
  void push_tuple(size_t count) {
    std::vector<const Pickled*> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    push(Pickled::Kind::tuple).items = std::move(items);
  }

  void add(Pickled* to, const std::vector<const Pickled*>& items) {
    want(
        to->is(Pickled::Kind::list) || to->is(Pickled::Kind::dict) || to->is(Pickled::Kind::object),
        "it puts values into what holds none");
    to->items.insert(to->items.end(), items.begin(), items.end());
  }

  /// A whole number of any length, little-endian.
  void push_long() {
    const std::string_view digits = take(static_cast<unsigned char>(take(1)[0]));
    want(digits.size() <= 8, "a number of ", uint64_t{digits.size()}, " bytes");
    uint64_t value = 0;
    std::memcpy(&value, digits.data(), digits.size());
    const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
    if (negative && digits.size() < 8) value |= ~uint64_t{0} << (8 * digits.size());
    push_integer(static_cast<int64_t>(value));
  }

  void push_real() {
    uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    std::memcpy(&push(Pickled::Kind::real).real, &bits, sizeof bits);
  }

  void get(uint64_t place) {
    const auto found = memo_.find(place);
    want(found != memo_.end(), "it reads place ", place, ", which it has not written");
    stack_.push_back(found->second);
  }

  void make_object() {
    Pickled* arguments = pop();
    Pickled* callee = pop();
    want(callee->is(Pickled::Kind::global), "it calls what is no name");
    push(Pickled::Kind::object).items = {callee, arguments};
  }

  void global(std::string_view module, std::string_view name) {
    want(module.size() + name.size() < 4096, "a name of ", uint64_t{module.size()}, " bytes");
    push(Pickled::Kind::global).text = cat(module, ".", name);
  }

  void step(unsigned char op) {
    if (constant(op) || container(op) || memo(op)) return;
    switch (op) {
      case 0x80: take(1); break;  // which version
      case 0x95: take(8); break;  // how long a frame is
      case '.': stopped_ = true; break;
      case '0': pop(); break;
      case '(': marks_.push_back(stack_.size()); break;
      case 'c': {
        const std::string_view module = line();
        global(module, line());
        break;
      }
      case 0x93: {
        const Pickled* name = pop();
        const Pickled* module = pop();
        global(module->text, name->text);
        break;
      }
      case 'R':
      case 0x81: make_object(); break;
      case 'b': {
        Pickled* state = pop();
        top()->state = state;
        break;
      }
      case 'Q': {
        const Pickled* id = pop();
        push(Pickled::Kind::persistent).items = {id};
        break;
      }
      default:
        fail(Code::unsupported, name_, " is a pickle with opcode ", uint64_t{op},
             ", which no file of weights needs");
    }
  }

  bool constant(unsigned char op) {
    switch (op) {
      case 'N': push(Pickled::Kind::none); return true;
      case 0x88:
      case 0x89: push(Pickled::Kind::boolean).integer = op == 0x88; return true;
      case 'J': push_integer(number<int32_t>()); return true;
      case 'K': push_integer(number<uint8_t>()); return true;
      case 'M': push_integer(number<uint16_t>()); return true;
      case 0x8a: push_long(); return true;
      case 'G': push_real(); return true;
      case 'X':
      case 'T':
      case 'B': push_text(take(number<uint32_t>())); return true;
      case 0x8c:
      case 'U':
      case 'C': push_text(take(number<uint8_t>())); return true;
      case 0x8d:
      case 0x8e: push_text(take(number<uint64_t>())); return true;
      default: return false;
    }
  }

  bool container(unsigned char op) {
    switch (op) {
      case ']': push(Pickled::Kind::list); return true;
      case '}': push(Pickled::Kind::dict); return true;
      case ')': push(Pickled::Kind::tuple); return true;
      case 't': {
        auto items = since_mark();
        push(Pickled::Kind::tuple).items = std::move(items);
        return true;
      }
      case 0x85:
      case 0x86:
      case 0x87: push_tuple(op - 0x84U); return true;
      case 'a': {
        const Pickled* item = pop();
        add(top(), {item});
        return true;
      }
      case 's': {
        const Pickled* value = pop();
        const Pickled* key = pop();
        add(top(), {key, value});
        return true;
      }
      case 'e':
      case 'u': {
        const auto items = since_mark();
        want(op == 'e' || items.size() % 2 == 0, "a key without a value");
        add(top(), items);
        return true;
      }
      default: return false;
    }
  }

  bool memo(unsigned char op) {
    switch (op) {
      case 'q': memo_[number<uint8_t>()] = top(); return true;
      case 'r': memo_[number<uint32_t>()] = top(); return true;
      case 0x94: {
        const uint64_t place = memo_.size();
        memo_[place] = top();
        return true;
      }
      case 'h': get(number<uint8_t>()); return true;
      case 'j': get(number<uint32_t>()); return true;
      default: return false;
    }
  }

  Pickle& pickle_;
  std::span<const std::byte> bytes_;
  const std::string& name_;
  size_t at_ = 0;
  bool stopped_ = false;
  std::vector<Pickled*> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, Pickled*> memo_;
};

Pickle::Pickle(std::span<const std::byte> bytes, std::string name) {
  PickleReader(*this, bytes, name).read();
}

const Pickled* Pickled::find(std::string_view key) const {
  const size_t first = is(Pickled::Kind::object) ? 2 : 0;
  if (!is(Pickled::Kind::object) && !is(Pickled::Kind::dict)) return nullptr;
  for (size_t i = first; i + 1 < items.size(); i += 2)
    if (items[i]->is(Pickled::Kind::text) && items[i]->text == key) return items[i + 1];
  return nullptr;
}

std::string_view Pickled::callee() const {
  return is(Pickled::Kind::object) ? std::string_view(items[0]->text) : std::string_view();
}

}  // namespace hone::pytorch
