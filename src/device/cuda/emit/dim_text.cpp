#include "device/cuda/emit/dim_text.hpp"

#include "base/text.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone::cuda::emitter {

std::string Names::of(std::string_view name, char letter) {
  const auto found = names_.find(name);
  if (found != names_.end()) return found->second;
  return names_.emplace(name, cat(std::string(1, letter), names_.size())).first->second;
}

namespace {

/// Halves of what is not negative are quotients of C; others are rounded down by a function.
std::string quotient(DimText& text, const Dim& a, const Dim& b) {
  const bool plain = a.bounds().low >= 0 && b.bounds().low >= 0;
  if (plain) return cat("(I)((U)(", text(a), ") / (U)(", text(b), "))");
  return cat("floor_div((I)(", text(a), "), (I)(", text(b), "))");
}

std::string atom_text(DimText& text, const DimAtom& atom) {
  switch (atom.kind) {
    case DimAtom::Kind::symbol: return text.symbol(atom.name);
    case DimAtom::Kind::variable: return text.variable(atom.name);
    case DimAtom::Kind::floordiv: return quotient(text, atom.args[0], atom.args[1]);
    default: break;
  }
  const std::string_view function = atom.kind == DimAtom::Kind::min   ? "least"
                                    : atom.kind == DimAtom::Kind::max ? "most"
                                                                      : "broadcast_size";
  std::string all = cat("(I)(", text(atom.args[0]), ")");
  for (size_t i = 1; i < atom.args.size(); ++i)
    all = cat(function, "(", all, ", (I)(", text(atom.args[i]), "))");
  return all;
}

}  // namespace

std::string DimText::operator()(const Dim& dim) {
  if (const auto number = dim.constant()) return cat("(I)", *number);
  std::string all;
  for (const DimTerm& term : DimAccess::terms(dim)) {
    if (!all.empty()) all += " + ";
    if (term.coefficient != 1) all += cat("(I)", term.coefficient, " * ");
    for (size_t i = 0; i < term.factors.size(); ++i)
      all += cat(i == 0 ? "" : " * ", atom_text(*this, *term.factors[i]));
  }
  if (const int64_t offset = DimAccess::offset(dim); offset != 0) all += cat(" + (I)", offset);
  return cat("(", all, ")");
}

}  // namespace hone::cuda::emitter
