#include "plan/memory/search.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>

namespace hone {
namespace {

constexpr int64_t kNone = std::numeric_limits<int64_t>::max() / 4;

/// A set of buffers, one bit each.
class Bits {
 public:
  explicit Bits(size_t count) : words_((count + 63) / 64, 0) {}
  void set(size_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void clear(size_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }
  /// f(i) for each member of both, ascending.
  template <class F>
  static void each_of_both(const Bits& a, const Bits& b, const F& f) {
    for (size_t word = 0; word < a.words_.size(); ++word)
      for (uint64_t left = a.words_[word] & b.words_[word]; left != 0; left &= left - 1)
        f(word * 64 + static_cast<size_t>(std::countr_zero(left)));
  }

 private:
  std::vector<uint64_t> words_;
};

/// A buffer within a search; sections as indices.
struct Item {
  int64_t size;
  size_t first, last;
};

class Searcher {
 public:
  /// `items` in the order in which they are tried.
  Searcher(std::vector<Item> items, int64_t capacity, int64_t work, std::vector<double>& strain)
      : items_(std::move(items)),
        capacity_(capacity),
        work_(work),
        strain_(strain),
        skyline_(items_.size(), 0),
        offsets_(items_.size(), 0),
        total_(strain.size(), 0),
        lowest_(strain.size(), 0),
        crossing_(strain.size(), 0),
        is_dirty_(strain.size(), false),
        free_(items_.size()),
        at_(strain.size(), Bits(items_.size())),
        beside_(items_.size(), Bits(items_.size())) {
    for (size_t i = 0; i < items_.size(); ++i) {
      set_free(i);
      for (size_t s = items_[i].first; s <= items_[i].last; ++s) at_[s].set(i);
      for (size_t j = 0; j < items_.size(); ++j)
        if (i != j && items_[i].first <= items_[j].last && items_[j].first <= items_[i].last)
          beside_[i].set(j);
    }
  }

  SearchResult run() {
    const int64_t given = work_;
    std::vector<size_t> all(items_.size());
    std::iota(all.begin(), all.end(), size_t{0});
    SearchResult result;
    const bool found = place_parts(all, {0, kNobody});
    result.work = given - work_;
    if (found) result.kind = SearchResult::Kind::found;
    else if (work_ > 0) result.kind = SearchResult::Kind::impossible;
    if (found) result.offsets = offsets_;
    return result;
  }

 private:
  static constexpr size_t kNobody = std::numeric_limits<size_t>::max();

  /// The buffer placed last: what follows lies higher, or as high with a higher number.
  struct Last {
    int64_t offset;
    size_t item;
    bool precedes(int64_t other_offset, size_t other) const {
      return other_offset > offset || (other_offset == offset && (item == kNobody || other > item));
    }
  };
  struct Change {
    int64_t* place;
    int64_t old;
  };
  struct Mark {
    size_t changes, placed;
  };

  /// Buffers that no free buffer connects are placed independently of each other.
  bool place_parts(const std::vector<size_t>& members, Last last) {
    if (members.empty()) return true;
    size_t from = strain_.size(), to = 0;
    for (const size_t i : members) {
      from = std::min(from, items_[i].first);
      to = std::max(to, items_[i].last);
    }
    std::vector<size_t> starts;  // sections at which a part starts
    for (size_t s = from; s <= to; ++s)
      if (crossing_[s] == 0) starts.push_back(s);
    work_ -= static_cast<int64_t>(members.size());
    if (starts.size() <= 1) return place_one(members, last, from, to);
    std::vector<std::vector<size_t>> parts(starts.size());
    for (const size_t i : members) {
      const auto behind = std::upper_bound(starts.begin(), starts.end(), items_[i].first);
      parts[static_cast<size_t>(behind - starts.begin() - 1)].push_back(i);
    }
    // The smallest first: what fails there fails cheaply.
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return std::all_of(parts.begin(), parts.end(), [&](const std::vector<size_t>& part) {
      if (part.empty()) return true;
      size_t first = to, end = from;
      for (const size_t i : part) {
        first = std::min(first, items_[i].first);
        end = std::max(end, items_[i].last);
      }
      return place_one(part, last, first, end);
    });
  }

