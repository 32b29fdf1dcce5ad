#pragma once
// The subset of Python that TorchScript writes its programs in.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hone::pytorch {

struct Expression;
using ExpressionRef = std::unique_ptr<const Expression>;

struct Expression {
  enum class Kind : uint8_t {
    name,       ///< text
    whole,      ///< a number as text, without a point
    real,       ///< a number as text
    text,       ///< text
    constant,   ///< text: True, False, None
    attribute,  ///< parts[0].text
    call,       ///< parts[0](parts[1...]); the last ones by names
    index,      ///< parts[0][parts[1]]
    list,
    tuple,
    dict,        ///< parts: a key, its value, the next key ...
    binary,      ///< parts[0] text parts[1]
    unary,       ///< text parts[0]
    conditional  ///< parts[0] if parts[1] else parts[2]
  };
  Kind kind = Kind::constant;
  std::string text;
  std::vector<ExpressionRef> parts;
  std::vector<std::string> names;  // of the last arguments of a call
  int line = 0;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum class Kind : uint8_t {
    assign,    ///< targets = value
    evaluate,  ///< value
    branch,    ///< if value: first else: second
    count,     ///< for targets[0] in value: first
    repeat,    ///< while value: first
    give,      ///< return value (null: None)
    with       ///< with value: first
  };
  Kind kind = Kind::evaluate;
  std::vector<ExpressionRef> targets;
  ExpressionRef value;
  Block first, second;
  int line = 0;
};

struct Definition {
  struct Parameter {
    std::string name;
    ExpressionRef type, otherwise;  // null: none
  };
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
};

struct ClassDefinition {
  std::string name;
  std::map<std::string, Definition, std::less<>> methods;
  std::vector<std::pair<std::string, ExpressionRef>> attributes;  // names, and values if stated
};

/// One file of a program.
struct SourceFile {
  std::map<std::string, ClassDefinition, std::less<>> classes;
  std::map<std::string, Definition, std::less<>> functions;
};

/// Error(invalid_model) naming file and line.
SourceFile parse_source(std::string_view text, const std::string& file);

}  // namespace hone::pytorch
