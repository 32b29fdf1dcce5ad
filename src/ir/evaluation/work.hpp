#pragma once
// How much reference evaluation may do where nobody asked for a run: a file can state products of
// billions of steps in a few bytes.

#include <cstdint>
#include <initializer_list>

namespace hone {

/// While it lives, evaluation in this thread may spend so many steps (about a multiplication and an
/// addition each). Without one nothing is counted. The innermost counts alone.
class WorkBudget {
 public:
  explicit WorkBudget(int64_t steps);
  ~WorkBudget();
  WorkBudget(const WorkBudget&) = delete;
  WorkBudget& operator=(const WorkBudget&) = delete;

  int64_t left() const { return left_; }
  /// This thread's innermost; null: none.
  static WorkBudget* current();

 private:
  friend void spend_work(int64_t steps);
  int64_t left_;
  WorkBudget* outer_;
};

/// What leaves an evaluation that asks for more than is left. No Error: nothing is wrong.
struct WorkSpent {};

/// Called before work that grows faster than operands and results do (products, windows, sorting);
/// operands and results themselves are counted without a call. Throws WorkSpent, and spends
/// nothing, when too little is left.
void spend_work(int64_t steps);
/// The product of factors, each at least 0; as much as can be counted where it is more.
void spend_work(std::initializer_list<int64_t> factors);

}  // namespace hone
