#include "device/cuda/finding.hpp"

#include <algorithm>
#include <optional>

#include "base/size.hpp"
#include "base/text.hpp"
#include "device/cuda/module.hpp"
#include "device/cuda/texts.hpp"
#include "ops/detection.hpp"
#include "ops/select.hpp"

namespace hone::cuda {
namespace {

constexpr int64_t kRun = 4096;   // elements that a block looks at, as in found.cu
constexpr size_t kMostAxes = 8;  // as there
constexpr int64_t kThreads = 256;

uint64_t address(const void* data) { return reinterpret_cast<uint64_t>(data); }

/// The most boxes of a class; nullopt: only running tells.
std::optional<int64_t> most_of(const NonMaxSuppression& op, const Node& node) {
  if (!op.max_output_boxes_per_class)
    return node.input(2) == nullptr ? std::optional<int64_t>(0) : std::nullopt;
  const Dims& given = *op.max_output_boxes_per_class;
  return given.size() == 1 ? given.front().constant() : std::nullopt;
}

bool has_rank(const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value != nullptr && value->type.is_tensor() && value->type.tensor().has_rank();
}
DType dtype_of(const Node& node, size_t operand) {
  return node.inputs[operand]->type.tensor().dtype;
}

/// Elements as bits of which some count; empty: they have another size.
std::string bits_text(DType dtype) {
  const int width = bits(dtype);
  if (!is_float(dtype) && !is_integer(dtype) && dtype != DType::boolean) return {};
  if (is_float(dtype) && width < 16) return {};
  const char* type = width == 8    ? "unsigned char"
                     : width == 16 ? "unsigned short"
                     : width == 32 ? "unsigned"
                     : width == 64 ? "unsigned long long"
                                   : nullptr;
  if (type == nullptr) return {};
  // The sign of a zero does not count.
  return cat("typedef ", type, " Bits;\nconstexpr Bits kMask = (Bits)",
             is_float(dtype) ? "((Bits)~(Bits)0 >> 1)" : "~(Bits)0", ";\n");
}

std::string number_text(DType dtype) {
  if (dtype == DType::f32)
    return "typedef float Element;\n__device__ float number(Element x) { return x; }\n";
  return cat("typedef unsigned short Element;\n__device__ float number(Element x) { return from_",
             dtype == DType::f16 ? "f16" : "bf16", "(x); }\n");
}

std::string whole(std::string text) { return emitter::Text{std::move(text)}.narrow(); }

FindingTexts declined(std::string why) { return {{}, {}, std::move(why)}; }

FindingTexts texts_of_places(const Node& node) {
  if (!has_rank(node, 0) || dtype_of(node, 0) == DType::string)
    return declined("an operand of unknown rank");
  if (node.inputs[0]->type.tensor().rank() > static_cast<int>(kMostAxes))
    return declined("more than eight axes");
  const std::string of = bits_text(dtype_of(node, 0));
  if (of.empty()) return declined("elements of less than a byte");
  return {whole(cat(of, embedded_text("found"), embedded_text("found_sum"))), {}, {}};
}

FindingTexts texts_of_slices(const Node& node) {
  if (!has_rank(node, 0) || !has_rank(node, 1)) return declined("an operand of unknown rank");
  const DType dtype = dtype_of(node, 0);
  const int width = bits(dtype);
  const char* unit = width == 8    ? "unsigned char"
                     : width == 16 ? "unsigned short"
                     : width == 32 ? "unsigned"
                     : width == 64 ? "uint2"
                                   : nullptr;
  if (unit == nullptr || dtype == DType::string) return declined(cat("it has ", dtype));
  return {whole(cat(bits_text(DType::boolean), embedded_text("found"), embedded_text("found_sum"))),
          whole(cat("typedef ", unit, " Unit;\n", embedded_text("slices"))),
          {}};
}

FindingTexts texts_of_boxes(const NonMaxSuppression& op, const Node& node) {
  if (!has_rank(node, 0) || !has_rank(node, 1)) return declined("an operand of unknown rank");
  const DType dtype = dtype_of(node, 0);
  if ((dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16) ||
      dtype_of(node, 1) != dtype)
    return declined("boxes and scores of one type, f32, f16 or bf16, only");
  for (const size_t i : {3, 4})
    if (node.input(i) != nullptr && dtype_of(node, i) != DType::f32)
      return declined("thresholds of f32 only");
  if (!most_of(op, node)) return declined("how many boxes there are at most is an operand");
  const std::string center = op.center_point_box ? "true" : "false";
  return {whole(cat(number_text(dtype), "constexpr bool kCenter = ", center, ";\n",
                    embedded_text("found_sum"), embedded_text("suppress"))),
          {},
          {}};
}

/// What is ready, and the device that contexts get memory of.
struct Ready final : Finding, std::enable_shared_from_this<Ready> {
  Ready(Op op, int64_t most, Device& device, FindingTexts texts)
      : op(std::move(op)), most(most), device(device) {
    looking = std::make_unique<const LateModule>(device.gpu(), std::move(texts.looking));
    if (!texts.writing.empty())
      writing = std::make_unique<const LateModule>(device.gpu(), std::move(texts.writing));
  }
  std::unique_ptr<Finder> finder() const override;
  std::vector<MachineCode> code() const override {
    std::vector<MachineCode> all{looking->code()};
    if (writing != nullptr) all.push_back(writing->code());
    return all;
  }

