#include "ops/convolution.hpp"

#include <algorithm>

#include "import/mxnet/node_reader.hpp"
#include "import/mxnet/window_fields.hpp"

namespace hone::mxnet {
namespace {

size_t spatial_axes(const NodeReader& node) {
  const int rank = node.rank_of(0);
  node.check(rank >= 3, "an input of ", rank, " axes, wanted batch, channels and spatial axes");
  return static_cast<size_t>(rank - 2);
}

std::vector<Value*> operands(NodeReader& node, bool no_bias) {
  std::vector<Value*> inputs{node.required(0), node.weight(1, "weight")};
  if (!no_bias) inputs.push_back(node.weight(2, "bias"));
  return inputs;
}

void check_filters(NodeReader& node, Window& window, int64_t filters, int64_t given) {
  const auto sizes = node.input(1)->type.tensor().concrete();
  if (!sizes) node.unsupported("weights whose sizes are not known");
  const auto& kernel = window.kernel_shape;
  const bool fits = sizes->size() == kernel.size() + 2 && given == filters &&
                    std::equal(kernel.begin(), kernel.end(), sizes->begin() + 2);
  node.check(fits, "weights are stored as ", shape_text(*sizes), " for ", filters,
             " filters of a kernel ", join(kernel, "x"));
  window.kernel_shape.clear();  // the weight's
}

void import_convolution(NodeReader& node) {
  const int64_t filters = node.integer("num_filter"), group = node.integer("num_group", 1);
  Window window = read_window(node, spatial_axes(node));
  const auto inputs = operands(node, node.flag("no_bias", false));
  const auto sizes = inputs[1]->type.tensor().concrete();
  check_filters(node, window, filters, sizes && !sizes->empty() ? sizes->front() : -1);
  node.emit(Conv{.window = std::move(window), .group = group}, inputs);
}

void import_deconvolution(NodeReader& node) {
  const int64_t filters = node.integer("num_filter"), group = node.integer("num_group", 1);
  const size_t axes = spatial_axes(node);
  Window window = read_window(node, axes);
  std::vector<int64_t> more = per_axis(node, "adj", axes, 0);
  std::vector<int64_t> target = per_axis(node, "target_shape", axes, 0);
  const auto inputs = operands(node, node.flag("no_bias", true));
  const auto sizes = inputs[1]->type.tensor().concrete();
  check_filters(
      node, window, filters,
      sizes && sizes->size() > 1 && group > 0 && (*sizes)[1] <= filters ? (*sizes)[1] * group : -1);
  ConvTranspose op{.window = std::move(window), .group = group};
  const auto is_set = [](int64_t size) { return size != 0; };
  if (std::any_of(target.begin(), target.end(), is_set)) {
    op.window.pads.clear();  // they follow from the sizes
    op.output_shape = std::move(target);
  } else if (std::any_of(more.begin(), more.end(), is_set)) {
    op.output_padding = std::move(more);
  }
  node.emit(std::move(op), inputs);
}

std::vector<int64_t> sizes_of_image(const Symbol& symbol, const Node& node, size_t i,
                                    const WeightSource& weights, size_t channel_axis) {
  if (i != 0) return {};
  std::vector<int64_t> sizes = sizes_by_kernel(node);
  const std::vector<int64_t> stored = weights.sizes(symbol, node, 1);
  const auto found = node.attributes.find("num_group");
  const auto group = found == node.attributes.end() ? 1 : parse_int(found->second).value_or(0);
  if (sizes.size() < 3 || stored.size() != sizes.size()) return sizes;
  const int64_t channels = stored[channel_axis];
  if (channel_axis == 0) sizes[1] = channels;
  else if (group > 0 && channels > 0 && group <= (int64_t{1} << 31) / channels)
    sizes[1] = channels * group;
  return sizes;
}

std::vector<int64_t> convolution_sizes(const Symbol& symbol, const Node& node, size_t i,
                                       const WeightSource& weights) {
  return sizes_of_image(symbol, node, i, weights, 1);
}
std::vector<int64_t> deconvolution_sizes(const Symbol& symbol, const Node& node, size_t i,
                                         const WeightSource& weights) {
  return sizes_of_image(symbol, node, i, weights, 0);
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add({"Convolution", "Convolution_v1"},
                {.run = import_convolution, .weights = 1, .sizes = convolution_sizes});
  importers.add("Deconvolution",
                {.run = import_deconvolution, .weights = 1, .sizes = deconvolution_sizes});
}

}  // namespace hone::mxnet
