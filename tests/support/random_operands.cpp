#include "support/random_operands.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "base/text.hpp"

namespace hone::test {

Tensor DrawnGraph::numbers(DType type, const std::vector<int64_t>& shape, int64_t low,
                           int64_t high) {
  expect_few(shape);
  Tensor tensor(type, shape);
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (is_float(type))
      tensor.set_number(i, static_cast<double>(rng.between(4 * low, 4 * high)) / 4);
    else tensor.set_integer(i, rng.between(low, high));
  }
  return tensor;
}

void DrawnGraph::expect_few(const std::vector<int64_t>& shape) const {
  const bool few = try_element_count(shape).value_or(INT64_MAX) <= options.most_elements;
  check(few || options.sizes.empty(), Code::unsupported, "a tensor of shape ", shape_text(shape));
}

Tensor DrawnGraph::numbers(DType type, const std::vector<int64_t>& shape) {
  if (type == DType::boolean) return numbers(type, shape, 0, 1);
  return is_signed(type) ? numbers(type, shape, -2, 3) : numbers(type, shape, 0, 5);
}

Value* DrawnGraph::constant(Tensor tensor) {
  Value* value = graph.add_constant(
      constants == nullptr ? std::string("c") : cat("c", ++*constants), Weight::of(tensor));
  contents.emplace(value, std::move(tensor));
  return value;
}

Value* DrawnGraph::input(DType type, const std::vector<int64_t>& shape) {
  Dims dims;
  for (const int64_t size : shape) {
    dims.emplace_back(size);
    if (!rng.percent(35)) continue;
    const std::string name = cat("n", size);  // equal sizes are the same symbol
    symbols[name] = size;
    dims.back() = Dim::symbol(name);
  }
  inputs.push_back(numbers(type, shape));
  Value* value = graph.add_input("x", Type::tensor(type, std::move(dims)));
  contents.emplace(value, inputs.back());
  pool.push_back(value);
  return value;
}

DType DrawnGraph::any_dtype() {
  if (options.halves && rng.percent(50)) return rng.among({DType::f16, DType::f16, DType::bf16});
  return rng.among({DType::f32, DType::f32, DType::f32, DType::f32, DType::f32, DType::f32,
                    DType::i64, DType::i64, DType::i32, DType::boolean, DType::f64, DType::f16,
                    DType::u8, DType::i8});
}

std::vector<int64_t> DrawnGraph::any_shape() {
  std::vector<int64_t> shape;
  for (int64_t rank = rng.among({0, 1, 2, 2, 3, 3, 4, 4}); rank > 0; --rank)
    shape.push_back(!options.sizes.empty() ? rng.among(options.sizes)
                    : options.kinds == nullptr && rng.percent(3)
                        ? 0
                        : rng.among({1, 2, 3, 4, 4, 5, 6, 8}));
  return shape;
}

