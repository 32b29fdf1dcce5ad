#pragma once
// Regions of language models: attention over a cache, products with weights of a few bits.

#include "device/cuda/halves.hpp"

namespace hone::test {

inline const RegionCase kGroupQueries[] = {
    {"words into a cache of halves, turned",
     "graph g(%q: f16[b,n,256], %k: f16[b,n,128], %v: f16[b,n,128], %a: f16[b,2,300,64], "
     "%c: f16[b,2,300,64], %l: i32[b], %e: f16[400,32], %f: f16[400,32]) -> (%y, %p, %r)\n"
     "  %y, %p, %r = GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{290}, %e, %f) num_heads=4 "
     "kv_num_heads=2 do_rotary=true\n",
     {{{"b", 1}, {"n", 1}}, {{"b", 3}, {"n", 4}}, {{"b", 2}, {"n", 100}}},
     1,
     {{"l", {100, 289}}}},
    {"parts of one product into a cache",
     "graph g(%x: f16[b,n,512], %a: f16[b,2,p,64], %c: f16[b,2,p,64], %l: i64[b], %e: f16[60,16], "
     "%f: f16[60,16]) -> (%y, %p, %r)\n"
     "  %q, %k, %v = Split(%x) axis=2 split=[256,128,128]\n"
     "  %y, %p, %r = GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[1]{41}, %e, %f) num_heads=4 "
     "kv_num_heads=2 do_rotary=true rotary_interleaved=true softcap=3\n",
     {{{"b", 1}, {"n", 1}, {"p", 40}}, {{"b", 2}, {"n", 3}, {"p", 70}}},
     1,
     {{"l", {20, 40}}}},
    {"words that do not turn, in a window, of large heads",
     "graph g(%q: bf16[2,n,1024], %k: bf16[2,n,256], %v: bf16[2,n,256], %a: bf16[2,1,p,256], "
     "%c: bf16[2,1,p,256], %l: i32[2]) -> (%y, %p)\n"
     "  %y, %p = GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{200}) num_heads=4 "
     "kv_num_heads=1 local_window_size=70 scale=0.1\n",
     {{{"n", 1}, {"p", 199}}, {{"n", 30}, {"p", 250}}},
     1,
     {{"l", {60, 199}}}},
    {"a prompt of halves with padding",
     "graph g(%q: f16[2,n,256], %k: f16[2,n,256], %v: f16[2,n,256], %l: i32[2], %e: f16[150,64], "
     "%f: f16[150,64], %i: i64[2,n]) -> (%y, %p, %r)\n"
     "  %y, %p, %r = GroupQueryAttention(%q, %k, %v, _, _, %l, i32[]{140}, %e, %f, %i) num_heads=2 "
     "kv_num_heads=2 do_rotary=true\n",
     {{{"n", 140}}},
     1,
     {{"l", {30, 139}}, {"i", {0, 149}}}},
    {"words into a cache of f32",
     "graph g(%q: f32[b,n,48], %k: f32[b,n,24], %v: f32[b,n,24], %a: f32[b,2,p,12], "
     "%c: f32[b,2,p,12], %l: i64[b], %e: f32[300,5], %f: f32[300,5]) -> (%y, %p, %r)\n"
     "  %y, %p, %r = GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{88}, %e, %f) num_heads=4 "
     "kv_num_heads=2 do_rotary=true\n",
     {{{"b", 1}, {"n", 1}, {"p", 90}}, {{"b", 2}, {"n", 40}, {"p", 88}}},
     1,
     {{"l", {39, 87}}}},
    {"words whose caches nobody wants",
     "graph g(%q: f16[2,n,64], %k: f16[2,n,64], %v: f16[2,n,64], %a: f16[2,2,50,32], "
     "%c: f16[2,2,50,32], %l: i32[2]) -> (%y)\n"
     "  %y = GroupQueryAttention(%q, %k, %v, %a, %c, %l, i32[]{45}) num_heads=2 kv_num_heads=2 "
     "causal=false\n",
     {{{"n", 2}}, {{"n", 20}}},
     1,
     {{"l", {19, 44}}}},
};

/// The weights, scales and zero points are constants.
inline const RegionCase kNBits[] = {
    {"halves and 4 bits, zero points packed",
     "graph g(%x: f16[n,160], %w: u8[70,5,16], %s: f16[70,5], %z: u8[210]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, %z) K=160 N=70 bits=4 block_size=32\n",
     {{{"n", 1}}, {{"n", 8}}, {{"n", 13}}, {{"n", 70}}}},
    {"halves and 4 bits of a long depth, a bias",
     "graph g(%x: f16[2,n,4224], %w: u8[40,33,64], %s: f16[40,33], %b: f16[40]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, _, _, %b) K=4224 N=40 bits=4 block_size=128\n",
     {{{"n", 1}}, {{"n", 30}}}},
    {"halves and 8 bits",
     "graph g(%x: f16[n,288], %w: u8[100,3,128], %s: f32[100,3], %z: u8[300]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, %z) K=288 N=100 bits=8 block_size=128\n",
     {{{"n", 1}}, {{"n", 16}}, {{"n", 17}}, {{"n", 200}}}},
    {"halves and 4 bits, zero points that are numbers",
     "graph g(%x: f16[n,64], %w: u8[33,2,16], %s: f16[33,2], %z: f16[33,2]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, %z) K=64 N=33 bits=4 block_size=32\n",
     {{{"n", 3}}, {{"n", 65}}}},
    {"many halves and 4 bits",
     "graph g(%x: f16[n,256], %w: u8[2200,8,16], %s: f16[2200,8]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s) K=256 N=2200 bits=4 block_size=32 accuracy_level=4\n",
     {{{"n", 2}}, {{"n", 700}}}},
    {"halves and 4 bits, a summand",
     "graph g(%x: f16[n,96], %w: u8[90,3,16], %s: f16[90,3], %r: f16[n,90]) -> (%y)\n"
     "  %a = MatMulNBits(%x, %w, %s) K=96 N=90 bits=4 block_size=32\n  %y = Add(%r, %a)\n",
     {{{"n", 1}}, {{"n", 9}}, {{"n", 100}}}},
    {"f32 and 4 bits, a summand",
     "graph g(%x: f32[n,96], %w: u8[90,3,16], %s: f32[90,3], %r: f32[n,90]) -> (%y)\n"
     "  %a = MatMulNBits(%x, %w, %s) K=96 N=90 bits=4 block_size=32\n  %y = Add(%a, %r)\n",
     {{{"n", 5}}, {{"n", 100}}}},
    {"f32 and 4 bits",
     "graph g(%x: f32[n,160], %w: u8[70,5,16], %s: f32[70,5], %z: u8[210], %b: f32[70]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, %z, _, %b) K=160 N=70 bits=4 block_size=32\n",
     {{{"n", 1}}, {{"n", 7}}, {{"n", 70}}}},
    {"f32 and 8 bits",
     "graph g(%x: f32[n,4160], %w: u8[37,65,64], %s: f32[37,65], %z: f32[37,65]) -> (%y)\n"
     "  %y = MatMulNBits(%x, %w, %s, %z) K=4160 N=37 bits=8 block_size=64\n",
     {{{"n", 1}}, {{"n", 19}}}},
};

inline std::shared_ptr<Problem> problem_of_nbits(const RegionCase& region) {
  const auto graph = graph_of(region);
  const auto problem = problem_of(*graph, false, false);
  Rng rng(5);
  for (size_t i = 1; i < graph->inputs().size(); ++i) {
    const Value& input = *graph->inputs()[i];
    if (input.name == "r") continue;  // a summand
    problem->weights[i] = Weight::of(drawn(input.type, {}, rng));
  }
  return problem;
}

}  // namespace hone::test
