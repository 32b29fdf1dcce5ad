// The size that sizes have together when each is repeated where it is 1.

#include <algorithm>

#include "ir/dim/dim.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

/// The arguments, where the dimension is exactly a broadcast; else null.
const std::vector<Dim>* args_of(const Dim& dim) {
  const auto terms = DimAccess::terms(dim);
  const bool atom = terms.size() == 1 && DimAccess::offset(dim) == 0 && terms[0].coefficient == 1 &&
                    terms[0].factors.size() == 1;
  return atom && terms[0].factors[0]->kind == DimAtom::Kind::broadcast ? &terms[0].factors[0]->args
                                                                       : nullptr;
}

/// The arguments, those of a broadcast in the place of it.
void flatten(const Dim& arg, std::vector<Dim>& args) {
  if (const std::vector<Dim>* inner = args_of(arg))
    args.insert(args.end(), inner->begin(), inner->end());
  else if (!arg.is(1)) args.push_back(arg);
}

}  // namespace

Dim first_of_broadcast(const Dim& dim) {
  const std::vector<Dim>* args = args_of(dim);
  return args == nullptr ? dim : args->front();
}

Dim broadcast(const std::vector<Dim>& dims) {
  std::vector<Dim> args;
  for (const Dim& dim : dims) {
    if (dim.is_too_long()) return dim;
    flatten(dim, args);
  }
  std::sort(args.begin(), args.end());
  args.erase(std::unique(args.begin(), args.end()), args.end());
  if (args.empty()) return 1;
  if (args.size() == 1) return args[0];
  // What a number other than 1 meets is that number or 1.
  std::optional<int64_t> largest;
  for (const Dim& arg : args)
    if (const auto number = arg.constant()) largest = std::max(largest.value_or(*number), *number);
  if (largest) return *largest;
  if (args.size() > kDimArgs) return Dim::too_long();
  DimAtom atom;
  atom.kind = DimAtom::Kind::broadcast;
  atom.args = std::move(args);
  return atom_dim(std::move(atom));
}

std::optional<int64_t> broadcast_values(int64_t a, int64_t b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  return std::nullopt;
}

}  // namespace hone