  const Op op;
  const int64_t most;  // boxes of a class
  Device& device;
  std::unique_ptr<const LateModule> looking, writing;
};

/// What all have: counts on the device, whose sum comes to the host.
class Counting : public Finder {
 public:
  explicit Counting(std::shared_ptr<const Ready> ready) : ready_(std::move(ready)) {
    total_ = ready_->device.allocate_host(sizeof(int64_t));
  }

 protected:
  void grow(Buffer& buffer, int64_t bytes, hone::Stream& stream) {
    if (buffer.bytes >= bytes) return;
    stream.synchronize();
    buffer = {};
    buffer = ready_->device.allocate(bytes);
  }
  static void launch(const LateModule& module, const std::string& function, int64_t threads,
                     int64_t blocks, std::vector<uint64_t> arguments, hone::Stream& stream,
                     const std::vector<void*>& more = {}) {
    Launching launching(module.get().function(function), static_cast<int>(threads), 0);
    launching.set_grid(blocks);
    launching.set(std::move(arguments), more);
    launching.enqueue(static_cast<Stream&>(stream));
  }
  /// Counts become how many are in front of each; gives the sum.
  int64_t sum(int64_t count, hone::Stream& stream) {
    launch(*ready_->looking, "sum", 1024, 1, {address(counts_.data), static_cast<uint64_t>(count)},
           stream);
    const Buffer last{counts_.data + count * 8, 8, false, nullptr};
    ready_->device.copy({total_.data, 8, true, nullptr}, last, stream);
    stream.synchronize();
    return *reinterpret_cast<const int64_t*>(total_.data);
  }
  /// Elements of `x` that are not zero.
  int64_t count(const Operand& x, int64_t elements, hone::Stream& stream) {
    blocks_ = ceil_div(elements, kRun);
    if (blocks_ == 0) return 0;
    grow(counts_, (blocks_ + 1) * 8, stream);
    launch(*ready_->looking, "count", kThreads, blocks_,
           {address(x.data), address(counts_.data), static_cast<uint64_t>(elements)}, stream);
    return sum(blocks_, stream);
  }
  void write_places(const Operand& x, int64_t elements, int64_t found,
                    const std::vector<int64_t>& shape, std::byte* to, hone::Stream& stream) {
    int64_t sizes[kMostAxes] = {};
    std::copy(shape.begin(), shape.end(), sizes);
    launch(*ready_->looking, "places", kThreads, blocks_,
           {address(x.data), address(counts_.data), address(to), static_cast<uint64_t>(elements),
            static_cast<uint64_t>(found), shape.size()},
           stream, {sizes});
  }

  std::shared_ptr<const Ready> ready_;
  Buffer counts_, total_;
  int64_t blocks_ = 0;
};

class Places final : public Counting {
 public:
  using Counting::Counting;
  Shapes look(const std::vector<Operand>& operands, hone::Stream& stream) override {
    x_ = operands[0];
    found_ = count(x_, element_count(x_.shape), stream);
    return {{std::ssize(x_.shape), found_}};
  }
  void write(const std::vector<std::byte*>& results, hone::Stream& stream) override {
    if (found_ > 0 && !x_.shape.empty())
      write_places(x_, element_count(x_.shape), found_, x_.shape, results[0], stream);
  }

