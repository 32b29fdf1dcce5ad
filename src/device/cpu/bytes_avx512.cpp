#include "device/cpu/bytes_micro.hpp"

namespace hone::cpu {

typedef unsigned char U8 __attribute__((vector_size(8)));
typedef signed char I8 __attribute__((vector_size(8)));
typedef int I32 __attribute__((vector_size(32)));
typedef float F32 __attribute__((vector_size(32)));
typedef double F64 __attribute__((vector_size(64)));
typedef unsigned char Results __attribute__((vector_size(16)));
typedef signed char SignedResults __attribute__((vector_size(16)));
typedef int Numbers __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(64)));
using All = Pairs<U8, I8, I32, F32, F64>;
using Quick = QuickSums<All, Results, SignedResults, Numbers, Floats>;

extern const ByteFunctions kBytesAvx512;
const ByteFunctions kBytesAvx512{Quick::add, All::multiply, quantize<Floats, Numbers, Results>,
                                 raise};

}  // namespace hone::cpu
