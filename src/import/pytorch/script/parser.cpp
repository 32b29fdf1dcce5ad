#include "base/error.hpp"
#include "import/pytorch/script/lexer.hpp"
#include "import/pytorch/script/syntax.hpp"
#include "import/report.hpp"

namespace hone::pytorch {
namespace {

constexpr int kParsedDepth = 200;  // of expressions and blocks

class Parser {
 public:
  Parser(std::vector<Token> tokens, const std::string& file)
      : tokens_(std::move(tokens)), file_(file) {}

  SourceFile read() {
    SourceFile file;
    while (!at_end()) {
      if (skip(Token::Kind::new_line)) continue;
      if (is_name("class")) {
        ClassDefinition made = read_class();
        file.classes.emplace(made.name, std::move(made));
      } else if (is_name("def")) {
        Definition made = read_definition();
        file.functions.emplace(made.name, std::move(made));
      } else {
        statement();  // versions, imports of constants: nothing that is needed
      }
    }
    return file;
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail(Code::invalid_model, file_, ", line ", token().line, ": ", parts...);
  }
  const Token& token() const { return tokens_[std::min(at_, tokens_.size() - 1)]; }
  bool at_end() const { return token().kind == Token::Kind::end; }
  bool is_sign(std::string_view text) const {
    return token().kind == Token::Kind::sign && token().text == text;
  }
  bool is_name(std::string_view text) const {
    return token().kind == Token::Kind::name && token().text == text;
  }
  bool skip(Token::Kind kind) {
    if (token().kind != kind) return false;
    ++at_;
    return true;
  }
  bool skip_sign(std::string_view text) {
    if (!is_sign(text)) return false;
    ++at_;
    return true;
  }
  bool skip_name(std::string_view text) {
    if (!is_name(text)) return false;
    ++at_;
    return true;
  }
  void want_sign(std::string_view text) {
    if (!skip_sign(text)) wrong("found ", shown(token().text), ", wanted ", text);
  }
  std::string want_name() {
    if (token().kind != Token::Kind::name) wrong("found ", shown(token().text), ", wanted a name");
    return tokens_[at_++].text;
  }

  std::unique_ptr<Expression> make(Expression::Kind kind, std::string text = {}) const {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->text = std::move(text);
    made->line = token().line;
    return made;
  }

  struct Deeper {
    explicit Deeper(Parser& parser) : parser(parser) {
      if (++parser.depth_ > kParsedDepth) parser.wrong("nested too deep");
    }
    ~Deeper() { --parser.depth_; }
    Parser& parser;
  };

  ClassDefinition read_class() {
    skip_name("class");
    ClassDefinition made;
    made.name = want_name();
    if (skip_sign("(")) {
      while (!is_sign(")") && !at_end()) expression(), skip_sign(",");
      want_sign(")");
    }
    want_sign(":");
    skip(Token::Kind::new_line);
    if (!skip(Token::Kind::indent)) return made;
    while (!skip(Token::Kind::dedent) && !at_end()) {
      if (skip(Token::Kind::new_line)) continue;
      if (is_name("def")) {
        Definition method = read_definition();
        made.methods.emplace(method.name, std::move(method));
        continue;
      }
      read_attribute(made);
    }
    return made;
  }

  /// "name : type", "name : Final[type] = value", "__annotations__["0"] = type".
  void read_attribute(ClassDefinition& made) {
    if (skip_name("pass")) return;
    ExpressionRef target = expression();
    ExpressionRef value;
    if (skip_sign(":")) expression();
    if (skip_sign("=")) value = expression_list();
    if (target->kind == Expression::Kind::name)
      made.attributes.emplace_back(target->text, std::move(value));
    skip(Token::Kind::new_line);
  }

  Definition read_definition() {
    skip_name("def");
    Definition made;
    made.name = want_name();
    want_sign("(");
    while (!is_sign(")") && !at_end()) {
      skip_sign("*");
      if (skip_sign(",")) continue;
      Definition::Parameter parameter;
      parameter.name = want_name();
      if (skip_sign(":")) parameter.type = expression();
      if (skip_sign("=")) parameter.otherwise = expression();
      made.parameters.push_back(std::move(parameter));
      if (!skip_sign(",")) break;
    }
    want_sign(")");
    if (skip_sign("->")) expression();
    want_sign(":");
    made.body = block();
    return made;
  }

