#pragma once
// Bodies of control flow are closed: they see nothing but their inputs and have symbols of their
// own. This is how their types are told in the surrounding graph's terms and back.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/inference.hpp"

namespace hone {

/// A body's own symbols in terms of the surrounding graph; those that are not here only running
/// the body tells.
using Outside = std::map<std::string, Dim, std::less<>>;

/// The body itself is handed on where it was inferred before with the same types of its inputs:
/// else bodies within bodies would be copied and inferred once for each level around them.
class BodyInference {
 public:
  /// `c`: of the node that has the body.
  BodyInference(const Body& body, Inference& c);

  /// The type as the body's input `i` sees it: a symbol keeps its name; a compound dimension
  /// becomes a symbol of the body.
  Type inside(const Type& type, size_t i);
  /// The body's input `i` gets this type.
  void set_input(size_t i, Type type);
  /// Where an input's size is another one than before, all that named it says the new one.
  void infer();
  /// A field or a type names a symbol that nothing in the body defines: inputs have lost sizes.
  bool names_undefined() const;
  /// Inputs and all else are as given, whatever the operands are; no size is told outside.
  void keep_as_given();

  const Graph& graph() const { return own_ == nullptr ? *body_ : *own_; }
  const Type& output(size_t i) const { return graph().outputs()[i].value->type; }
  /// A dimension of the body in the surrounding graph's terms; nullopt: only running it tells.
  std::optional<Dim> translate(const Dim& dim) const;
  /// The inferred body.
  Body take();

 private:
  void tell_inputs();

  Inference& c_;
  Body body_;                   // as it was given
  std::unique_ptr<Graph> own_;  // a copy with other types; null while there are none
  std::vector<Type> before_;    // of the inputs, as the body was inferred last
  Outside outside_;
  bool given_ = false;                        // keep_as_given()
  std::set<std::string, std::less<>> taken_;  // symbols of the operands
};

/// The type of result `output` of a node whose bodies give `a` or `b` for it: what both say of a
/// size, else a symbol of the node's. A size is nullopt where only running tells it.
Type outside_type(Inference& c, int output, const Type& a, const BodyInference& of_a, const Type& b,
                  const BodyInference& of_b);

}  // namespace hone