  /// Tries each buffer of a part as the next one.
  bool place_one(const std::vector<size_t>& members, Last last, size_t from, size_t to) {
    if (members.size() == 1) {
      const size_t only = members.front();
      offsets_[only] = skyline_[only];
      return skyline_[only] + items_[only].size <= capacity_;
    }
    std::vector<size_t> rest;
    for (const size_t i : candidates(members, last)) {
      if (work_ <= 0) return false;
      const Mark mark{trail_.size(), placed_.size()};
      const Last next{offsets_[i], i};
      if (put(i) && lift(members, next) && fits(from, to, next.offset)) {
        rest.clear();
        std::copy_if(members.begin(), members.end(), std::back_inserter(rest),
                     [&](size_t j) { return j != i; });
        if (place_parts(rest, next)) return true;
      }
      take_back(mark);
    }
    return false;
  }

  std::vector<size_t> candidates(const std::vector<size_t>& members, Last last) {
    work_ -= static_cast<int64_t>(members.size());
    int64_t lowest_top = kNone;
    for (const size_t i : members)
      lowest_top = std::min(lowest_top, std::max(offsets_[i], last.offset) + items_[i].size);
    std::vector<size_t> found;
    for (const size_t i : members) {
      // What lies over room that another fits into is dominated: the other one first is as good.
      const bool dominated = offsets_[i] >= lowest_top;
      const bool rests = offsets_[i] == skyline_[i];
      if (!dominated && rests && last.precedes(offsets_[i], i)) found.push_back(i);
    }
    std::stable_sort(found.begin(), found.end(),
                     [&](size_t a, size_t b) { return offsets_[a] < offsets_[b]; });
    return found;
  }

  void change(int64_t& place, int64_t value) {
    trail_.push_back({&place, place});
    place = value;
  }

  void set_free(size_t i) {
    free_.set(i);
    for (size_t s = items_[i].first; s <= items_[i].last; ++s) {
      total_[s] += items_[i].size;
      crossing_[s] += s > items_[i].first ? 1 : 0;
    }
  }

  /// Sections whose lowest offset may have been this buffer's.
  void soil(size_t i) {
    for (size_t s = items_[i].first; s <= items_[i].last; ++s) {
      if (lowest_[s] != offsets_[i] || is_dirty_[s]) continue;
      is_dirty_[s] = true;
      dirty_.push_back(s);
    }
  }
  void clean() {
    for (const size_t s : dirty_) {
      is_dirty_[s] = false;
      int64_t lowest = kNone;
      Bits::each_of_both(at_[s], free_, [&](size_t j) { lowest = std::min(lowest, offsets_[j]); });
      if (lowest != lowest_[s]) change(lowest_[s], lowest);
    }
    work_ -= static_cast<int64_t>(dirty_.size());
    dirty_.clear();
  }

  void raise(size_t i, int64_t offset) {
    soil(i);
    change(offsets_[i], offset);
  }

  void strain(size_t i) {
    for (size_t s = items_[i].first; s <= items_[i].last; ++s) strain_[s] += 1;
  }

  /// Places a buffer at its offset and raises those beside it. false: one of them no longer fits.
  bool put(size_t i) {
    soil(i);
    free_.clear(i);
    placed_.push_back(i);
    for (size_t s = items_[i].first; s <= items_[i].last; ++s) {
      total_[s] -= items_[i].size;
      crossing_[s] -= s > items_[i].first ? 1 : 0;
    }
    const int64_t top = offsets_[i] + items_[i].size;
    bool good = true;
    Bits::each_of_both(beside_[i], free_, [&](size_t j) {
      if (skyline_[j] < top) change(skyline_[j], top);
      if (offsets_[j] >= top) return;
      raise(j, top);
      good &= top + items_[j].size <= capacity_;
    });
    clean();
    if (!good) strain(i);
    return good;
  }

  /// What can no longer lie where it would must lie on something that is not placed yet.
  bool lift(const std::vector<size_t>& members, Last last) {
    for (const size_t j : members) {
      if (j == last.item) continue;
      if (last.precedes(offsets_[j], j) && offsets_[j] == skyline_[j]) continue;
      int64_t least = kNone;
      Bits::each_of_both(beside_[j], free_, [&](size_t k) {
        least = std::min(least, std::max(offsets_[k], last.offset) + items_[k].size);
      });
      if (least <= offsets_[j]) continue;
      if (least + items_[j].size > capacity_) {
        strain(j);
        clean();
        return false;
      }
      raise(j, least);
    }
    clean();
    return true;
  }