  Block block() {
    const Deeper deeper(*this);
    Block made;
    if (!skip(Token::Kind::new_line)) {
      made.push_back(statement());
      return made;
    }
    if (!skip(Token::Kind::indent)) wrong("a block without statements");
    while (!skip(Token::Kind::dedent) && !at_end()) {
      if (skip(Token::Kind::new_line)) continue;
      made.push_back(statement());
    }
    return made;
  }

  Statement statement() {
    Statement made;
    made.line = token().line;
    using S = Statement::Kind;
    if (skip_name("if")) return branch();
    if (skip_name("for")) {
      made.kind = S::count;
      made.targets.push_back(postfix(primary()));
      if (!skip_name("in")) wrong("for without in");
      made.value = expression();
      want_sign(":");
      made.first = block();
      return made;
    }
    if (skip_name("while")) {
      made.kind = S::repeat;
      made.value = expression();
      want_sign(":");
      made.first = block();
      return made;
    }
    if (skip_name("with")) {
      made.kind = S::with;
      made.value = expression();
      if (skip_name("as")) expression();
      want_sign(":");
      made.first = block();
      return made;
    }
    if (skip_name("return")) {
      made.kind = S::give;
      if (token().kind != Token::Kind::new_line) made.value = expression_list();
    } else if (skip_name("pass")) {
      made.value = make(Expression::Kind::constant, "None");
    } else {
      simple(made);
    }
    if (!skip(Token::Kind::new_line) && !at_end()) wrong("found ", shown(token().text));
    return made;
  }

  Statement branch() {
    Statement made;
    made.kind = Statement::Kind::branch;
    made.line = token().line;
    made.value = expression();
    want_sign(":");
    made.first = block();
    const Deeper deeper(*this);
    if (skip_name("elif")) {
      made.second.push_back(branch());
    } else if (skip_name("else")) {
      want_sign(":");
      made.second = block();
    }
    return made;
  }

  /// A value, "target = value", "a, b, = value", "target : type = value", "target : type".
  void simple(Statement& made) {
    ExpressionRef first = expression_list();
    if (skip_sign(":")) {
      expression();
      if (!skip_sign("=")) {  // a declaration alone
        made.value = make(Expression::Kind::constant, "None");
        return;
      }
    } else if (!skip_sign("=")) {
      made.value = std::move(first);
      return;
    }
    made.kind = Statement::Kind::assign;
    if (first->kind == Expression::Kind::tuple) {
      auto* all = const_cast<Expression*>(first.get());
      made.targets = std::move(all->parts);
      made.targets.push_back(nullptr);  // takes apart, even one
    } else {
      made.targets.push_back(std::move(first));
    }
    made.value = expression_list();
  }

  /// One expression, or several with commas: a tuple.
  ExpressionRef expression_list() {
    ExpressionRef first = expression();
    if (!is_sign(",")) return first;
    auto made = make(Expression::Kind::tuple);
    made->parts.push_back(std::move(first));
    while (skip_sign(",")) {
      if (is_sign("=") || token().kind == Token::Kind::new_line || is_sign(")")) break;
      made->parts.push_back(expression());
    }
    return made;
  }

  ExpressionRef expression() {
    const Deeper deeper(*this);
    ExpressionRef value = binary(0);
    if (!is_name("if")) return value;
    ++at_;
    auto made = make(Expression::Kind::conditional);
    made->parts.push_back(std::move(value));
    made->parts.push_back(binary(0));
    if (!skip_name("else")) wrong("if without else");
    made->parts.push_back(expression());
    return made;
  }

