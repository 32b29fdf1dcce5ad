#include "samples.hpp"

#include <cstring>
#include <stdexcept>

#include "files/npy.hpp"

namespace {

template <class T>
std::vector<T> elements(const hone::NamedArrays& arrays, const std::string& name,
                        hone::DType dtype) {
  for (const auto& [found, array] : arrays) {
    if (found != name || array.dtype != dtype) continue;
    std::vector<T> made(array.data.size() / sizeof(T));
    std::memcpy(made.data(), array.data.data(), array.data.size());
    return made;
  }
  throw std::runtime_error("the samples have no such array: " + name);
}

}  // namespace

Samples read_samples(const std::string& path) {
  const hone::NamedArrays arrays = hone::read_npz(path);
  Samples samples{elements<float>(arrays, "images", hone::DType::f32),
                  elements<int64_t>(arrays, "labels", hone::DType::i64)};
  if (samples.labels.empty() || samples.pictures.size() != 64 * samples.labels.size())
    throw std::runtime_error("the samples are not one label for each 8x8 picture: " + path);
  return samples;
}