namespace {

int64_t small_integer(Rng& rng) { return rng.among({0, 1, 1, 2, 2, 3, 4, -1, -2}); }

/// Another value for one field; fields of bodies and text stay.
struct DrawField {
  Rng& rng;
  void operator()(int64_t* v) const { *v = small_integer(rng); }
  void operator()(float* v) const { *v = rng.among({0.0f, 0.25f, 0.5f, 1.0f, 2.0f, -1.0f}); }
  void operator()(bool* v) const { *v = rng.percent(50); }
  void operator()(DType* v) const { *v = static_cast<DType>(rng.below(kDTypeCount)); }
  void operator()(const EnumField& v) const {
    *v.value = static_cast<uint8_t>(rng.below(static_cast<int64_t>(v.names.size())));
  }
  void operator()(Dim* v) const { *v = Dim(rng.between(1, 4)); }
  void operator()(Tensor* v) const {
    *v = Tensor::scalar(rng.among({DType::f32, DType::i64}), static_cast<double>(rng.below(3)));
  }
  void operator()(std::vector<int64_t>* v) const {
    v->resize(static_cast<size_t>(rng.below(5)));
    for (int64_t& number : *v) number = small_integer(rng);
  }
  void operator()(std::vector<float>* v) const {
    v->resize(static_cast<size_t>(rng.below(4)));
    for (float& number : *v) number = static_cast<float>(small_integer(rng));
  }
  void operator()(std::optional<Dims>* v) const {
    if (rng.percent(20)) return v->reset();
    v->emplace();
    for (int64_t left = rng.below(5); left > 0; --left) (*v)->emplace_back(small_integer(rng));
  }
  void operator()(std::optional<int64_t>* v) const { *v = small_integer(rng); }
  void operator()(Type*) const {}
  void operator()(std::string*) const {}
  void operator()(std::vector<std::string>*) const {}
  void operator()(Body*) const {}
};

std::string_view pick(std::string_view alternatives, Rng& rng) {
  const std::vector<std::string_view> options = split(alternatives, '|');
  return rng.among(options);
}

/// $a becomes the number of letter a.
std::string replaced(std::string_view text, const std::map<char, int64_t>& letters) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) result += text[i];
    else result += cat(letters.at(text[++i]));
  }
  return result;
}

/// The contents of a field where the hint gives one.
std::string_view hinted(const Hint* hint, std::string_view field) {
  if (hint == nullptr) return {};
  for (const std::string_view part : split(hint->fields, ' '))
    if (part.starts_with(field) && part.substr(field.size()).starts_with("="))
      return part.substr(field.size() + 1);
  return {};
}

}  // namespace

Op draw_op(const OpClass& op_class, const Hint* hint, const std::map<char, int64_t>& letters,
           Rng& rng) {
  const std::shared_ptr<void> data = op_class.copy(nullptr);
  FieldList fields;
  op_class.fields(data.get(), fields);
  const int64_t redrawn = hint == nullptr ? 40 : 8;
  for (const Field& field : fields.list()) {
    if (const std::string_view given = hinted(hint, field.name); !given.empty()) {
      const std::string text = replaced(pick(given, rng), letters);
      std::string_view rest = text;
      check(parse_field(rest, field.ref) && rest.empty(), Code::internal, "the hint of ",
            op_class.name, " has ", field.name, "=", text, ", which cannot be read");
    } else if (rng.percent(redrawn)) {
      std::visit(DrawField{rng}, field.ref);
    }
  }
  return Op::of(op_class, data);
}

namespace {

Value* like(DrawnGraph& drawn, const Tensor& first) {
  std::vector<int64_t> shape = first.shape();
  const int64_t way = drawn.rng.below(4);
  if (way == 0) shape.clear();
  if (way == 1 && !shape.empty()) shape = {shape.back()};
  if (way == 2)
    for (int64_t& size : shape) size = drawn.rng.percent(50) ? 1 : size;
  return drawn.constant(drawn.numbers(first.dtype(), shape));
}

Value* another(DrawnGraph& drawn, const Value* first) {
  Rng& rng = drawn.rng;
  const Tensor& content = drawn.of(first);
  const int64_t way = rng.below(100);
  if (way < 25) return like(drawn, content);
  if (way < 40) return drawn.constant(drawn.numbers(DType::i64, {rng.below(4)}, 0, 2));
  std::vector<Value*> fitting;
  for (Value* value : drawn.pool)
    if (way >= 90 || drawn.of(value).dtype() == content.dtype()) fitting.push_back(value);
  return rng.among(fitting);
}

}  // namespace

Value* recent(DrawnGraph& drawn) {
  if (drawn.pool.empty())
    drawn.pool.push_back(drawn.constant(drawn.numbers(drawn.any_dtype(), drawn.any_shape())));
  const auto size = static_cast<int64_t>(drawn.pool.size());
  const int64_t back = std::min(drawn.rng.below(size), drawn.rng.below(size));
  return drawn.pool[static_cast<size_t>(size - 1 - back)];
}

