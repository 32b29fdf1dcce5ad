// What layers were called before.

#include <algorithm>
#include <array>
#include <utility>

#include "import/caffe/net.hpp"

namespace hone::caffe {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

template <size_t N>
std::string_view newest(const std::array<Name, N>& names, std::string_view name) {
  for (const auto& [old, now] : names)
    if (old == name) return now;
  return {};
}

constexpr std::array<Name, 40> kV1 = {{
    {"ABSVAL", "AbsVal"},
    {"ACCURACY", "Accuracy"},
    {"ARGMAX", "ArgMax"},
    {"BNLL", "BNLL"},
    {"CONCAT", "Concat"},
    {"CONTRASTIVE_LOSS", "ContrastiveLoss"},
    {"CONVOLUTION", "Convolution"},
    {"CROP", "Crop"},
    {"DATA", "Data"},
    {"DECONVOLUTION", "Deconvolution"},
    {"DROPOUT", "Dropout"},
    {"DUMMY_DATA", "DummyData"},
    {"ELTWISE", "Eltwise"},
    {"EUCLIDEAN_LOSS", "EuclideanLoss"},
    {"EXP", "Exp"},
    {"FLATTEN", "Flatten"},
    {"HDF5_DATA", "HDF5Data"},
    {"HDF5_OUTPUT", "HDF5Output"},
    {"HINGE_LOSS", "HingeLoss"},
    {"IM2COL", "Im2col"},
    {"IMAGE_DATA", "ImageData"},
    {"INFOGAIN_LOSS", "InfogainLoss"},
    {"INNER_PRODUCT", "InnerProduct"},
    {"LRN", "LRN"},
    {"MEMORY_DATA", "MemoryData"},
    {"MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"},
    {"MVN", "MVN"},
    {"POOLING", "Pooling"},
    {"POWER", "Power"},
    {"RELU", "ReLU"},
    {"SIGMOID", "Sigmoid"},
    {"SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"},
    {"SILENCE", "Silence"},
    {"SLICE", "Slice"},
    {"SOFTMAX", "Softmax"},
    {"SOFTMAX_LOSS", "SoftmaxWithLoss"},
    {"SPLIT", "Split"},
    {"TANH", "TanH"},
    {"THRESHOLD", "Threshold"},
    {"WINDOW_DATA", "WindowData"},
}};

constexpr std::array<Name, 26> kV0 = {{
    {"accuracy", "Accuracy"},
    {"bnll", "BNLL"},
    {"concat", "Concat"},
    {"conv", "Convolution"},
    {"data", "Data"},
    {"dropout", "Dropout"},
    {"eltwise", "Eltwise"},
    {"euclidean_loss", "EuclideanLoss"},
    {"flatten", "Flatten"},
    {"hdf5_data", "HDF5Data"},
    {"hdf5_output", "HDF5Output"},
    {"hinge_loss", "HingeLoss"},
    {"im2col", "Im2col"},
    {"images", "ImageData"},
    {"infogain_loss", "InfogainLoss"},
    {"innerproduct", "InnerProduct"},
    {"lrn", "LRN"},
    {"multinomial_logistic_loss", "MultinomialLogisticLoss"},
    {"padding", "Padding"},
    {"pool", "Pooling"},
    {"relu", "ReLU"},
    {"sigmoid", "Sigmoid"},
    {"softmax", "Softmax"},
    {"softmax_loss", "SoftmaxWithLoss"},
    {"split", "Split"},
    {"tanh", "TanH"},
}};

/// The message that holds a type's fields.
constexpr std::array<Name, 9> kMessages = {{
    {"Concat", "concat_param"},
    {"Convolution", "convolution_param"},
    {"Data", "data_param"},
    {"Dropout", "dropout_param"},
    {"ImageData", "image_data_param"},
    {"InnerProduct", "inner_product_param"},
    {"LRN", "lrn_param"},
    {"Padding", "padding_param"},
    {"Pooling", "pooling_param"},
}};

/// What fields are called now; the others kept their names.
constexpr std::array<Name, 5> kFields = {{
    {"biasterm", "bias_term"},
    {"kernelsize", "kernel_size"},
    {"batchsize", "batch_size"},
    {"cropsize", "crop_size"},
    {"meanfile", "mean_file"},
}};

/// Settings of training.
bool is_of_training(std::string_view field) {
  return field == "blobs_lr" || field == "weight_decay" || field == "weight_filler" ||
         field == "bias_filler";
}

}  // namespace

std::string_view type_of_v1(std::string_view name) { return newest(kV1, name); }

Layer upgrade_v0(const TextField& old) {
  Layer layer;
  layer.line = old.line;
  TextField message;
  message.kind = TextField::Kind::message;
  message.line = old.line;
  for (const TextField& field : old.fields) {
    if (field.name == "name") {
      layer.name = field.value;
    } else if (field.name == "type") {
      const std::string_view now = newest(kV0, field.value);
      layer.type = now.empty() ? std::string_view(field.value) : now;
    } else if (!is_of_training(field.name)) {
      message.fields.push_back(field);
      const std::string_view now = newest(kFields, field.name);
      if (!now.empty()) message.fields.back().name = now;
    }
  }
  message.name = newest(kMessages, layer.type);
  if (!message.name.empty() && !message.fields.empty()) layer.fields.push_back(std::move(message));
  return layer;
}

}  // namespace hone::caffe
