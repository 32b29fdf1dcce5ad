#include "import/caffe/net.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "import/report.hpp"

namespace hone::caffe {
namespace {

using Kind = TextField::Kind;

[[noreturn]] void wrong(const std::string& file, const TextField& field, std::string_view wanted) {
  fail(Code::invalid_model, file, ":", field.line, ": ", shown(field.name), " is ",
       field.kind == Kind::message ? std::string("a message") : cat("\"", shown(field.value), "\""),
       ", wanted ", wanted);
}

/// What conditions of layers are told: a trained net runs in phase TEST.
struct State {
  int64_t level = 0;
  std::vector<std::string> stages;
};

class NetReader {
 public:
  explicit NetReader(const std::string& file) : file_(file) {}

  Net read(std::vector<TextField> fields) {
    read_state(fields);
    std::vector<std::vector<int64_t>> shapes;
    std::vector<int64_t> dims;
    for (TextField& field : fields) {
      if (field.name == "name") net_.name = text(field);
      else if (field.name == "input") net_.inputs.push_back({text(field), {}});
      else if (field.name == "input_dim") dims.push_back(integer(field));
      else if (field.name == "input_shape") shapes.push_back(shape(field));
      else if (field.name == "layer") add(field, 3);
      else if (field.name == "layers") add_old(field);
    }
    give_sizes(shapes, dims);
    static constexpr std::string_view kVersions[] = {"", "V0 layers", "V1 layers", "V2 layers"};
    net_.version = kVersions[newest_];
    return std::move(net_);
  }

 private:
  std::string text(const TextField& field) const {
    if (field.kind != Kind::text) wrong(file_, field, "a string");
    return field.value;
  }
  std::string word(const TextField& field) const {
    if (field.kind == Kind::message) wrong(file_, field, "a word");
    return field.value;
  }
  int64_t integer(const TextField& field) const {
    const auto value = whole_number(field);
    if (!value) wrong(file_, field, "a whole number");
    return *value;
  }
  const std::vector<TextField>& message(const TextField& field) const {
    if (field.kind != Kind::message) wrong(file_, field, "a message");
    return field.fields;
  }
  std::vector<int64_t> shape(const TextField& field) const {
    std::vector<int64_t> dims;
    for (const TextField& dim : message(field))
      if (dim.name == "dim") dims.push_back(integer(dim));
    return dims;
  }

  void read_state(const std::vector<TextField>& fields) {
    for (const TextField& field : fields) {
      if (field.name != "state") continue;
      for (const TextField& each : message(field)) {
        if (each.name == "level") state_.level = integer(each);
        if (each.name == "stage") state_.stages.push_back(text(each));
      }
    }
    if (state_.stages.empty() && names_stage(fields, "deploy")) state_.stages.push_back("deploy");
  }

  /// DIGITS writes the nets to train and to deploy as one file and tells them apart by stages.
  bool names_stage(const std::vector<TextField>& fields, std::string_view stage) const {
    for (const TextField& layer : fields)
      for (const TextField& rule : layer.fields)
        for (const TextField& each : rule.fields)
          if ((rule.name == "include" || rule.name == "exclude") &&
              (each.name == "stage" || each.name == "not_stage") && each.value == stage)
            return true;
    return false;
  }

  bool holds(const TextField& rule) const {
    const auto has = [&](const std::string& stage) {
      return std::find(state_.stages.begin(), state_.stages.end(), stage) != state_.stages.end();
    };
    bool all = true;
    for (const TextField& each : message(rule)) {
      if (each.name == "phase") all &= word(each) == "TEST" || word(each) == "1";
      else if (each.name == "min_level") all &= state_.level >= integer(each);
      else if (each.name == "max_level") all &= state_.level <= integer(each);
      else if (each.name == "stage") all &= has(text(each));
      else if (each.name == "not_stage") all &= !has(text(each));
    }
    return all;
  }

