#include "device/cpu/device.hpp"

#include <unistd.h>

#include <cstring>

#include "device/cpu/ceilings.hpp"
#include "device/cpu/isa.hpp"
#include "device/cpu/stream.hpp"
#include "ir/tensor.hpp"

namespace hone::cpu {
namespace {

/// Work runs when it is enqueued, so that an event has happened when it is recorded.
struct Happened final : Event {};

class OwnStream final : public Stream {
 public:
  explicit OwnStream(int workers) : OwnStream(std::make_unique<Team>(workers)) {}

 private:
  explicit OwnStream(std::unique_ptr<Team> team) : Stream(*team), team_(std::move(team)) {}
  std::unique_ptr<Team> team_;
};

class Processors final : public hone::Device {
 public:
  explicit Processors(Target target) : target_(std::make_shared<const Target>(std::move(target))) {}

  const std::shared_ptr<const Target>& target() const override { return target_; }
  const KernelRegistry& kernels() const override { return cpu::kernels(); }

  Buffer allocate(int64_t bytes) override { return allocate_host(bytes); }
  std::unique_ptr<hone::Stream> stream(const Share& share) override {
    return std::make_unique<OwnStream>(share.workers);
  }
  std::unique_ptr<Event> event() override { return std::make_unique<Happened>(); }
  Ceilings ceilings(const Share& share) override {
    return measured_ceilings(isa(), *target_, share.workers);
  }
  void copy(const Buffer& to, const Buffer& from, hone::Stream&) override {
    check(from.bytes >= to.bytes, Code::internal, "a copy of ", to.bytes, " bytes from ",
          from.bytes);
    if (to.bytes > 0) std::memmove(to.data, from.data, static_cast<size_t>(to.bytes));
  }

 private:
  std::shared_ptr<const Target> target_;
};

int64_t cache_bytes(int name) { return std::max<int64_t>(0, ::sysconf(name)); }

}  // namespace

Target target_of(std::string_view isa) {
  Target target;
  target.device = "cpu";
  target.isa = std::string(isa);
  target.flops_per_second = 2e10;
  target.bytes_per_second = 5e9;
  target.cached_per_second = 2e10;
  return target;
}

std::shared_ptr<hone::Device> open() {
  Target target = target_of(name(isa()));
  target.workers = usable_cores();
  target.l1 = cache_bytes(_SC_LEVEL1_DCACHE_SIZE);
  target.l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE);
  target.l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE);
  return std::make_shared<Processors>(std::move(target));
}

}  // namespace hone::cpu
