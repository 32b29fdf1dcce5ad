// Keys and values of the past, and behind them the new ones, one head after the other: so that
// attention finds them together, and because a model wants them. Rows are copied in units: Unit.
// `parts` blocks share a head.
extern "C" __global__ void __launch_bounds__(256)
    join(Unit* keys_to, const Unit* keys_past, const Unit* keys_new, Unit* values_to,
         const Unit* values_past, const Unit* values_new, long long heads, long long parts,
         long long past, long long fresh, long long key_units, long long value_units, Heads of_keys,
         Heads of_values) {
  let_others_begin();
  wait_for_others();
  const bool values = blockIdx.y != 0;
  Unit* to = values ? values_to : keys_to;
  if (to == 0) return;
  const Unit* before = values ? values_past : keys_past;
  const Unit* from = values ? values_new : keys_new;
  const Heads& of = values ? of_values : of_keys;
  const long long units = values ? value_units : key_units, all = (past + fresh) * units;
  const long long head = blockIdx.x / parts, part = blockIdx.x - head * parts;
  const long long b = head / heads, h = head - b * heads;
  to += head * all;
  before += head * past * units;
  from += b * of.batch + h * of.head;
  for (long long i = part * 256 + threadIdx.x; i < all; i += parts * 256) {
    const long long row = i / units, at = i - row * units;
    to[i] = row < past ? before[i] : from[(row - past) * of.row + at];
  }
}
