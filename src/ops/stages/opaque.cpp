// Ops that have no closed form, and why.

#include "ir/stages/stages.hpp"
#include "ops/deformable.hpp"
#include "ops/detection.hpp"
#include "ops/determinant.hpp"
#include "ops/dynamic_quantize_lstm.hpp"
#include "ops/group_query.hpp"
#include "ops/inverse.hpp"
#include "ops/recurrent.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/signal.hpp"
#include "ops/softmax.hpp"
#include "ops/stateful.hpp"
#include "ops/tree.hpp"
#include "ops/unique.hpp"
#include "ops/unpooling.hpp"

namespace hone {
namespace {

void steps(Expression& e) { e.decline("every step needs the one before it"); }
void writes(Expression& e) { e.decline("it writes where an operand tells: the last one stays"); }
void orders(Expression& e) { e.decline("elements are put in order by comparing them"); }
void finds(Expression& e) { e.decline("only running tells how many it finds"); }
void eliminates(Expression& e) { e.decline("rows are eliminated one after the other"); }

}  // namespace

void RNN::express(Expression& e) const { steps(e); }
void GRU::express(Expression& e) const { steps(e); }
void LSTM::express(Expression& e) const { steps(e); }
void DynamicQuantizeLSTM::express(Expression& e) const { steps(e); }
void LinearAttention::express(Expression& e) const { steps(e); }
void CumSum::express(Expression& e) const { steps(e); }
void CumProd::express(Expression& e) const { steps(e); }

void ScatterElements::express(Expression& e) const { writes(e); }
void ScatterND::express(Expression& e) const { writes(e); }
void TensorScatter::express(Expression& e) const { writes(e); }
void MaxUnpool::express(Expression& e) const { writes(e); }

void TopK::express(Expression& e) const { orders(e); }
void Unique::express(Expression& e) const { orders(e); }
void Hardmax::express(Expression& e) const { e.decline("of equal elements it marks the first"); }
void NonZero::express(Expression& e) const { finds(e); }
void Compress::express(Expression& e) const { finds(e); }
void NonMaxSuppression::express(Expression& e) const { finds(e); }

void Det::express(Expression& e) const { eliminates(e); }
void Inverse::express(Expression& e) const { eliminates(e); }

void Dft::express(Expression& e) const { e.decline("a fast transform takes its sums"); }
void Stft::express(Expression& e) const { e.decline("a fast transform takes its sums"); }
void Col2Im::express(Expression& e) const { e.decline("as many blocks meet as overlap there"); }
void MaxRoiPool::express(Expression& e) const { e.decline("windows are as large as boxes tell"); }
void RoiAlign::express(Expression& e) const { e.decline("windows are as large as boxes tell"); }
void DeformConv::express(Expression& e) const { e.decline("every tap is moved by an operand"); }
void TreeEnsemble::express(Expression& e) const { e.decline("it walks through trees"); }
void GroupQueryAttention::express(Expression& e) const {
  e.decline("keys and values are written into a cache at places that an operand tells");
}

}  // namespace hone
