#include "ir/nest/producer.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hone {
namespace {

bool writes(const Statement& statement, std::string_view buffer) {
  const std::vector<Access> all = accesses_of({statement}, true);
  return std::any_of(all.begin(), all.end(), [&](const Access& access) {
    return access.writes && access.buffer == buffer;
  });
}

}  // namespace

Declined find_producer(const Nest& nest, std::string_view buffer, Producer& found) {
  const Allocate* made = nullptr;
  std::vector<size_t> writers;
  for (size_t i = 0; i < nest.body.size(); ++i) {
    const Allocate* allocate = nest.body[i].as<Allocate>();
    if (allocate != nullptr && allocate->buffer.name == buffer) {
      made = allocate;
      found.allocated = i;
    }
    if (writes(nest.body[i], buffer)) writers.push_back(i);
  }
  if (made == nullptr) return cat(buffer, " is no buffer of the whole nest's own");
  if (writers.size() != 1) return cat(buffer, " is filled in ", writers.size(), " places");
  found.at = writers[0];
  found.buffer = made->buffer;
  const Statement* statement = &nest.body[found.at];
  found.loops.clear();
  for (const Dim& size : made->buffer.shape) {
    const NestLoop* loop = statement->as<NestLoop>();
    if (loop == nullptr || !(loop->extent == size) || loop->mode == Mode::vector)
      return cat(buffer, " is not filled by a loop for each axis");
    found.loops.push_back({Dim::variable(loop->variable), loop->extent});
    found.body = &loop->body;
    if (found.loops.size() == made->buffer.shape.size()) break;
    if (loop->body.size() != 1) return cat(buffer, " is not filled by a loop for each axis");
    statement = &loop->body[0];
  }
  if (found.body == nullptr) return cat(buffer, " has no axes");
  const Store* store = found.body->empty() ? nullptr : found.body->back().as<Store>();
  bool whole = store != nullptr && store->buffer == buffer && !store->fold;
  for (size_t i = 0; whole && i < found.loops.size(); ++i)
    whole = store->place[i] == found.loops[i].variable;
  size_t stores = 0;
  for (const Access& access : accesses_of(*found.body))
    stores += access.writes || access.buffer == buffer;
  if (!whole || stores != 1) return cat(buffer, " is not filled by one store");
  return {};
}

bool is_whole(const Nest& nest, const NestBuffer& buffer) {
  Producer producer;
  return buffer.scope == Scope::input || find_producer(nest, buffer.name, producer).empty();
}

Declined stays(const Nest& nest, const Producer& producer) {
  for (const Access& access : accesses_of(*producer.body))
    for (size_t i = producer.at + 1; i < nest.body.size(); ++i)
      if (writes(nest.body[i], access.buffer))
        return cat(access.buffer, " changes after ", producer.buffer.name, " was computed of it");
  return {};
}

}  // namespace hone