 private:
  Operand x_;
  int64_t found_ = 0;
};

class Slices final : public Counting {
 public:
  using Counting::Counting;
  Shapes look(const std::vector<Operand>& operands, hone::Stream& stream) override {
    x_ = operands[0], condition_ = operands[1];
    const auto& axis = ready_->op.as<Compress>()->axis;
    std::vector<int64_t> shape = x_.shape;
    if (!axis) shape = {element_count(x_.shape)};
    const auto at = static_cast<size_t>(!axis ? 0 : *axis < 0 ? *axis + std::ssize(shape) : *axis);
    size_ = shape.at(at);
    const int64_t given = element_count(condition_.shape);
    check(given <= size_, Code::usage, "the condition has ", given, " elements, axis ", at, " of ",
          shape_text(shape), " fewer");
    outer_ = element_count({shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(at)});
    inner_ = element_count({shape.begin() + static_cast<std::ptrdiff_t>(at) + 1, shape.end()});
    found_ = count(condition_, given, stream);
    shape[at] = found_;
    return {shape};
  }
  void write(const std::vector<std::byte*>& results, hone::Stream& stream) override {
    constexpr int64_t kMostBlocks = 132 * 16;
    const int64_t all = outer_ * found_ * inner_;
    if (all == 0) return;
    grow(kept_, found_ * 8, stream);
    write_places(condition_, element_count(condition_.shape), found_,
                 {element_count(condition_.shape)}, kept_.data, stream);
    launch(*ready_->writing, "take_slices", kThreads,
           std::min(kMostBlocks, ceil_div(all, kThreads)),
           {address(x_.data), address(kept_.data), address(results[0]),
            static_cast<uint64_t>(outer_), static_cast<uint64_t>(size_),
            static_cast<uint64_t>(found_), static_cast<uint64_t>(inner_)},
           stream);
  }

 private:
  Operand x_, condition_;
  Buffer kept_;
  int64_t outer_ = 1, size_ = 0, inner_ = 1, found_ = 0;
};

class Boxes final : public Counting {
 public:
  using Counting::Counting;
  Shapes look(const std::vector<Operand>& operands, hone::Stream& stream) override {
    const std::vector<int64_t>&boxes = operands[0].shape, &scores = operands[1].shape;
    check(boxes.size() == 3 && scores.size() == 3 && boxes[2] == 4 && boxes[0] == scores[0] &&
              boxes[1] == scores[2],
          Code::usage, "boxes ", shape_text(boxes), " and scores ", shape_text(scores),
          ", wanted [batches, n, 4] and [batches, classes, n]");
    classes_ = scores[1], rows_ = boxes[0] * classes_, found_ = 0;
    const int64_t n = boxes[1];
    check(n < INT32_MAX, Code::unsupported, n, " boxes on a GPU");
    most_ = std::min(ready_->most, n);
    if (rows_ == 0 || most_ <= 0) return {{0, 3}};
    const int64_t listed = checked_mul(rows_, n);
    grow(boxes_, checked_mul(listed, 24), stream);
    grow(selected_, checked_mul(rows_, most_) * 4, stream);
    grow(counts_, (rows_ + 1) * 8, stream);
    const auto given = [&](size_t i) {
      const bool is_there = i < operands.size() && element_count(operands[i].shape) > 0;
      return is_there ? address(operands[i].data) : 0;
    };
    launch(
        *ready_->looking, "suppress", 512, rows_,
        {address(operands[0].data), address(operands[1].data), given(3), given(4),
         address(boxes_.data), address(boxes_.data + listed * 16),
         address(boxes_.data + listed * 20), address(selected_.data), address(counts_.data),
         static_cast<uint64_t>(classes_), static_cast<uint64_t>(n), static_cast<uint64_t>(most_)},
        stream);
    found_ = sum(rows_, stream);
    return {{found_, 3}};
  }
  void write(const std::vector<std::byte*>& results, hone::Stream& stream) override {
    if (found_ == 0) return;
    launch(*ready_->looking, "gather", kThreads, rows_,
           {address(selected_.data), address(counts_.data), address(results[0]),
            static_cast<uint64_t>(classes_), static_cast<uint64_t>(most_)},
           stream);
  }

 private:
  Buffer boxes_, selected_;
  int64_t classes_ = 0, rows_ = 0, most_ = 0, found_ = 0;
};

std::unique_ptr<Finder> Ready::finder() const {
  if (op.as<NonZero>() != nullptr) return std::make_unique<Places>(shared_from_this());
  if (op.as<Compress>() != nullptr) return std::make_unique<Slices>(shared_from_this());
  return std::make_unique<Boxes>(shared_from_this());
}

}  // namespace

FindingTexts finding_texts_of(const Node& node) {
  if (node.op.as<NonZero>() != nullptr) return texts_of_places(node);
  if (node.op.as<Compress>() != nullptr) return texts_of_slices(node);
  if (const auto* op = node.op.as<NonMaxSuppression>()) return texts_of_boxes(*op, node);
  return declined("another op");
}

std::shared_ptr<const Finding> finding_of(const Node& node, Device& device) {
  FindingTexts texts = finding_texts_of(node);
  if (texts.looking.empty()) return nullptr;
  const auto* boxes = node.op.as<NonMaxSuppression>();
  const int64_t most = boxes == nullptr ? 0 : *most_of(*boxes, node);
  return std::make_shared<Ready>(node.op, most, device, std::move(texts));
}

}  // namespace hone::cuda
