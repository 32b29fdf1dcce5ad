// A net as a whole: inputs, layers in their order, outputs, and the report.

#include "import/caffe/reader.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "import/builder/scope.hpp"
#include "import/builder/stated_type.hpp"
#include "import/caffe/layer_reader.hpp"

namespace hone::caffe {
namespace {

using builder::Slot;

const Importers& importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

/// What a trained net does not need: what is read by these layers alone is a result.
bool is_of_training(const std::string& type) {
  return type.ends_with("Loss") || type == "Accuracy" || type == "HDF5Output" ||
         type == "DetectionEvaluate";
}

/// Layers that only give data: their tops are inputs.
bool is_data(const std::string& type) {
  static constexpr std::string_view kTypes[] = {"Input",      "Data",         "ImageData",
                                                "MemoryData", "DummyData",    "HDF5Data",
                                                "WindowData", "AnnotatedData"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

class NetImport {
 public:
  NetImport(const Net& net, const WeightSource& weights, builder::ModelBuild& model, Graph& graph)
      : net_(net),
        weights_(weights),
        model_(model),
        frame_(model, graph, nullptr),
        scope_(frame_, nullptr) {}

  void import() {
    note_names();
    for (const NetInput& input : net_.inputs) add_input(input.name, input.dims);
    for (const Layer& layer : net_.layers) {
      if (is_of_training(layer.type)) continue;
      model_.count_node(frame_.graph());
      const auto tell = [&](const Error& error) { report(layer, error); };
      const auto one = [&] { is_data(layer.type) ? add_data(layer) : add_layer(layer); };
      if (!model_.attempt(one, tell)) define(layer, {});
    }
    add_outputs();
  }

 private:
  /// Which layer gives a name its last value, and which one reads it last.
  void note_names() {
    for (const Layer& layer : net_.layers) {
      if (is_of_training(layer.type)) continue;
      for (const std::string& top : layer.tops) giver_[top] = &layer;
      for (const std::string& bottom : layer.bottoms) reader_[bottom] = &layer;
    }
  }

  /// What the caller asks for in place of the sizes that the file states.
  const std::vector<int64_t>& sizes_of(std::string_view name,
                                       const std::vector<int64_t>& stated) const {
    const auto& shapes = model_.options.shapes;
    auto given = shapes.find(name);
    if (given == shapes.end()) given = shapes.find(std::string_view());
    if (given == shapes.end()) return stated;
    check(given->second.size() == stated.size(), Code::usage, "it has ", stated.size(),
          " dimensions, the shape given for it ", given->second.size());
    return given->second;
  }

  void add_input(std::string_view name, const std::vector<int64_t>& file_dims) {
    std::vector<int64_t> dims = file_dims;
    model_.attempt([&] { dims = sizes_of(name, file_dims); },
                   [&](const Error& error) {
                     model_.report_place(cat("input ", builder::quoted(name)), error);
                   });
    builder::StatedType stated{
        Type::Kind::tensor, DType::f32, std::vector<builder::StatedDim>(), {}};
    for (const int64_t dim : dims) {
      stated.dims->emplace_back();
      if (dim > 0) stated.dims->back().value = dim;  // others are left open
    }
    const auto tell = [&](const Error& error) {
      model_.report_place(cat("input ", builder::quoted(name)), error);
      scope_.redefine(name, {Slot::State::failed});
    };
    model_.attempt(
        [&] {
          const int most = model_.options.limits.rank;
          check(dims.size() <= static_cast<size_t>(most), Code::invalid_model, "it has ",
                dims.size(), " dimensions (at most ", most, ")");
          check(!scope_.has(name), Code::invalid_model, "two inputs have this name");
          const Type type = builder::OpenType(name, symbols_).of(stated);
          scope_.define(name, {Slot::State::value, frame_.graph().add_input(name, type)});
        },
        tell);
  }

  /// The sizes of what a layer of data gives, as far as it says; 0: it depends on the data.
  std::vector<std::vector<int64_t>> data_shapes(LayerReader& reader) const {
    const std::string& type = reader.layer().type;
    if (type == "Input") return reader.params("input_param").shapes("shape");
    if (type == "DummyData") return reader.params("dummy_data_param").shapes("shape");
    if (type == "MemoryData") {
      Params params = reader.params("memory_data_param");
      return {{params.integer("batch_size", 0), params.integer("channels", 0),
               params.integer("height", 0), params.integer("width", 0)}};
    }
    Params params = reader.params(type == "ImageData" ? "image_data_param" : "data_param");
    const int64_t old_crop = params.integer("crop_size", 0);
    const int64_t crop = reader.params("transform_param").integer("crop_size", old_crop);
    return {{params.integer("batch_size", 0), 0, crop, crop}};
  }

  void add_data(const Layer& layer) {
    LayerReader reader(frame_, {layer.name, layer.type, {}, {}}, layer, weights_);
    const auto shapes = data_shapes(reader);
    for (size_t i = 0; i < layer.tops.size(); ++i) {
      const std::string& top = layer.tops[i];
      if (!reader_.contains(top)) continue;  // labels
      check(!shapes.empty(), Code::invalid_model, "states no sizes");
      if (shapes.size() <= i && shapes.size() > 1)
        fail(Code::invalid_model, shapes.size(), " shapes for ", layer.tops.size(), " tops");
      add_input(top, shapes[std::min(i, shapes.size() - 1)]);
    }
  }

  void add_layer(const Layer& layer) {
    bool failed = false;
    std::vector<Value*> inputs;
    for (const std::string& bottom : layer.bottoms) {
      const Slot slot = scope_.find(bottom);
      check(slot.state != Slot::State::undefined, Code::invalid_model, "reads ",
            builder::quoted(bottom), ", which no layer before it gives");
      failed |= slot.value == nullptr;
      inputs.push_back(slot.value);
    }
    if (layer.type == "Silence") return;
    const ImportFunction f = importers().find(layer.type);
    if (f == nullptr) {
      report(layer, Error(Code::unsupported, "not among the layers that Hone runs"),
             advice(layer.type));
      throw builder::FailedBefore();
    }
    if (failed) throw builder::FailedBefore();
    LayerReader reader(frame_, {layer.name, layer.type, std::move(inputs), value_names(layer)},
                       layer, weights_);
    f(reader);
    if (reader.failed()) throw builder::FailedBefore();
    for (const std::string& field : reader.unread())
      reader.unsupported(shown(field), " is not known");
    std::vector<Slot> slots;
    for (size_t i = 0; i < layer.tops.size(); ++i) {
      Value* value = reader.bound(static_cast<int>(i));
      check(value != nullptr, Code::invalid_model, "has no top ", i);
      slots.push_back({Slot::State::value, value});
    }
    define(layer, slots);
  }

  /// A name belongs to the last value that it is given; those before are called by their layers.
  std::vector<std::string> value_names(const Layer& layer) const {
    std::vector<std::string> names;
    for (const std::string& top : layer.tops) {
      if (giver_.at(top) == &layer) names.push_back(top);
      else names.push_back(layer.tops.size() == 1 ? layer.name : cat(layer.name, ".", top));
    }
    return names;
  }

  void define(const Layer& layer, const std::vector<Slot>& slots) {
    for (size_t i = 0; i < layer.tops.size(); ++i)
      scope_.redefine(layer.tops[i], i < slots.size() ? slots[i] : Slot{Slot::State::failed});
  }

  /// Every top that no layer reads.
  void add_outputs() {
    std::set<std::string_view> done;
    for (const Layer& layer : net_.layers) {
      if (is_of_training(layer.type) || is_data(layer.type)) continue;
      for (const std::string& top : layer.tops) {
        if (giver_.at(top) != &layer || !done.insert(top).second) continue;
        const auto reader = reader_.find(top);
        if (reader != reader_.end() && reader->second > &layer) continue;  // they lie in order
        const Slot slot = scope_.find(top);
        if (slot.value != nullptr) frame_.graph().add_output(top, slot.value);
      }
    }
    if (done.empty())
      model_.report_place("the net", Error(Code::invalid_model, "it has no layers to run"));
  }

  static std::string advice(const std::string& type) {
    if (type == "Python") return "its code is outside of the file: export the net without it";
    const auto names = importers().names();
    const auto meant = closest(type, names);
    return meant ? cat("is it ", *meant, ", misspelt?") : std::string();
  }

  void report(const Layer& layer, const Error& error, std::string suggestion = {}) {
    model_.report.add(
        builder::problem_of(layer.name, shown(layer.type), error, std::move(suggestion)));
  }

  const Net& net_;
  const WeightSource& weights_;
  builder::ModelBuild& model_;
  builder::Frame frame_;
  builder::Scope scope_;
  builder::SymbolNames symbols_;
  std::map<std::string_view, const Layer*> giver_, reader_;
};

}  // namespace

Imported import_net(std::string_view text, const std::string& file_name,
                    std::optional<builder::ModelFile> weights, const std::string& absence,
                    const ImportOptions& options) try {
  const Net net = read_net(text, file_name, options.limits.depth);
  std::optional<Blobs> blobs;
  if (weights) blobs.emplace(*std::move(weights), options.limits);
  const WeightSource source{blobs ? &*blobs : nullptr, absence};
  Imported result;
  result.format = "caffe";
  result.version = net.version;
  auto made = std::make_unique<Graph>(net.name.empty() ? "net" : net.name);
  const builder::ModelFile none;
  builder::ModelBuild model{options, blobs ? blobs->file() : none,
                            options.limits.made_name_bytes + 4 * text.size()};
  NetImport(net, source, model, *made).import();
  if (!model.report.empty()) throw model.report.error({file_name, result.version, "", model.nodes});
  builder::drop_unused_constants(*made);
  result.graph = std::move(made);
  return result;
} catch (const builder::BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file_name, ")"));
} catch (const Error& error) {
  if (error.message().find(file_name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone::caffe
