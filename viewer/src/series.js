// Curves as arrays: pure functions without a page.

/** The first index of ascending `x` that is not below `value`. */
export function lower(x, value) {
  let low = 0, high = x.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (x[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Points of x in [from, to] with their neighbours; where there are many, the smallest and largest of each bucket.
 *  No finite peak is lost, unlike in a sample. A bucket without a finite value keeps a NaN, so that the gap shows. */
export function envelope(x, y, from, to, buckets) {
  const first = Math.max(0, lower(x, from) - 1), end = Math.min(x.length, lower(x, to) + 2), count = end - first
  if (count <= 2 * buckets) return [x.subarray(first, end), y.subarray(first, end)]
  const outX = new Float64Array(2 * buckets), outY = new Float64Array(2 * buckets)
  let filled = 0
  for (let bucket = 0; bucket < buckets; bucket++) {
    const start = first + Math.floor((bucket * count) / buckets), stop = first + Math.floor(((bucket + 1) * count) / buckets)
    let low = -1, high = -1
    for (let i = start; i < stop; i++) {
      const value = y[i]
      if (!Number.isFinite(value)) continue
      if (low < 0 || value < y[low]) low = i
      if (high < 0 || value > y[high]) high = i
    }
    if (low < 0) {
      outX[filled] = x[start]
      outY[filled++] = NaN
      continue
    }
    const [one, other] = low < high ? [low, high] : [high, low]
    outX[filled] = x[one]
    outY[filled++] = y[one]
    if (other !== one) {
      outX[filled] = x[other]
      outY[filled++] = y[other]
    }
  }
  return [outX.subarray(0, filled), outY.subarray(0, filled)]
}

/** Exponential moving average with the start's bias removed, as TensorBoard's; `weight` 0 leaves the values. */
export function smooth(y, weight) {
  if (!weight) return y
  const out = new Float64Array(y.length)
  let sum = 0, total = 0
  for (let i = 0; i < y.length; i++) {
    if (y[i] === y[i] && Math.abs(y[i]) !== Infinity) {
      sum = weight * sum + (1 - weight) * y[i]
      total = weight * total + 1 - weight
      out[i] = sum / total
    } else out[i] = y[i]
  }
  return out
}

/** The points that have a value, ordered by x. `present[i]` is 0 where the row has none. Where that are all rows in
 *  their order, as is usual, these are the arrays themselves. */
export function points(x, y, present) {
  let count = 0, sorted = true, last = -Infinity
  while (count < x.length && present[count] && x[count] >= last) last = x[count++]
  if (count === x.length) return [x, y]
  const outX = new Float64Array(x.length), outY = new Float64Array(x.length)
  outX.set(x.subarray(0, count))
  outY.set(y.subarray(0, count))
  for (let i = count; i < x.length; i++) {
    if (!present[i] || x[i] !== x[i]) continue
    sorted &&= x[i] >= last
    last = outX[count] = x[i]
    outY[count++] = y[i]
  }
  if (sorted) return [outX.subarray(0, count), outY.subarray(0, count)]
  const order = Float64Array.from({ length: count }, (_, i) => i).sort((a, b) => outX[a] - outX[b] || a - b)
  return [Float64Array.from(order, i => outX[i]), Float64Array.from(order, i => outY[i])]
}

/** The index of the point of ascending x that is nearest to `value`; -1 without points. */
export function nearest(x, value) {
  const at = lower(x, value)
  if (at === x.length) return x.length - 1
  return at > 0 && value - x[at - 1] < x[at] - value ? at - 1 : at
}

/** The places of values between gaps (null), which no line would show; undefined is no value of this curve, and no gap. */
export function alone(y) {
  const places = [], told = []
  for (let i = 0; i < y.length; i++) if (y[i] !== undefined) told.push(i)
  told.forEach((place, i) => {
    if (y[place] !== null && (y[told[i - 1]] ?? null) === null && (y[told[i + 1]] ?? null) === null) places.push(place)
  })
  return places
}