  /// Included where some rule holds, or there is none; excluded where some rule holds.
  bool is_included(const TextField& layer) const {
    bool asked = false, included = false;
    for (const TextField& field : layer.fields) {
      if (field.name == "exclude" && holds(field)) return false;
      if (field.name == "include") asked = true, included |= holds(field);
    }
    return !asked || included;
  }

  /// Takes what is in the field.
  Layer v2(TextField& field) const {
    Layer layer;
    layer.line = field.line;
    (void)message(field);
    for (TextField& each : field.fields) {
      if (each.name == "name") layer.name = text(each);
      else if (each.name == "type") layer.type = word(each);
      else if (each.name == "bottom") layer.bottoms.push_back(text(each));
      else if (each.name == "top") layer.tops.push_back(text(each));
      else if (each.name != "include" && each.name != "exclude")
        layer.fields.push_back(std::move(each));
    }
    return layer;
  }

  void add_old(TextField& field) {
    for (const TextField& inner : message(field))
      if (inner.name == "layer") {
        newest_ = std::max(newest_, 1);
        if (!is_included(field)) return;
        Layer layer = upgrade_v0(inner);
        for (const TextField& each : field.fields) {
          if (each.name == "bottom") layer.bottoms.push_back(text(each));
          if (each.name == "top") layer.tops.push_back(text(each));
        }
        return keep(std::move(layer));
      }
    add(field, 2);
  }

  /// A layer of V1 or V2 (2, 3).
  void add(TextField& field, int generation) {
    newest_ = std::max(newest_, generation);
    if (!is_included(field)) return;
    Layer layer = v2(field);
    const std::string_view newest = generation == 2 ? type_of_v1(layer.type) : std::string_view();
    if (!newest.empty()) layer.type = newest;
    keep(std::move(layer));
  }

  void keep(Layer layer) {
    check(!layer.type.empty(), Code::invalid_model, file_, ":", layer.line, ": a layer ",
          layer.name.empty() ? "" : cat("\"", shown(layer.name), "\" "), "without a type");
    if (layer.name.empty()) layer.name = layer.tops.empty() ? layer.type : layer.tops.front();
    net_.layers.push_back(std::move(layer));
  }

  /// Of the inputs: an input_shape each, or one for all, or four of input_dim each.
  void give_sizes(const std::vector<std::vector<int64_t>>& shapes,
                  const std::vector<int64_t>& dims) {
    const size_t inputs = net_.inputs.size();
    if (inputs == 0) return;
    check(shapes.empty() || dims.empty(), Code::invalid_model, file_,
          ": sizes of inputs both as input_shape and as input_dim");
    check(shapes.empty() || shapes.size() == inputs || shapes.size() == 1, Code::invalid_model,
          file_, ": ", shapes.size(), " of input_shape for ", inputs, " inputs");
    check(dims.empty() || dims.size() == 4 * inputs, Code::invalid_model, file_, ": ", dims.size(),
          " of input_dim for ", inputs, " inputs, wanted 4 each");
    check(!shapes.empty() || !dims.empty(), Code::invalid_model, file_, ": the sizes of input \"",
          shown(net_.inputs.front().name), "\" are not stated");
    for (size_t i = 0; i < inputs; ++i) {
      if (!shapes.empty()) net_.inputs[i].dims = shapes[shapes.size() == 1 ? 0 : i];
      else
        net_.inputs[i].dims.assign(dims.begin() + static_cast<ptrdiff_t>(4 * i),
                                   dims.begin() + static_cast<ptrdiff_t>(4 * i + 4));
    }
  }

  const std::string& file_;
  State state_;
  Net net_;
  int newest_ = 0;
};

}  // namespace

bool looks_like_net(std::string_view text) {
  return begins_with_field(text, {"name", "layer", "layers", "input", "input_dim", "input_shape",
                                  "state", "force_backward", "debug_info"});
}

Net read_net(std::string_view text, const std::string& file_name, int depth) {
  return NetReader(file_name).read(parse_text_format(text, file_name, depth));
}

}  // namespace hone::caffe
