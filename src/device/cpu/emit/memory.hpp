#pragma once
// Where the buffers of a nest lie while its code runs.

#include <map>
#include <string>

#include "device/cpu/emit/assembler.hpp"
#include "ir/nest/nest.hpp"

namespace hone::cpu::emitter {

struct Place {
  Dims shape;
  DType dtype = DType::f32;
  int parameter = -1;               // its number, or
  int block = -1;                   // where in the frame it lies, or
  int slot = -1;                    // that of a single register
  bool lanes = false;               // a register of a vector loop: lanes differ
  Dims strides = {};                // of a parameter that is not dense
  std::optional<Dim> scratch = {};  // or where in the scratch memory it begins, in bytes
};

/// The parts of a load.
const std::string& name_of(const Expr& load);
/// Throws Refusal: padding, or places that are computed.
Dims indices_of(const Expr& load);
/// What a store puts: with what is there where it folds.
Expr value_of(const Store& store, DType dtype);
/// In elements, from the first one.
Dim start_of(const Place& place, const Dims& indices);

class Memory {
 public:
  Memory(Assembler& assembler, const std::vector<NestBuffer>& parameters);

  const Place& operator[](std::string_view name) const { return places_.find(name)->second; }
  /// Single registers have a place for all lanes; blocks, and buffers of few elements, lie in the
  /// frame, others in scratch memory. `lanes`: in a vector loop. Throws Refusal.
  void allocate(const NestBuffer& buffer, bool lanes);
  /// rdx = the address of a buffer's first element.
  void base(const Place& place);
  /// Of one element; uses rax and rdx.
  Xbyak::Address address(const Place& place, const Dims& indices);

  /// Bytes that are in use.
  const Dim& scratch() const { return scratch_; }

 private:
  Assembler& a_;
  Dim scratch_ = 0;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace hone::cpu::emitter
