// The first elements of lines in some order, as text.

#include "device/cuda/emit/node_writing.hpp"
#include "ops/select.hpp"

namespace hone::cuda::emitter {
namespace {

constexpr int kThreadsOfLine = 512;

class SortWriting : NodeWriting {
 public:
  SortWriting(const TopK& op, const Node& node) : NodeWriting(node), op_(op) {}

  SerialText run() {
    const DType dtype = checked(type(0).dtype);
    const Dims& shape = type(0).shape();
    if (!op_.k || op_.k->size() != 1) throw Refusal{"how many is an operand"};
    if (shape.empty()) throw Refusal{"it is a scalar"};
    const size_t at = place_of_axis(op_.axis, shape);
    const Dim &n = shape[at], &count = op_.k->front();
    const auto most = n.constant(), wanted = count.constant();
    if (most && *most > INT32_MAX) throw Refusal{"lines are too long"};
    const bool wide = bits(dtype) == 64;
    const int64_t slots = wide ? 2048 : 4096;  // of texts/sort.cu; half of them of a longer line
    if ((!most || *most > slots) && (!wanted || *wanted > slots / 2))
      throw Refusal{cat("more than ", slots / 2, " of more than ", slots, " are put in order")};
    const std::string head = cat("__device__ Key key_of(", stored_type(dtype), " x)");
    const std::string declarations =
        cat("typedef ", wide ? "unsigned long long" : "unsigned", " Key;\n", head, ";\n");
    const std::string definition =
        cat(head, " { return ", op_.largest ? "~" : "", "ordered(", loaded("x", dtype), "); }\n");
    const Dim inner = part(shape, at + 1, shape.size()), turns = part(shape, 0, at) * inner;
    line("__shared__ Slots<Key> slots;");
    line("__shared__ int gathered;");
    line(cat("const I n = ", dims_(n), ", inner = ", dims_(inner), ", count = ", dims_(count),
             ", turns = ", dims_(turns), ";"));
    line("if (count == 0) return;");
    line("for (I t = blockIdx.x; t < turns; t += gridDim.x) {");
    line("  const I at = line_of(t, n, inner), to = line_of(t, count, inner);");
    line("  find_first(slots, gathered, x0 + at, n, inner, (int)count);");
    line("  for (int i = threadIdx.x; i < (int)count; i += blockDim.x) {");
    line("    const int from = slots.place[i];");
    if (wants(0)) line("    y0[to + i * inner] = x0[at + from * inner];");
    if (wants(1)) line("    y1[to + i * inner] = from;");
    line("  }");
    line("  __syncthreads();");
    line("}");
    end_function({{}, turns, ceil_div(n, kThreadsOfLine) + Dim(200), kThreadsOfLine, 1});
    return finish(declarations, {"serial", "sort"}, definition);
  }

 private:
  const TopK& op_;
};

}  // namespace

SerialText sorted_text(const TopK& op, const Node& node) { return SortWriting(op, node).run(); }

}  // namespace hone::cuda::emitter