  /// The operator that stands here, if it binds as level `level` does.
  std::string operator_at(size_t level) const {
    static const std::vector<std::vector<std::string_view>> kLevels = {
        {"or"},       {"and"},    {"==", "!=", "<", ">", "<=", ">=", "is", "in", "not"},
        {"|"},        {"^"},      {"&"},
        {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"},
        {"**"}};
    if (level >= kLevels.size()) return "end";
    if (token().kind != Token::Kind::sign && token().kind != Token::Kind::name) return {};
    for (const std::string_view each : kLevels[level])
      if (token().text == each) return std::string(each);
    return {};
  }

  ExpressionRef binary(size_t level) {
    constexpr size_t kComparisons = 2;
    if (level == kComparisons && skip_name("not")) {
      const Deeper deeper(*this);
      auto made = make(Expression::Kind::unary, "not");
      made->parts.push_back(binary(kComparisons));
      return made;
    }
    if (operator_at(level) == "end") return unary();
    ExpressionRef left = binary(level + 1);
    int links = 0;
    for (std::string op = operator_at(level); !op.empty(); op = operator_at(level)) {
      if (++links > kParsedDepth) wrong("nested too deep");
      ++at_;
      if (op == "is" && skip_name("not")) op = "is not";
      if (op == "not" && skip_name("in")) op = "not in";
      auto made = make(Expression::Kind::binary, op);
      made->parts.push_back(std::move(left));
      made->parts.push_back(binary(level + 1));
      left = std::move(made);
    }
    return left;
  }

  ExpressionRef unary() {
    const Deeper deeper(*this);
    for (const std::string_view sign : {"-", "+", "~"})
      if (skip_sign(sign)) return of_one(std::string(sign));
    return postfix(primary());
  }
  ExpressionRef of_one(std::string text) {
    auto made = make(Expression::Kind::unary, std::move(text));
    made->parts.push_back(unary());
    return made;
  }

  ExpressionRef postfix(ExpressionRef value) {
    for (int links = 0;; ++links) {
      if (links > kParsedDepth) wrong("nested too deep");
      if (skip_sign(".")) {
        auto made = make(Expression::Kind::attribute, want_name());
        made->parts.push_back(std::move(value));
        value = std::move(made);
      } else if (skip_sign("(")) {
        auto made = make(Expression::Kind::call);
        made->parts.push_back(std::move(value));
        arguments(*made);
        value = std::move(made);
      } else if (skip_sign("[")) {
        auto made = make(Expression::Kind::index);
        made->parts.push_back(std::move(value));
        if (is_sign("]")) made->parts.push_back(make(Expression::Kind::tuple));
        else made->parts.push_back(expression_list());
        want_sign("]");
        value = std::move(made);
      } else {
        return value;
      }
    }
  }

  void arguments(Expression& call) {
    while (!is_sign(")")) {
      if (at_end()) wrong("a call without an end");
      const bool by_name = token().kind == Token::Kind::name && at_ + 1 < tokens_.size() &&
                           tokens_[at_ + 1].kind == Token::Kind::sign &&
                           tokens_[at_ + 1].text == "=";
      if (by_name) {
        call.names.push_back(want_name());
        want_sign("=");
      } else if (!call.names.empty()) {
        wrong("an argument by place behind one by name");
      }
      call.parts.push_back(expression());
      if (!skip_sign(",")) break;
    }
    want_sign(")");
  }

  ExpressionRef primary() {
    if (skip_sign("(")) return bracketed();
    if (skip_sign("[")) return items(Expression::Kind::list, "]");
    if (skip_sign("{")) return entries();
    if (token().kind == Token::Kind::text) {
      auto made = make(Expression::Kind::text, token().text);
      for (++at_; token().kind == Token::Kind::text; ++at_) made->text += token().text;
      return made;
    }
    if (token().kind == Token::Kind::number) {
      const bool is_whole = token().text.find_first_of(".eE") == std::string::npos;
      auto made = make(is_whole ? Expression::Kind::whole : Expression::Kind::real, token().text);
      ++at_;
      return made;
    }
    const std::string name = want_name();
    const bool is_constant = name == "True" || name == "False" || name == "None";
    return make(is_constant ? Expression::Kind::constant : Expression::Kind::name, name);
  }

  /// An expression in brackets, or a tuple.
  ExpressionRef bracketed() {
    if (skip_sign(")")) return make(Expression::Kind::tuple);
    ExpressionRef first = expression();
    if (skip_sign(")")) return first;
    auto made = make(Expression::Kind::tuple);
    made->parts.push_back(std::move(first));
    while (skip_sign(",") && !is_sign(")")) made->parts.push_back(expression());
    want_sign(")");
    return made;
  }
  ExpressionRef items(Expression::Kind kind, std::string_view end) {
    auto made = make(kind);
    while (!is_sign(end)) {
      made->parts.push_back(expression());
      if (!skip_sign(",")) break;
    }
    want_sign(end);
    return made;
  }
  ExpressionRef entries() {
    auto made = make(Expression::Kind::dict);
    while (!is_sign("}")) {
      made->parts.push_back(expression());
      want_sign(":");
      made->parts.push_back(expression());
      if (!skip_sign(",")) break;
    }
    want_sign("}");
    return made;
  }

  std::vector<Token> tokens_;
  const std::string& file_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

SourceFile parse_source(std::string_view text, const std::string& file) {
  return Parser(tokens_of(text, file), file).read();
}

}  // namespace hone::pytorch
