#include "ir/bodies/structural.hpp"
#include "ir/bodies/turns.hpp"
#include "ir/evaluation/work.hpp"

namespace hone {
namespace {

/// Entry `i` of a list that may be left out.
int64_t entry(const std::vector<int64_t>& list, int i) {
  return list.empty() ? 0 : list[static_cast<size_t>(i)];
}

template <class Context>
void check_lists(const Context& c, const Scan& scan) {
  const auto stacked = static_cast<size_t>(c.outputs()) - static_cast<size_t>(scan.states);
  const auto fits = [&](const std::vector<int64_t>& list, std::string_view name, size_t wanted) {
    c.check(list.empty() || list.size() == wanted, name, " has ", list.size(), " entries, wanted ",
            wanted);
  };
  fits(scan.input_axes, "input_axes", static_cast<size_t>(scan.scanned));
  fits(scan.input_directions, "input_directions", static_cast<size_t>(scan.scanned));
  fits(scan.output_axes, "output_axes", stacked);
  fits(scan.output_directions, "output_directions", stacked);
}

}  // namespace

void Scan::infer(Inference& c) const {
  c.check(body != nullptr && states >= 0 && states <= c.outputs() && scanned >= 1 &&
              states + scanned <= c.inputs(),
          "has ", states, " states and ", scanned, " scanned operands of ", c.inputs(), ", and ",
          c.outputs(), " results");
  check_lists(c, *this);
  const int carried = static_cast<int>(states), last = carried + static_cast<int>(scanned);
  const size_t taken = body->inputs().size(), given = body->outputs().size();
  c.check(taken == static_cast<size_t>(c.inputs()), "the body takes ", taken, " values, given ",
          c.inputs());
  c.check(given == static_cast<size_t>(c.outputs()), "the body gives ", given, " values, wanted ",
          c.outputs());
  BodyInference inner(body, c);
  std::optional<Dim> length;
  for (int i = carried; i < c.inputs(); ++i) {
    const auto input = static_cast<size_t>(i);
    if (i >= last || !c.tensor(i).has_rank()) {
      inner.set_input(input, inner.inside(c.type(i), input));
      continue;
    }
    Dims dims = c.tensor(i).shape();
    const int along = c.axis(entry(input_axes, i - carried), c.tensor(i).rank());
    const Dim& size = dims[static_cast<size_t>(along)];
    length = length ? c.same(*length, size) : size;
    dims.erase(dims.begin() + along);
    inner.set_input(input, inner.inside(Type::tensor(c.dtype(i), std::move(dims)), input));
  }
  infer_states(c, body, inner, {carried, 0, 0, 0});
  for (int i = carried; i < c.outputs(); ++i) {
    const int64_t axis = entry(output_axes, i - carried);
    const Type& slice = inner.output(static_cast<size_t>(i));
    const bool ranked = slice.is_tensor() && slice.tensor().has_rank();
    const Dim turns = length || !ranked ? length.value_or(Dim(0))
                                        : c.fresh(i, c.axis(axis, slice.tensor().rank() + 1));
    c.set(i, stacked(c, i, slice, inner, axis, turns));
  }
  Scan inferred = *this;
  inferred.body = inner.take();
  c.replace_op(std::move(inferred));
}

void Scan::eval(Evaluation& c) const {
  run(c, [&](size_t, const auto& inputs) { return evaluate(*body, inputs); });
}

void Scan::run(Evaluation& c, const RunBody& run_body) const {
  check_lists(c, *this);
  const int carried = static_cast<int>(states), last = carried + static_cast<int>(scanned);
  std::vector<Tensor> inputs;
  for (int i = 0; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  std::vector<int> axes(inputs.size());
  int64_t turns = -1;
  for (int i = carried; i < last; ++i) {
    int& along = axes[static_cast<size_t>(i)];
    along = c.axis(entry(input_axes, i - carried), c.input(i).rank());
    const int64_t size = c.input(i).dim(along);
    c.check(turns < 0 || turns == size, "a scanned operand has ", size, " places, another one ",
            turns);
    turns = size;
  }
  std::vector<Slices> slices(static_cast<size_t>(c.outputs()));
  for (int64_t turn = 0; turn < turns; ++turn) {
    spend_work(1);  // a turn may do nothing else
    for (int i = carried; i < last; ++i) {
      const bool backwards = entry(input_directions, i - carried) != 0;
      inputs[static_cast<size_t>(i)] =
          slice_of(c.input(i), axes[static_cast<size_t>(i)], backwards ? turns - 1 - turn : turn);
    }
    std::vector<Tensor> results = run_body(0, inputs);
    for (size_t i = 0; i < results.size(); ++i) {
      if (i < static_cast<size_t>(states)) inputs[i] = std::move(results[i]);
      else slices[i].add(results[i]);
    }
  }
  for (int i = 0; i < c.outputs(); ++i) {
    if (i < carried) c.give(i, inputs[static_cast<size_t>(i)]);
    else
      slices[static_cast<size_t>(i)].give(c, i, entry(output_axes, i - carried),
                                          entry(output_directions, i - carried) != 0);
  }
}

}  // namespace hone
