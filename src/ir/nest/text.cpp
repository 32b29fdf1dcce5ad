// The text form of a nest.

#include <map>

#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/nest/nest.hpp"
#include "ir/text/scanner.hpp"

namespace hone {
namespace {

/// `+=`, `max=`, `=`.
std::string assignment(const std::optional<Function>& fold) {
  if (!fold) return "=";
  if (*fold == Function::add) return "+=";
  if (*fold == Function::mul) return "*=";
  return cat(name(*fold), "=");
}

/// A name at the beginning of a line must not look like the word that begins another statement.
void append_first(std::string& out, std::string_view name) {
  for (const std::string_view word : {"for", "parallel", "vector", "unrolled", "contract"})
    if (name == word) return append_quoted(out, name);
  append_name(out, name);
}

class Printer {
 public:
  std::string print(const Nest& nest) {
    line(0);
    out_ += "nest ";
    append_name(out_, nest.name);
    for (const NestBuffer& buffer : nest.parameters) declare(buffer, 1);
    block(nest.body, 1);
    out_ += '\n';
    return std::move(out_);
  }

 private:
  void line(int depth) {
    if (!out_.empty()) out_ += '\n';
    out_.append(static_cast<size_t>(2 * depth), ' ');
  }

  void declare(const NestBuffer& buffer, int depth) {
    line(depth);
    append_first(out_, buffer.name);
    out_ += cat(": ", Type::tensor(buffer.dtype, buffer.shape));
    if (!buffer.strides.empty()) out_ += cat(" strides [", join(buffer.strides, ","), "]");
    out_ += cat(" ", name(buffer.scope));
  }

  void block(const Block& block, int depth) {
    for (const Statement& statement : block)
      std::visit([&](const auto& form) { this->statement(form, depth); }, statement.form);
  }

  void statement(const Allocate& made, int depth) { declare(made.buffer, depth); }

  void statement(const NestLoop& loop, int depth) {
    line(depth);
    out_ += name(loop.mode);
    if (loop.mode == Mode::vector) out_ += cat(" ", loop.width);
    out_ += cat(" ", Dim::variable(loop.variable), " < ", loop.extent);
    block(loop.body, depth + 1);
  }

  void statement(const Store& store, int depth) {
    line(depth);
    append_first(out_, store.buffer);
    out_ += cat("[", join(store.place, ", "), "] ", assignment(store.fold), " ", store.value);
  }

  void statement(const BlockProduct& contract, int depth) {
    const auto axis = [](const Axis& a) { return cat(a.variable, " < ", a.extent); };
    line(depth);
    out_ += "contract ";
    append_name(out_, contract.into);
    out_ += cat("[", axis(contract.row), ", ", axis(contract.column), "] +=");
    for (size_t i = 0; i < contract.depth.size(); ++i)
      out_ += cat(i > 0 ? ", " : " ", axis(contract.depth[i]));
    out_ += cat(": ", contract.a, " * ", contract.b);
  }

  std::string out_;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(lines_of(text)) {}

  Nest parse() {
    Nest nest;
    check(!lines_.empty(), Code::invalid_model, "found an empty text, wanted a nest");
    Scanner head(lines_[next_++]);
    if (!head.take_word("nest")) head.wrong("\"nest\"");
    head.next();
    nest.name = head.name("a name");
    if (!head.done()) head.wrong("the end of the line");
    const int indent = next_ < lines_.size() ? lines_[next_].indent : 0;
    nest.body = block(indent);
    if (next_ < lines_.size()) wrong_indent();
    // Parameters stand first.
    size_t parameters = 0;
    for (; parameters < nest.body.size(); ++parameters) {
      const Allocate* made = nest.body[parameters].as<Allocate>();
      if (made == nullptr || made->buffer.scope > Scope::output) break;
      nest.parameters.push_back(made->buffer);
    }
    nest.body.erase(nest.body.begin(), nest.body.begin() + static_cast<std::ptrdiff_t>(parameters));
    return nest;
  }

 private:
  [[noreturn]] void wrong_indent() {
    fail(Code::invalid_model, "line ", lines_[next_].number, ": found ", lines_[next_].indent,
         " spaces of indentation that fit no line above");
  }

