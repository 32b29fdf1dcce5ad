#pragma once
// Regions of attention: with what is behind a past, views, masks, lengths.

#include "device/cuda/regions.hpp"

namespace hone::test {

inline const RegionCase kAttentions[] = {
    {"attention of rows",
     "graph g(%q: f32[2,n,128], %k: f32[2,n,128], %v: f32[2,n,128]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) q_num_heads=2 kv_num_heads=2\n",
     {{{"n", 1}}, {{"n", 33}}, {{"n", 197}}}},
    {"attention with numbers as mask",
     "graph g(%q: f32[2,4,37,32], %k: f32[2,2,70,32], %v: f32[2,2,70,40], %m: f32[2,1,37,70]) -> "
     "(%y)\n  %y = Attention(%q, %k, %v, %m) scale=0.25\n"},
    {"attention with booleans as mask",
     "graph g(%q: f32[1,2,5,12], %k: f32[1,2,9,12], %v: f32[1,2,9,12], %m: bool[5,9]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, %m) zero_unseen=true\n"},
    {"causal attention behind the past, capped",
     "graph g(%q: f32[2,4,n,32], %k: f32[2,2,n,32], %v: f32[2,2,n,40], %c: f32[2,2,m,32], "
     "%d: f32[2,2,m,40]) -> (%y, %e, %f)\n"
     "  %y, %e, %f = Attention(%q, %k, %v, _, %c, %d) is_causal=true softcap=3\n",
     {{{"n", 1}, {"m", 0}}, {{"n", 3}, {"m", 130}}, {{"n", 70}, {"m", 5}}}},
    {"attention in a window behind a past that nobody wants",
     "graph g(%q: f32[1,2,5,12], %k: f32[1,2,5,12], %v: f32[1,2,5,12], %c: f32[1,2,90,12], "
     "%d: f32[1,2,90,12], %m: f32[5,95]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, %m, %c, %d) left_window_size=70 right_window_size=2\n"},
    {"attention of samples of some length",
     "graph g(%q: f32[3,2,4,16], %k: f32[3,1,9,16], %v: f32[3,1,9,16], %l: i64[3]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, _, _, _, %l) is_causal=true\n"},
    {"attention of parts of one product",
     "graph g(%x: f32[b,n,96]) -> (%y)\n"
     "  %r = Reshape(%x) shape=[b,n,3,2,16]\n  %t = Transpose(%r) perm=[2,0,3,1,4]\n"
     "  %i = Slice(%t) starts=[0] ends=[1] axes=[0]\n"
     "  %j = Slice(%t) starts=[1] ends=[2] axes=[0]\n"
     "  %l = Slice(%t) starts=[2] ends=[3] axes=[0]\n"
     "  %q = Reshape(%i) shape=[b,2,n,16]\n  %k = Reshape(%j) shape=[b,2,n,16]\n"
     "  %v = Reshape(%l) shape=[b,2,n,16]\n  %a = Attention(%q, %k, %v)\n"
     "  %y = Transpose(%a) perm=[0,2,1,3]\n",
     {{{"b", 1}, {"n", 3}}, {{"b", 2}, {"n", 65}}}},
};

inline const RegionCase kHalfAttentions[] = {
    {"attention of halves",
     "graph g(%q: f16[2,n,128], %k: f16[2,n,128], %v: f16[2,n,128]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) q_num_heads=2 kv_num_heads=2\n",
     {{{"n", 1}}, {{"n", 33}}, {{"n", 197}}}},
    {"attention of halves, causal, of few keys' heads",
     "graph g(%q: bf16[1,4,150,40], %k: bf16[1,2,150,40], %v: bf16[1,2,150,136]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) is_causal=true softcap=20\n"},
    {"attention of halves with numbers as mask",
     "graph g(%q: f16[2,4,37,32], %k: f16[2,2,70,32], %v: f16[2,2,70,40], %m: f16[2,1,37,70]) -> "
     "(%y)\n  %y = Attention(%q, %k, %v, %m) scale=0.25\n"},
    {"attention of halves with booleans as mask",
     "graph g(%q: f16[1,2,5,16], %k: f16[1,2,9,16], %v: f16[1,2,9,16], %m: bool[5,9]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, %m) zero_unseen=true\n"},
    {"attention of halves with a mask of keys",
     "graph g(%q: f16[2,130,192], %k: f16[2,257,192], %v: f16[2,257,192], %m: f16[2,1,1,257]) -> "
     "(%y)\n  %y = Attention(%q, %k, %v, %m) q_num_heads=3 kv_num_heads=3\n"},
    {"attention of halves with a mask of the first keys",
     "graph g(%q: bf16[1,2,70,64], %k: bf16[1,1,140,64], %v: bf16[1,1,140,64], %m: f32[70,90]) -> "
     "(%y)\n  %y = Attention(%q, %k, %v, %m) scale=-0.25\n"},
    {"attention of large heads in a window",
     "graph g(%q: f16[1,1,140,256], %k: f16[1,1,140,256], %v: f16[1,1,140,256]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v) left_window_size=70 right_window_size=3\n"},
    {"attention of parts of one product of halves",
     "graph g(%x: f16[b,n,384]) -> (%y)\n"
     "  %q, %k, %v = Split(%x) axis=2 split=[128,128,128]\n"
     "  %y = Attention(%q, %k, %v) q_num_heads=2 kv_num_heads=2\n",
     {{{"b", 1}, {"n", 1}}, {{"b", 2}, {"n", 150}}}},
    {"attention of turned halves",
     "graph g(%x: bf16[b,n,192]) -> (%y)\n"
     "  %r = Reshape(%x) shape=[b,n,3,2,32]\n  %t = Transpose(%r) perm=[2,0,3,1,4]\n"
     "  %i = Slice(%t) starts=[0] ends=[1] axes=[0]\n"
     "  %j = Slice(%t) starts=[1] ends=[2] axes=[0]\n"
     "  %l = Slice(%t) starts=[2] ends=[3] axes=[0]\n"
     "  %q = Reshape(%i) shape=[b,2,n,32]\n  %k = Reshape(%j) shape=[b,2,n,32]\n"
     "  %v = Reshape(%l) shape=[b,2,n,32]\n  %a = Attention(%q, %k, %v)\n"
     "  %u = Transpose(%a) perm=[0,2,1,3]\n  %y = Reshape(%u) shape=[b,n,64]\n",
     {{{"b", 2}, {"n", 3}}, {{"b", 1}, {"n", 130}}}},
    {"attention of halves behind the past",
     "graph g(%q: f16[2,n,256], %k: f16[2,n,128], %v: f16[2,n,144], %c: f16[2,2,m,64], "
     "%d: f16[2,2,m,72]) -> (%y, %e, %f)\n"
     "  %y, %e, %f = Attention(%q, %k, %v, _, %c, %d) is_causal=true q_num_heads=4 "
     "kv_num_heads=2\n",
     {{{"n", 1}, {"m", 0}},
      {{"n", 1}, {"m", 700}},
      {{"n", 3}, {"m", 131}},
      {{"n", 70}, {"m", 90}}}},
    {"one word behind a past that nobody wants, masked",
     "graph g(%q: bf16[3,8,1,128], %k: bf16[3,1,1,128], %v: bf16[3,1,1,128], "
     "%c: bf16[3,1,m,128], %d: bf16[3,1,m,128], %s: bf16[3,1,1,m+1]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, %s, %c, %d) softcap=5\n",
     {{{"m", 15}}, {{"m", 1200}}}},
    {"a few words and booleans",
     "graph g(%q: f16[2,4,4,40], %k: f16[2,1,m,40], %v: f16[2,1,m,200], %s: bool[2,4,4,m]) -> "
     "(%y)\n  %y = Attention(%q, %k, %v, %s) zero_unseen=true left_window_size=200\n",
     {{{"m", 1}}, {{"m", 333}}}},
    {"halves of samples of some length",
     "graph g(%q: f16[3,2,n,64], %k: f16[3,2,9,64], %v: f16[3,2,9,64], %l: i64[3]) -> (%y)\n"
     "  %y = Attention(%q, %k, %v, _, _, _, %l) is_causal=true\n",
     {{{"n", 1}}, {{"n", 40}}}},
};

}  // namespace hone::test
