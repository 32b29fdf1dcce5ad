#pragma once
// Tensors in C's terms.

#include <list>
#include <vector>

#include "base/error.hpp"
#include "hone/hone.h"
#include "ir/tensor.hpp"

namespace hone::api {

/// Arrays that results in C's terms point to.
using Elements = std::list<std::vector<hone_tensor>>;

template <class T>
void wanted(const T* pointer, const char* what) {
  check(pointer != nullptr, Code::usage, what, " is NULL");
}

/// What the struct may say one day, it does not say today: Error(device) for another place than the
/// host, Error(usage) for reserved fields that are not zero. `name`: for messages.
void check_place(const hone_tensor& tensor, const char* name);

/// The caller's tensor, borrowed; `write`: results go there. Error(usage), Error(unsupported) for
/// strides.
Tensor borrow(const hone_tensor& tensor, bool write);

/// A result; the elements of a sequence are kept in `kept`.
void give(const Tensor& result, hone_tensor& to, Elements& kept);

}  // namespace hone::api