  /// What is free in each section lies at or above the lowest of their offsets.
  bool fits(size_t from, size_t to, int64_t last) {
    bool good = true;
    for (size_t s = from; s <= to; ++s) {
      if (total_[s] == 0 || std::max(lowest_[s], last) + total_[s] <= capacity_) continue;
      good = false;
      strain_[s] += 1;
    }
    return good;
  }

  void take_back(const Mark& mark) {
    for (; trail_.size() > mark.changes; trail_.pop_back())
      *trail_.back().place = trail_.back().old;
    for (; placed_.size() > mark.placed; placed_.pop_back()) set_free(placed_.back());
  }

  const std::vector<Item> items_;
  const int64_t capacity_;
  int64_t work_;
  std::vector<double>& strain_;
  std::vector<int64_t> skyline_;   // by buffer: the top of what is placed beside it
  std::vector<int64_t> offsets_;   // by buffer: the least that it may have; the one that it has
  std::vector<int64_t> total_;     // by section: bytes of free buffers
  std::vector<int64_t> lowest_;    // by section: the least offset of a free buffer
  std::vector<int> crossing_;      // by section: free buffers that are also in the one before
  std::vector<bool> is_dirty_;     // by section: `lowest_` is to be counted anew
  std::vector<size_t> dirty_;      // those sections
  Bits free_;                      // not placed yet
  std::vector<Bits> at_, beside_;  // by section: who is in it; by buffer: who lives with it
  std::vector<Change> trail_;
  std::vector<size_t> placed_;
};

using Key = std::array<double, 3>;

std::vector<size_t> order_of(const std::vector<SectionBuffer>& buffers, SearchOrder order,
                             const std::vector<double>& strain) {
  std::vector<double> total(strain.size(), 0);
  for (const SectionBuffer& buffer : buffers)
    for (int s = buffer.first; s <= buffer.last; ++s)
      total[static_cast<size_t>(s)] += static_cast<double>(buffer.size);
  std::vector<Key> keys;
  for (const SectionBuffer& buffer : buffers) {
    const auto size = static_cast<double>(buffer.size);
    const auto lifetime = static_cast<double>(buffer.lifetime);
    const auto most = [&](const std::vector<double>& of) {
      return *std::max_element(of.begin() + buffer.first, of.begin() + buffer.last + 1);
    };
    switch (order) {
      case SearchOrder::by_total: keys.push_back({most(total), lifetime, size * lifetime}); break;
      case SearchOrder::by_area: keys.push_back({size * lifetime, lifetime, most(total)}); break;
      case SearchOrder::by_strain: keys.push_back({most(strain), lifetime, size * lifetime}); break;
      case SearchOrder::by_strain_lifetime:
        keys.push_back({most(strain) * lifetime, size * lifetime, 0});
        break;
      case SearchOrder::by_strain_size:
        keys.push_back(
            {std::accumulate(strain.begin() + buffer.first, strain.begin() + buffer.last + 1, 0.0) *
                 size,
             0, 0});
        break;
    }
  }
  std::vector<size_t> sorted(buffers.size());
  std::iota(sorted.begin(), sorted.end(), size_t{0});
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](size_t a, size_t b) { return keys[a] > keys[b]; });
  return sorted;
}

}  // namespace

SearchResult search(const std::vector<SectionBuffer>& buffers, int64_t capacity, SearchOrder order,
                    int64_t work, std::vector<double>& strain) {
  const std::vector<size_t> sorted = order_of(buffers, order, strain);
  std::vector<Item> items;
  for (const size_t index : sorted)
    items.push_back({buffers[index].size, static_cast<size_t>(buffers[index].first),
                     static_cast<size_t>(buffers[index].last)});
  const auto count = static_cast<int64_t>(items.size());
  SearchResult result = Searcher(std::move(items), capacity, work, strain).run();
  result.work += count * count / 16;  // to set it up
  if (result.kind != SearchResult::Kind::found) return result;
  std::vector<int64_t> offsets(buffers.size());
  for (size_t i = 0; i < sorted.size(); ++i) offsets[sorted[i]] = result.offsets[i];
  result.offsets = std::move(offsets);
  return result;
}

}  // namespace hone
