#pragma once
// A TFLite model as a test states it, line by line, and what it is run on:
//
//   tensor x i8 [1,4] scale 0.5 zero 3
//   tensor w i8 [2,4] scale 0.5,0.25 zero 0,0 axis 0 = 1 2 3 4 5 6 7 8
//   tensor y f32 [1,2]
//   op FULLY_CONNECTED x w - -> y 0:i8=1          (options: field, type, value)
//   inputs x
//   outputs y
//   graph                                          (another one: a body)
//   ...
//   custom Name x -> y count=3 scale=0.5           (options in a flexbuffer)
//   tensor w f32 [2,4] sparse 0,1 - d2;s0,1,3:2,0,3 = 1 2 3
//   @reference                                     (ImportOptions::reference_rounding)
//   @in x 1 2 3 4

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "import/import.hpp"

namespace hone::test {

struct ModelCase {
  std::string file;
  std::map<std::string, std::vector<double>> inputs;
  bool reference_rounding = false;
};
ModelCase model_case(std::string_view given);

Imported import_case(const ModelCase& model);
/// "y f32[1,2]: 1 2" for each output, by reference evaluation.
std::string values_of(const ModelCase& model);

}  // namespace hone::test
