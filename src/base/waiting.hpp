#pragma once
// How threads of a team wait for one another: they spin briefly, then sleep.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

namespace hone {

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == sizeof(uint32_t) && Word::is_always_lock_free);

/// Sleeps while `word` holds `seen`; may return early.
void sleep_while(Word& word, uint32_t seen);
void wake(Word& word, uint32_t sleepers);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Bounded spinning. A wait much longer than a wake-up from the futex is better slept. Where
/// spinning lost the processor others want it (more threads than CPUs): the one we wait for may be
/// among them, so less.
class Spin {
 public:
  /// True as soon as `done()`, which only looks; false when the time is over.
  template <class Done>
  bool until(const Done& done) {
    using Clock = std::chrono::steady_clock;
    auto now = Clock::now();
    const auto end = now + limit_;
    bool interrupted = false, is_done = false;
    do {
      for (int i = 0; i < 32 && !is_done; ++i) {
        is_done = done();
        if (!is_done) pause();
      }
      const auto before = std::exchange(now, Clock::now());
      interrupted |= now - before > kInterruption;
    } while (!is_done && now < end);
    if (interrupted) limit_ = std::max(limit_ / 2, kLeast);
    else if (is_done) limit_ = std::min(limit_ * 2, kMost);
    return is_done;
  }

 private:
  static constexpr std::chrono::nanoseconds kMost{200'000}, kLeast{2'000}, kInterruption{50'000};
  std::chrono::nanoseconds limit_ = kMost;
};

/// What a team's threads sleep on. Who changes what others may wait for rings it afterwards; who
/// waits looks once more after counting itself asleep. So one of the two sees the other.
struct Bell {
  alignas(64) Word word = 0;
  std::atomic<uint32_t> sleepers = 0;

  /// Wakes so many, if they sleep.
  void ring(uint32_t wanted = std::numeric_limits<uint32_t>::max()) {
    word.fetch_add(1);
    // Whoever counts itself asleep after this load finds the bell changed and does not sleep.
    const uint32_t asleep = sleepers.load();
    if (asleep > 0 && wanted > 0) wake(word, std::min(asleep, wanted));
  }
  /// The same where nobody spins on the word itself.
  void ring_sleepers() {
    if (sleepers.load() > 0) ring();
  }
  /// Sleeps unless `done()`; may return early.
  template <class Done>
  void sleep_unless(const Done& done) {
    sleepers.fetch_add(1);
    const uint32_t seen = word.load();
    if (!done()) sleep_while(word, seen);
    sleepers.fetch_sub(1);
  }
};

}  // namespace hone