  Block block(int indent) {
    Block block;
    while (next_ < lines_.size() && lines_[next_].indent == indent) {
      Scanner s(lines_[next_++]);
      block.push_back(statement(s));
      if (!s.done()) s.wrong("the end of the line");
      NestLoop* loop = block.back().as<NestLoop>();
      if (loop == nullptr || next_ == lines_.size() || lines_[next_].indent <= indent) continue;
      if (++depth_ > kDepth) s.fail("loops are nested deeper than ", kDepth);
      loop->body = this->block(lines_[next_].indent);
      --depth_;
    }
    if (next_ < lines_.size() && lines_[next_].indent > indent) wrong_indent();
    return block;
  }

  Statement statement(Scanner& s) {
    if (s.take_word("contract")) return {contract(s)};
    for (const Mode mode : {Mode::serial, Mode::parallel, Mode::vector, Mode::unrolled})
      if (s.take_word(name(mode))) return {loop(s, mode)};
    s.next();
    std::string name = s.name("a buffer");
    if (s.take(':')) return {declaration(s, std::move(name))};
    return {store(s, std::move(name))};
  }

  Allocate declaration(Scanner& s, std::string name) {
    s.next();
    const auto type = parse_type(s.rest());
    if (!type || !type->is_tensor() || !type->tensor().has_rank()) s.wrong("a tensor's type");
    Dims strides;
    if (s.take_word("strides")) {
      s.want('[');
      while (!s.ends(']', strides.empty())) strides.push_back(place(s));
    }
    for (int i = 0; i <= static_cast<int>(Scope::registers); ++i) {
      const auto scope = static_cast<Scope>(i);
      if (!s.take_word(hone::name(scope))) continue;
      buffers_.insert_or_assign(name, type->tensor().dtype);
      return {{std::move(name), type->tensor().dtype, type->tensor().shape(), scope,
               std::move(strides)}};
    }
    s.wrong("input, output, arena, shared, local or registers");
  }

  Dim place(Scanner& s) {
    s.next();
    const auto dim = parse_place(s.rest());
    if (!dim) s.wrong("a place");
    return *dim;
  }

  Axis axis(Scanner& s) {
    Dim variable = place(s);
    if (!variable.as_variable()) s.fail("found ", variable, ", wanted a variable");
    s.want('<');
    return {std::move(variable), place(s)};
  }

  NestLoop loop(Scanner& s, Mode mode) {
    NestLoop loop;
    loop.mode = mode;
    if (mode == Mode::vector) {
      const auto width = parse_int(take_token(s.rest()));
      if (!width || *width < 1 || *width > 1024) s.wrong("a width");
      loop.width = static_cast<int>(*width);
    }
    Axis head = axis(s);
    loop.variable = *head.variable.as_variable();
    loop.extent = std::move(head.extent);
    return loop;
  }

  Expr expr(Scanner& s) {
    return parse_expr(s, [&](std::string_view name) -> std::optional<DType> {
      const auto found = buffers_.find(name);
      if (found == buffers_.end()) return std::nullopt;
      return found->second;
    });
  }

  Store store(Scanner& s, std::string buffer) {
    s.want('[');
    Dims places;
    while (!s.ends(']', places.empty())) places.push_back(place(s));
    std::optional<Function> fold;
    if (s.take('+')) fold = Function::add;
    else if (s.take('*')) fold = Function::mul;
    else if (!s.at('=')) fold = parse_function(s.identifier());
    s.want('=');
    return {std::move(buffer), std::move(places), fold, expr(s)};
  }

  BlockProduct contract(Scanner& s) {
    s.next();
    std::string into = s.name("a buffer");
    s.want('[');
    Axis row = axis(s);
    s.want(',');
    Axis column = axis(s);
    s.want(']');
    s.want_text("+=");
    std::vector<Axis> depth;
    while (!s.take(':')) {
      if (!depth.empty()) s.want(',');
      depth.push_back(axis(s));
    }
    Expr a = expr(s);
    s.want('*');
    return {std::move(into),  std::move(row), std::move(column),
            std::move(depth), std::move(a),   expr(s)};
  }

  static constexpr int kDepth = 64;
  std::vector<Line> lines_;
  size_t next_ = 0;
  int depth_ = 0;
  std::map<std::string, DType, std::less<>> buffers_;
};

}  // namespace

std::string print(const Nest& nest) { return Printer().print(nest); }

Nest parse_nest(std::string_view text) { return Parser(text).parse(); }

}  // namespace hone
