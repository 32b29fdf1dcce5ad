#pragma once

#include "ops/common/window.hpp"

namespace hone {

/// The largest element of each window of [batch, channels, spatial...]. Second result: where it
/// lies, as an offset into the whole input; padding is never the largest.
struct MaxPool {
  static constexpr std::string_view kName = "MaxPool";
  static constexpr Arity kOutputs{1, 2};
  Window window = {};
  bool ceil_mode = false;     ///< a last window that hangs over the end counts
  int64_t storage_order = 0;  ///< offsets within a channel: 0 row-major, 1 column-major
  void fields(FieldList& f) const {
    window.fields(f);
    f("ceil_mode", ceil_mode)("storage_order", storage_order);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The mean of each window.
struct AveragePool {
  static constexpr std::string_view kName = "AveragePool";
  Window window = {};
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< padding counts as zeros, else not at all
  void fields(FieldList& f) const {
    window.fields(f);
    f("ceil_mode", ceil_mode)("count_include_pad", count_include_pad);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// The p-norm of each window.
struct LpPool {
  static constexpr std::string_view kName = "LpPool";
  Window window = {};
  bool ceil_mode = false;
  int64_t p = 2;
  void fields(FieldList& f) const {
    window.fields(f);
    f("ceil_mode", ceil_mode)("p", p);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

// One window as large as the spatial axes, which stay with size 1. The importer writes a reduction
// instead where the rank is known.

struct GlobalMaxPool {
  static constexpr std::string_view kName = "GlobalMaxPool";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

struct GlobalAveragePool {
  static constexpr std::string_view kName = "GlobalAveragePool";
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

struct GlobalLpPool {
  static constexpr std::string_view kName = "GlobalLpPool";
  int64_t p = 2;
  void fields(FieldList& f) const { f("p", p); }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
