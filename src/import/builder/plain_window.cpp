#include "import/builder/plain_window.hpp"

#include <algorithm>

namespace hone::builder {

Window plain_window(Window window) {
  const auto clear_if_all = [](int64_t value, std::vector<int64_t>& list) {
    const auto same = [&](int64_t item) { return item == value; };
    if (std::all_of(list.begin(), list.end(), same)) list.clear();
  };
  clear_if_all(1, window.strides);
  clear_if_all(1, window.dilations);
  clear_if_all(0, window.pads);
  return window;
}

}  // namespace hone::builder
