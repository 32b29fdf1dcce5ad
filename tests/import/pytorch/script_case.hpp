#pragma once
// A program of TorchScript as a test states it: the body of the network's class, and what it holds.
//
//   def forward(self, x: Tensor) -> Tensor:
//     return torch.add(x, self.weight)
//   @attr weight f32[2] 1 2
//   @attr size int 3
//   @in x f32[2] 0.5 1
//
//   @attr packed packed_linear quantized 0.25 0 i8[1,2] 4 -2
//
// @code MODULE: the lines that follow are that file of code; @module NAME CLASS: an object that the
// network holds, whose attributes are called NAME.ATTRIBUTE; @const f32[1] 1: the next constant;
// @number NAME VALUE: of a parameter; @traced: with the inputs as an example.

#include "import/pytorch/program_case.hpp"

namespace hone::test {

struct ScriptCase {
  std::string archive;
  std::vector<std::pair<std::string, Tensor>> inputs;
  ImportOptions options;  // with the inputs' sizes and the numbers
};
ScriptCase script_case(std::string_view given);
std::string script_values_of(std::string_view given);

}  // namespace hone::test
