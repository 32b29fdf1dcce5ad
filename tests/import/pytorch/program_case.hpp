#pragma once
// A program of torch.export as a test states it. Each line is a node: its operator, what it gives,
// its arguments; the last lines give what it reads and what it gives.
//
//   aten.conv2d.default y(input=x, weight=w, stride=[2,2])
//   aten.max.dim values,places(self=y, dim=1)
//   aten.chunk.default [a,b](self=y, chunks=2)
//   @w w f32[2,1,1,1] 3 4
//   @in x f32[n=1,1,1,2] 0.5 1
//   @range n 1 16
//   @out y values
//
// Arguments: names of tensors, %name for a size, numbers, texts in quotes, True, None,
// dtype:f32, lists of these. Without @out the results of the last node are given.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/import.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

/// How archives are laid out.
enum class ProgramForm {
  newest,   ///< a folder, a description of where weights lie
  pickled,  ///< a folder, pickled dictionaries of weights
  oldest,   ///< before 2.8: no folder, pickled dictionaries
};

struct ProgramCase {
  std::string archive;
  std::vector<std::pair<std::string, Tensor>> inputs;
};
ProgramCase program_case(std::string_view given, ProgramForm form = ProgramForm::newest);

Imported import_archive(const std::string& archive, const ImportOptions& options = {});
/// "y f32[1,2]: 1 2" for each output, by reference evaluation.
std::string values_of(const ProgramCase& program);
/// "f32[2,n=3]" and the numbers behind it: one, or as many as there are elements.
Tensor tensor_of(const std::vector<std::string_view>& words, size_t first);

}  // namespace hone::test
