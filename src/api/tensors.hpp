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

/// Where tensors of an engine may lie beside the host's memory.
struct Places {
  int device = -1;  // HONE_ON_DEVICE with this number; -1: nowhere
};

/// Error(device) for a place where the engine has none, Error(usage) for reserved fields that are
/// not zero. `name`: for messages.
void check_place(const hone_tensor& tensor, const char* name, const Places& places);

/// The caller's tensor, borrowed; `write`: results go there. Error(usage), Error(unsupported) for
/// strides.
Tensor borrow(const hone_tensor& tensor, bool write, const Places& places);

/// A result; the elements of a sequence are kept in `kept`.
void give(const Tensor& result, hone_tensor& to, Elements& kept);

}  // namespace hone::api
