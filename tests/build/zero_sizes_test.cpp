// A tensor of shape [2^40, 0] has no bytes, and whatever is done with it must take no time: folded
// as a constant, evaluated by reference, run by kernels. Every op is drawn with such operands.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>

#include "base/size.hpp"
#include "build/build.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/context.hpp"
#include "support/random_operands.hpp"

namespace hone::test::zero_sizes_test {

constexpr int64_t kHuge = int64_t{1} << 40;
constexpr int kSeconds = 2;                    // of processor time, for one case
constexpr rlim_t kBytes = rlim_t{2048} << 20;  // of address space
constexpr int kDraws = 6, kTries = 60;

/// What the general hints do not draw: sizes that fields and contents give.
constexpr Hint kMoreHints[] = {
    {"ConstantOfShape", "", "shape=[1099511627776,0]|[0,1099511627776]"},
    {"ConstantOfShape", "i64[2]{1099511627776,0}", ""},
    {"ConstantOfShape", "i64[2]{0,1099511627776}", ""},
    {"Expand", "A[a,1]", "shape=[1099511627776,$a,0]|[1099511627776,0,$a,1]"},
    {"Expand", "A[a,1] i64[2]{1099511627776,0}", ""},
    {"Tile", "A[a,b]", "repeats=[1099511627776,0]|[0,1099511627776]|[1099511627776,1]"},
    {"Pad", "F[a,b]", "pads=[0,0,0,0]|[1099511627776,0,0,0]|[0,0,0,1] mode=constant|edge|wrap"},
    {"Reshape", "A[a,b]", "shape=[$b,$a]|[0,-1]|[-1,0]|[1099511627776,0]"},
    {"Resize", "F[n,c,h,w]", "sizes=[$n,$c,0,1099511627776]|[$n,$c,1099511627776,0]|[$n,$c,2,2]"},
    {"AffineGrid", "f32[n,2,3]", "size=[$n,2,0,1099511627776]|[$n,2,1099511627776,0]"},
    {"CenterCropPad", "A[a,b]", "shape=[1099511627776,0]|[0,1099511627776]"},
    {"OneHot", "i64[a] i64[]{1099511627776} f32[2]{0,1}", "axis=0|-1"},
    {"OneHot", "i64[a,b] i64[]{0} f32[2]{0,1}", "axis=0|1|-1"},
    {"Split", "A[a,b]", "axis=0|1 num_outputs=1|2"},
    {"SplitToSequence", "A[a,b]", "axis=0|1 keepdims=true|false"},
    {"SplitToSequence", "A[a,b] i64[]{1,1099511627776}", "axis=0|1"},
    {"Unique", "N[a,b]", "axis=0|1|-1 sorted=true|false"},
    {"NonMaxSuppression", "f32[a,b,4] f32[a,c,b] i64[]{3}", ""},
    {"Trilu", "A[a,b]", "upper=true|false"},
    {"GridSample", "f32[n,c,h,w] f32[n,a,b,2]", "mode=linear|nearest|cubic"},
    {"Einsum", "N[a,b] X[b,c]", "equation=\"ij,jk->\"|\"ij,jk->k\"|\"ij,jk->ikj\""},
    {"ReverseSequence", "A[a,b,c] i64[b]", "batch_axis=1 time_axis=0"},
    {"ReverseSequence", "A[a,b,c] i64[a]", "batch_axis=0 time_axis=1"},
    {"Compress", "A[a,b] bool[c]", "axis=0|1"},
    {"TopK", "N[a,b]", "k=[0]|[1] axis=0|1"},
    {"GatherND", "A[a,b] i64[c,d]", "batch_dims=0|1"},
    {"ScatterND", "A[a,b] i64[c,1] X[c,b]", "reduction=none|add"},
    {"ScatterElements", "A[a,b] i64[c,d] X[c,d]", "axis=0|1 reduction=none|add"},
    {"GatherElements", "A[a,b] i64[c,d]", "axis=0|1"},
    {"Gather", "A[a,b] i64[c,d]", "axis=0|1"},
    {"Concat", "A[a,b] X[c,b]", "axis=0"},
    {"Slice", "A[a,b]", "starts=[0,0]|[-1,-1] ends=[1099511627776,1099511627776] axes=[0,1]"},
    {"STFT", "f32[b,l,1]", "frame_step=[1]|[4] frame_length=[8]|[1]"},
    {"DFT", "f32[b,l,1]", "axis=[0]|[1]"},
    {"MaxRoiPool", "f32[n,c,h,w] f32[r,5]", "pooled_shape=[2,2]|[1099511627776,1099511627776]"},
    {"RoiAlign", "f32[n,c,h,w] f32[r,4] i64[r]", "output_height=2 output_width=2|1099511627776"},
    {"MaxUnpool", "F[n,c,h,w] i64[n,c,h,w]", "kernel_shape=[2,2] strides=[2,2]"},
    {"LSTM", "f32[s,b,i] f32[1,4h,i] f32[1,4h,h]", "hidden_size=$h layout=0|1"},
    {"GRU", "f32[s,b,i] f32[1,3h,i] f32[1,3h,h]", "hidden_size=$h"},
    {"RNN", "f32[s,b,i] f32[1,h,i] f32[1,h,h]", "hidden_size=$h"},
    {"Attention", "f32[b,h,s,d] f32[b,h,t,d] f32[b,h,t,v]", "is_causal=true|false"},
    {"TensorScatter", "A[n,a,b,d] X[n,a,c,d]", ""},
    {"DequantizeLinear", "u8[a,b] f32[a] u8[a]", "axis=0"},
    {"QuantizeLinear", "f32[a,b] f32[b] u8[b]", "axis=1"},
    {"MaxPool", "F[a,2,0,3]", "kernel_shape=[1,1] pads=[1,1,0,0]"},
    {"LpPool", "F[a,2,0,3]", "kernel_shape=[1,1] pads=[1,1,0,0]"},
    {"AveragePool", "F[a,2,0,3]", "kernel_shape=[1,1] pads=[1,1,0,0]"},
    {"MatMulNBits", "f32[a,m,16] u8[2,1,8]{0..99} f32[2,1]", "K=16 N=2 bits=4 block_size=16"},
    {"GroupQueryAttention", "f32[b,s,8] f32[b,s,4] f32[b,s,4] _ _ i32[b]{2} i32[]{3}",
     "num_heads=2 kv_num_heads=1"},
    {"GatherBlockQuantized", "u8[a,16]{0..99} i64[c,d] f32[a,1]",
     "bits=4 block_size=16 quantize_axis=1 gather_axis=0"},
    {"NegativeLogLikelihoodLoss", "f32[n,c,a] i64[n,a]", "reduction=none|sum|mean"},
    {"SoftmaxCrossEntropyLoss", "f32[n,c,a] i64[n,a]", "reduction=none|sum|mean"},
    {"LabelEncoder", "i64[a,b] i64[3]{0,1,2} f32[3]{-1..1} f32[]{0}", ""},
    {"Multinomial", "f32[a,b]", "sample_size=0|1"},
    {"TreeEnsemble",
     "f32[n,m] i64[1]{0} i64[1,7]{0,0,0,-1,-2,0,0} f32[1]{0.5} i64[2,2]{0,1,1,2} i64[2]{0} "
     "f32[2]{1,-2}",
     "n_targets=1"},
};

/// One node with operands that have elements or a dimension of 0.
struct Drawn {
  Op op;
  std::vector<std::optional<Tensor>> operands;
  size_t results = 1;
};

bool has_huge(const Tensor& contents) {
  if (contents.is_sequence())
    return std::any_of(contents.elements().begin(), contents.elements().end(),
                       [](const Tensor& element) { return has_huge(element); });
  std::vector<int64_t> numbers = contents.shape();
  if (contents.dtype() == DType::i64)
    for (int64_t i = 0; i < contents.count(); ++i) numbers.push_back(contents.integer(i));
  return std::any_of(numbers.begin(), numbers.end(), [](int64_t size) { return size >= kHuge; });
}

bool has_huge(const Drawn& drawn) {
  return cat(drawn.op).find(cat(kHuge)) != std::string::npos ||
         std::any_of(drawn.operands.begin(), drawn.operands.end(),
                     [](const auto& operand) { return operand && has_huge(*operand); });
}

enum class Way {
  constants,  // all operands are
  mixed,      // some are inputs of known sizes
  inputs,     // all are, of open sizes
};

std::unique_ptr<Graph> graph_of(const Drawn& drawn, Way way, Rng& rng, NamedTensors& inputs) {
  auto graph = std::make_unique<Graph>("g");
  std::vector<Value*> operands;
  for (const auto& operand : drawn.operands) {
    operands.push_back(nullptr);
    if (!operand) continue;
    const std::string name = cat("x", operands.size());
    if (operand->is_tensor() && (way == Way::constants || (way == Way::mixed && rng.percent(50)))) {
      operands.back() = graph->add_constant(name, Weight::of(*operand));
      continue;
    }
    Type type = Type::sequence(Type::unranked(operand->dtype()));
    if (operand->is_tensor()) {
      Dims dims;
      for (const int64_t size : operand->shape())
        dims.push_back(way == Way::inputs ? Dim::symbol(cat("n", size)) : Dim(size));
      type = Type::tensor(operand->dtype(), std::move(dims));
    }
    operands.back() = graph->add_input(name, std::move(type));
    inputs.emplace_back(name, *operand);
  }
  const std::vector<std::string> names(drawn.results, "y");
  const Node* node = graph->add_node(drawn.op, std::move(operands), names);
  for (Value* output : node->outputs) graph->add_output(output->name, output);
  infer(*graph);
  return graph;
}

/// Of this op, as `hint` has it. nullopt: the draw is refused, or nothing in it is huge.
std::optional<Drawn> draw(const OpClass& op_class, const Hint* hint, Rng& rng) {
  RandomGraphOptions options;
  options.sizes = {0, 0, 0, kHuge, kHuge, kHuge, 1, 2, 3};
  options.most_elements = 4096;
  Graph graph;
  DrawnGraph scratch{graph, rng, options};
  scratch.closed = true;
  for (const auto& shape : {std::vector<int64_t>{kHuge, 0}, std::vector<int64_t>{0, kHuge}}) {
    const Tensor element(DType::f32, shape);
    Value* value = graph.add_input("s", Type::sequence(Type::unranked(DType::f32)));
    scratch.others.push_back(value);
    scratch.contents.emplace(value, Tensor::sequence(DType::f32, {element, element}));
  }
  try {
    std::map<char, int64_t> letters;
    const bool is_empty = hint != nullptr && hint->operands.empty();
    const std::vector<Value*> operands = is_empty          ? std::vector<Value*>()
                                         : hint == nullptr ? draw_operands(scratch, op_class)
                                                           : draw_operands(scratch, *hint, letters);
    if (operands.empty() && !is_empty) return std::nullopt;
    Drawn drawn{draw_op(op_class, hint, letters, rng), {}, 1};
    for (const Value* operand : operands)
      drawn.operands.push_back(operand == nullptr ? std::nullopt
                                                  : std::optional(scratch.of(operand)));
    while (!drawn.operands.empty() && !drawn.operands.back()) drawn.operands.pop_back();
    const Arity arity = op_class.outputs;
    drawn.results = static_cast<size_t>(
        rng.between(std::max(1, arity.least), std::max(1, std::min(arity.most, arity.least + 2))));
    if (!has_huge(drawn)) return std::nullopt;
    NamedTensors inputs;
    graph_of(drawn, Way::constants, rng, inputs);  // throws what the type rule refuses
    return drawn;
  } catch (const Error& error) {
    check(error.code() != Code::internal, Code::internal, error.message());
    return std::nullopt;
  } catch (const std::out_of_range&) {
    return std::nullopt;  // a field has a letter that no operand has
  }
}

/// The results take little memory, so none of it may be missing. (One that the node could give and
/// does not may be large, and made all the same.)
bool fits(const Graph& graph) {
  const Node& node = graph.nodes().front();
  if (std::ssize(node.outputs) < node.op.op_class().outputs.most) return false;
  return std::all_of(graph.outputs().begin(), graph.outputs().end(), [](const GraphOutput& output) {
    const Type& type = output.value->type;
    const auto shape = type.is_tensor() ? type.tensor().concrete() : std::nullopt;
    return shape && try_element_count(*shape).value_or(kHuge) <= 1 << 20;
  });
}

/// Everything that is done with it. The text says what is wrong; empty: nothing.
std::string run_case(const Drawn& drawn, Rng& rng) {
  for (const Way way : {Way::constants, Way::mixed, Way::inputs}) {
    NamedTensors inputs;
    std::unique_ptr<Graph> graph;
    try {
      graph = graph_of(drawn, way, rng, inputs);
      const auto engine = build(graph->clone(), {});
      if (way != Way::constants) {
        std::vector<Tensor> contents;
        for (const auto& [name, tensor] : inputs) contents.push_back(tensor);
        evaluate(*graph, contents);
      }
      Context(engine).run(inputs);
    } catch (const Error& error) {
      const bool may_be = error.code() != Code::internal && (error.code() != Code::out_of_memory ||
                                                             graph == nullptr || !fits(*graph));
      if (!may_be) return cat(name(error.code()), ": ", error.message());
    } catch (const std::bad_alloc&) {  // the results are too large, and that is told at once
      if (graph == nullptr || fits(*graph)) return "no memory";
    } catch (const std::length_error&) {
      if (graph == nullptr || fits(*graph)) return "no memory";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  return "";
}

/// What a child tells its parent, in memory that both have.
struct Shared {
  std::atomic<int> at = 0;
  char message[1024] = {};
};

std::string text_of(const Drawn& drawn) {
  Rng rng(0);
  NamedTensors inputs;
  return print(*graph_of(drawn, Way::mixed, rng, inputs));
}

void limit(int seconds) {
  const itimerval timer{{0, 0}, {seconds, 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);  // its signal ends the process
}

[[noreturn]] void child(const std::vector<Drawn>& cases, Shared& shared) {
  const rlimit bytes{kBytes, kBytes}, core{0, 0};
  ::setrlimit(RLIMIT_AS, &bytes);
  ::setrlimit(RLIMIT_CORE, &core);
  for (int i = shared.at; i < static_cast<int>(cases.size()); ++i) {
    shared.at = i;
    limit(kSeconds);
    Rng rng(static_cast<uint64_t>(i));
    const std::string wrong = run_case(cases[static_cast<size_t>(i)], rng);
    limit(0);
    if (wrong.empty()) continue;
    wrong.copy(shared.message, sizeof shared.message - 1);
    ::_exit(1);
  }
  ::_exit(0);
}

/// What goes wrong, each with its node.
std::vector<std::string> failures(const std::vector<Drawn>& cases) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, Code::out_of_memory, "mmap");
  Shared& shared = *new (memory) Shared;
  std::vector<std::string> found;
  while (found.size() < 40) {
    std::fill(std::begin(shared.message), std::end(shared.message), '\0');
    const pid_t process = ::fork();
    if (process == 0) child(cases, shared);
    int status = 0;
    ::waitpid(process, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
    const std::string why = WIFEXITED(status)             ? std::string(shared.message)
                            : WTERMSIG(status) == SIGPROF ? cat("took ", kSeconds, " s")
                                                          : cat("signal ", WTERMSIG(status));
    found.push_back(cat(why, "\n", text_of(cases[static_cast<size_t>(shared.at)])));
    ++shared.at;
  }
  ::munmap(memory, sizeof(Shared));
  return found;
}

std::vector<const Hint*> all_hints_for(std::string_view op) {
  std::vector<const Hint*> hints = hints_for(op);
  for (const Hint& hint : kMoreHints)
    if (hint.op == op) hints.push_back(&hint);
  if (hints.size() < 2) hints.insert(hints.end(), 2, nullptr);  // blind draws
  return hints;
}

TEST(ZeroSizes, NothingIsDoneForEveryPlaceOfAHugeDimension) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "memory cannot be limited here";
#endif
  const char* only = std::getenv("HONE_ZERO_SIZES_OP");
  std::vector<Drawn> cases;
  std::string never;
  Rng rng(7);
  for (const OpClass* op_class : all_ops().all()) {
    if (op_class->eval == nullptr || (only != nullptr && op_class->name != only)) continue;
    const Op op = Op::of(*op_class, op_class->copy(nullptr));
    if (!control_bodies(op).empty()) continue;  // a turn for every place is what they say
    const size_t before = cases.size();
    for (const Hint* hint : all_hints_for(op_class->name))
      for (int kept = 0, tries = 0; kept < kDraws && tries < kTries; ++tries)
        if (auto drawn = draw(*op_class, hint, rng)) {
          cases.push_back(std::move(*drawn));
          ++kept;
        }
    if (cases.size() == before) never += cat(" ", op_class->name);
  }
  RecordProperty("cases", static_cast<int>(cases.size()));
  std::cout << cases.size() << " cases; never drawn:" << never << "\n";
  for (const std::string& failure : failures(cases)) ADD_FAILURE() << failure;
}

}  // namespace hone::test::zero_sizes_test
