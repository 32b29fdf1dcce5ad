#pragma once
// Nest: loops over buffers, the form between stages (what is computed) and the emitters of code (in
// which order, and where intermediate values stay). Plain data. Sizes stay symbolic; every index is
// a Dim over sizes and loops' variables, or an Expr that ends in a load.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/stages/expr.hpp"
#include "ir/type.hpp"

namespace hone {

/// Where a buffer lives, from far to near.
enum class Scope : uint8_t {
  input,      ///< the caller's, read only
  output,     ///< the caller's; every element is written
  arena,      ///< scratch for a whole run
  shared,     ///< seen by the workers that share a turn of a parallel loop: a GPU's block
  local,      ///< one worker's, in its nearest cache or its own memory
  registers,  ///< of sizes that are numbers; floats in it are not rounded: a cast does that
};
std::string_view name(Scope scope);

/// Sizes and strides have no variables in them.
struct NestBuffer {
  std::string name;  // one in a nest
  DType dtype = DType::f32;
  Dims shape;
  Scope scope = Scope::local;
  /// Of a parameter whose elements lie apart in the caller's memory: from one to the next along
  /// each axis, in elements; no two of them share a place. Empty: dense, row-major. What a nest
  /// computes does not depend on them, only where code finds it.
  Dims strides = {};
};

struct Statement;
using Block = std::vector<Statement>;

/// How the turns of a loop run. All of them mean the same as serial.
enum class Mode : uint8_t {
  serial,
  parallel,  ///< turns in any order or at once: none writes what another one reads or writes
  vector,    ///< `width` turns at a time, the last ones masked; has no loop inside
  unrolled,  ///< written out
};
std::string_view name(Mode mode);

/// For variable = 0 .. extent - 1: body. The extent may have variables of loops around in it, as
/// that of a tail has: min(8, n-8*$i). Less than 1: no turns.
struct NestLoop {
  std::string variable;  // one in a nest
  Dim extent;
  Mode mode = Mode::serial;
  int width = 1;  // of a vector loop
  Block body;
};

/// A buffer of its own for the statements behind it in its block, anew in every turn around it.
/// Nothing is in it before it is written.
struct Allocate {
  NestBuffer buffer;
};

/// buffer[place] = value, or buffer[place] = fold(buffer[place], value).
struct Store {
  std::string buffer;
  Dims place;
  std::optional<Function> fold;  // one that Expr::reduce takes
  Expr value;
};

/// A contraction over a block of registers, as one statement: for all row, column and depth,
/// into[row, column] += a * b. `a` knows no column and `b` no row, so that an emitter may load each
/// once.
struct BlockProduct {
  std::string into;
  Axis row, column;
  std::vector<Axis> depth;
  Expr a, b;
};

struct Statement {
  std::variant<Allocate, NestLoop, Store, BlockProduct> form;

  template <class T>
  T* as() {
    return std::get_if<T>(&form);
  }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&form);
  }
};

struct Nest {
  std::string name;
  std::vector<NestBuffer> parameters;  // inputs and outputs, as callers pass them
  Block body;
};
bool operator==(const Nest& a, const Nest& b);

/// Text:
///   nest softmax
///     x: f32[n,64] strides [row,1] input
///     y: f32[n,64] output
///     parallel $i < n
///       m: f32[] registers
///       m[] = f32{-inf}
///       for $k < 64
///         m[] max= x[$i, $k]
///       vector 8 $j < 64
///         y[$i, $j] = exp(sub(x[$i, $j], m[]))
/// and `unrolled $u < 4`, `contract acc[$r < 4, $c < 16] += $k < n: a[$r, $k] * b[$k, $c]`.
std::string print(const Nest& nest);
/// Reads what print wrote: print(parse_nest(t)) is t. Error(invalid_model) "line 3: ...".
Nest parse_nest(std::string_view text);

/// Calls `visit` for every statement, a loop before what is in it. What `visit` returns: whether to
/// go into the loop.
void walk(const Block& block, const std::function<bool(const Statement&)>& visit);
/// Every expression of a statement, not of what is in it.
void each_expr(const Statement& statement, const std::function<void(const Expr&)>& visit);
/// Every Dim of the block replaced: places, extents, indices within expressions; and every load.
/// A load that `load` gives nothing for has its places changed only.
struct Change {
  std::function<Dim(const Dim&)> dim;
  std::function<std::optional<Expr>(const Expr& load)> load;
};
void change(Block& block, const Change& change);
void change(Statement& statement, const Change& change);
Expr changed(const Expr& expr, const Change& change);
/// The variable of a loop replaced by what it stands for.
void substitute(Block& block, std::string_view variable, const Dim& by);

/// All names of buffers and variables.
std::set<std::string, std::less<>> names_of(const Nest& nest);
/// `wanted`, with a number behind it where the nest has such a name.
std::string fresh(const Nest& nest, std::string_view wanted);

}  // namespace hone