std::vector<Value*> draw_operands(DrawnGraph& drawn, const OpClass& op_class) {
  const Arity arity = op_class.inputs;
  const int most = std::min(arity.most, arity.least + 3);
  const int64_t count = drawn.rng.between(arity.least, std::max(arity.least, most));
  std::vector<Value*> operands;
  for (int64_t i = 0; i < count; ++i) {
    if (i == 0) operands.push_back(recent(drawn));
    else if (i >= arity.least && drawn.rng.percent(15)) operands.push_back(nullptr);
    else operands.push_back(another(drawn, operands.front()));
  }
  return operands;
}

namespace {

/// One operand of a hint, taken apart.
struct Pattern {
  std::string_view type, contents;
  std::vector<std::string_view> dims;
  bool any_shape = false, optional = false, many = false;
};

Pattern pattern_of(std::string_view text) {
  Pattern pattern;
  pattern.optional = text.ends_with('?');
  pattern.many = text.ends_with('+');
  if (pattern.optional || pattern.many) text.remove_suffix(1);
  const size_t open = text.find('['), close = text.find(']');
  pattern.type = text.substr(0, open);
  const std::string_view dims = text.substr(open + 1, close - open - 1);
  pattern.any_shape = dims == "*";
  if (!pattern.any_shape && !dims.empty()) pattern.dims = split(dims, ',');
  if (close + 2 < text.size()) pattern.contents = text.substr(close + 2, text.size() - close - 3);
  return pattern;
}

/// What a dimension of a pattern is; its letter is drawn where it has no number yet.
int64_t size_of(std::string_view dim, std::map<char, int64_t>& letters, Rng& rng,
                const std::vector<int64_t>& sizes = {}) {
  int64_t factor = 1, digits = 0;
  while (digits < std::ssize(dim) && dim[static_cast<size_t>(digits)] <= '9') ++digits;
  const auto number = static_cast<size_t>(digits);
  if (number > 0) factor = parse_int(dim.substr(0, number)).value_or(1);
  if (number == dim.size()) return factor;
  const char letter = dim[number];
  if (!letters.contains(letter))
    letters[letter] = !sizes.empty()   ? rng.among(sizes)
                      : rng.percent(2) ? 0
                                       : rng.among({1, 2, 2, 3, 3, 4, 5});
  return factor * letters[letter];
}

bool fits(DType type, std::string_view pattern, std::optional<DType> first) {
  if (pattern == "A") return true;
  if (pattern == "F")
    return type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
  if (pattern == "N") return is_float(type) || is_integer(type);
  if (pattern == "X") return type == first;
  return name(type) == pattern;
}

bool fits(const Tensor& content, const Pattern& pattern, std::map<char, int64_t>& letters) {
  if (pattern.any_shape) return true;
  if (content.rank() != std::ssize(pattern.dims)) return false;
  std::map<char, int64_t> now = letters;
  for (size_t i = 0; i < pattern.dims.size(); ++i) {
    const std::string_view dim = pattern.dims[i];
    const bool free = dim.size() == 1 && dim[0] > '9' && !now.contains(dim[0]);
    if (free) now[dim[0]] = content.shape()[i];
    Rng unused(0);
    if (size_of(dim, now, unused) != content.shape()[i]) return false;
  }
  letters = std::move(now);
  return true;
}

DType dtype_for(std::string_view pattern, std::optional<DType> first, DrawnGraph& drawn) {
  for (int i = 0; i < 50; ++i)
    if (const DType type = drawn.any_dtype(); fits(type, pattern, first)) return type;
  return first.value_or(DType::f32);
}

Value* hinted_constant(DrawnGraph& drawn, const Pattern& pattern, DType type,
                       const std::vector<int64_t>& shape) {
  drawn.expect_few(shape);
  const size_t dots = pattern.contents.find("..");
  if (dots != std::string_view::npos)
    return drawn.constant(drawn.numbers(type, shape,
                                        parse_int(pattern.contents.substr(0, dots)).value_or(0),
                                        parse_int(pattern.contents.substr(dots + 2)).value_or(1)));
  const auto options = split(pattern.contents, ',');
  Tensor tensor(type, shape);
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.set_number(
        i, std::strtod(std::string(options[static_cast<size_t>(i) % options.size()]).c_str(),
                       nullptr));
  return drawn.constant(std::move(tensor));
}

/// A sequence or an optional; null: there is none.
Value* other_for(DrawnGraph& drawn, Type::Kind kind) {
  std::vector<Value*> fitting;
  for (Value* value : drawn.others)
    if (value->type.kind() == kind) fitting.push_back(value);
  return fitting.empty() ? nullptr : drawn.rng.among(fitting);
}

Value* operand_for(DrawnGraph& drawn, const Pattern& pattern, std::optional<DType> first,
                   std::map<char, int64_t>& letters) {
  Rng& rng = drawn.rng;
  if (pattern.type == "S") return other_for(drawn, Type::Kind::sequence);
  if (pattern.type == "O") return other_for(drawn, Type::Kind::optional);
  if (pattern.contents.empty() && (!first || rng.percent(60))) {
    std::vector<Value*> fitting;
    for (Value* value : drawn.pool) {
      std::map<char, int64_t> now = letters;
      const Tensor& content = drawn.of(value);
      if (fits(content.dtype(), pattern.type, first) && fits(content, pattern, now))
        fitting.push_back(value);
    }
    if (!fitting.empty()) {
      Value* value = rng.among(fitting);
      (void)fits(drawn.of(value), pattern, letters);
      return value;
    }
  }
  std::vector<int64_t> shape;
  if (pattern.any_shape) shape = drawn.any_shape();
  for (const std::string_view dim : pattern.dims)
    shape.push_back(size_of(dim, letters, rng, drawn.options.sizes));
  const DType type = parse_dtype(pattern.type).value_or(dtype_for(pattern.type, first, drawn));
  if (!pattern.contents.empty()) return hinted_constant(drawn, pattern, type, shape);
  if (!drawn.closed && std::ssize(drawn.inputs) < 6 && rng.percent(40))
    return drawn.input(type, shape);
  return drawn.constant(drawn.numbers(type, shape));
}

/// ^: the first result of the motif's last node; ^1, ^1.2: of its node 1, result 2. Null: none
/// such.
Value* of_motif(std::string_view text, const std::vector<std::vector<Value*>>& steps) {
  text.remove_prefix(1);
  const std::vector<std::string_view> parts = split(text, '.');
  const int64_t last = std::ssize(steps) - 1;
  const int64_t step = parts[0].empty() ? last : parse_int(parts[0]).value_or(last);
  const int64_t result = parts.size() > 1 ? parse_int(parts[1]).value_or(0) : 0;
  if (step < 0 || step > last || result >= std::ssize(steps[static_cast<size_t>(step)]))
    return nullptr;
  return steps[static_cast<size_t>(step)][static_cast<size_t>(result)];
}

}  // namespace

std::vector<Value*> draw_operands(DrawnGraph& drawn, const Hint& hint,
                                  std::map<char, int64_t>& letters,
                                  const std::vector<std::vector<Value*>>& steps) {
  std::vector<Value*> operands;
  std::optional<DType> first;
  for (const std::string_view text : split(hint.operands, ' ')) {
    if (text == "_") {
      operands.push_back(nullptr);
      continue;
    }
    const bool made = text.starts_with('^');
    const Pattern pattern = made ? Pattern() : pattern_of(text);
    if (pattern.optional && drawn.rng.percent(35)) {
      operands.push_back(nullptr);
      continue;
    }
    for (int64_t left = pattern.many ? drawn.rng.between(1, 3) : 1; left > 0; --left) {
      operands.push_back(made ? of_motif(text, steps)
                              : operand_for(drawn, pattern, first, letters));
      if (operands.back() == nullptr) return {};
      if (!first) first = drawn.of(operands.back()).dtype();
    }
  }
  return operands;
}

}  // namespace hone::test
