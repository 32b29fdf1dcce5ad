// Ops of which one step needs the one before it: a thread takes a line of elements, one after the
// other. Constants and types (T of elements, C of what is computed, J of indices) stand before.

template <class A, class B>
__device__ void copy_all(const A* from, B* to, I count) {
  for (I t = (I)blockIdx.x * 256 + threadIdx.x; t < count; t += (I)gridDim.x * 256)
    to[t] = from[t];
}

/// Element 0 of line t of [.., n, inner].
__device__ I line_of(I t, I n, I inner) { return t / inner * n * inner + t % inner; }

/// An index may count from the end; one that lies outside is kept inside.
__device__ I place_of(long long index, I size) { return inside(index < 0 ? index + size : index, size); }
