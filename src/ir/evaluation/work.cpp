#include "ir/evaluation/work.hpp"

#include <algorithm>

#include "base/size.hpp"

namespace hone {
namespace {

thread_local WorkBudget* innermost = nullptr;

}  // namespace

WorkBudget::WorkBudget(int64_t steps) : left_(steps), outer_(innermost) { innermost = this; }

WorkBudget::~WorkBudget() { innermost = outer_; }

WorkBudget* WorkBudget::current() { return innermost; }

void spend_work(int64_t steps) {
  if (innermost == nullptr) return;
  if (steps > innermost->left_) throw WorkSpent();
  innermost->left_ -= steps;
}

void spend_work(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  // A loop of no steps within a long one: the long one still takes its time.
  for (const int64_t factor : factors)
    product = try_mul(product, std::max<int64_t>(factor, 1)).value_or(INT64_MAX);
  spend_work(product);
}

}  // namespace hone
