// Tensors: the numbers of an npy file as a heatmap, with their statistics.
import { el, short } from './dom.js'
import { viridis } from './histogram.js'

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, b1: Uint8Array, i8: BigInt64Array, u8: BigUint64Array }
const SIDE = 256 // cells of a heatmap in each direction; more are thinned

// Floats of 8 and 16 bits: bits of the exponent and of the mantissa, the exponent's bias, and what the last codes are:
// infinities and NaN (ieee), NaN in the very last (fn), NaN instead of -0 (fnuz).
const SMALL = {
  float16: [5, 10, 15, 'ieee'], bfloat16: [8, 7, 127, 'ieee'], float8_e3m4: [3, 4, 3, 'ieee'], float8_e4m3: [4, 3, 7, 'ieee'], float8_e4m3b11fnuz: [4, 3, 11, 'fnuz'], float8_e4m3fn: [4, 3, 7, 'fn'], float8_e4m3fnuz: [4, 3, 8, 'fnuz'], float8_e5m2: [5, 2, 15, 'ieee'], float8_e5m2fnuz: [5, 2, 16, 'fnuz'],
}

/** The value of each code of a small float. */
function smallFloats(dtype) {
  if (dtype === 'float8_e8m0fnu') return Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? NaN : 2 ** (code - 127)))
  const [exponentBits, mantissaBits, bias, last] = SMALL[dtype], sign = 1 << (exponentBits + mantissaBits), top = (1 << exponentBits) - 1
  return Float32Array.from({ length: 2 * sign }, (_, code) => {
    const exponent = (code & (sign - 1)) >> mantissaBits, mantissa = (code & ((1 << mantissaBits) - 1)) / (1 << mantissaBits)
    if ((last === 'fn' && (code & (sign - 1)) === sign - 1) || (last === 'fnuz' && code === sign)) return NaN
    if (last === 'ieee' && exponent === top) return mantissa ? NaN : code & sign ? -Infinity : Infinity
    return (code & sign ? -1 : 1) * (exponent ? (1 + mantissa) * 2 ** (exponent - bias) : mantissa * 2 ** (1 - bias))
  })
}

/** An npy file as {shape, values}; throws for what this page has no array for. `dtype` is what the document calls the
 *  numbers, which the file may hold as their bits. Of complex ones the values are their sizes. */
export function readNpy(buffer, dtype) {
  const bytes = new Uint8Array(buffer)
  if (String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') throw Error('expected an npy file')
  const view = new DataView(buffer), long = bytes[6] > 1, size = long ? view.getUint32(8, true) : view.getUint16(8, true), start = (long ? 12 : 10) + size
  const header = new TextDecoder('latin1').decode(bytes.subarray(long ? 12 : 10, start)), [, order, type] = /'descr': '([<>|=])(\w+)'/.exec(header) ?? [], shape = [...(/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').matchAll(/\d+/g)].map(Number)
  const Numbers = ARRAYS[{ f2: 'u2', c8: 'f4', c16: 'f8' }[type] ?? type], small = type === 'f2' ? 'float16' : dtype
  if (!Numbers || order === '>' || /fortran_order': True/.test(header)) throw Error(`numbers of type ${order}${type} are not drawn here`)
  const stored = new Numbers(buffer.slice(start))
  if (small in SMALL || small === 'float8_e8m0fnu') {
    const table = smallFloats(small)
    return { shape, type, values: Float32Array.from(stored, code => table[code]) }
  }
  if (type[0] === 'c') return { shape, type, values: Float64Array.from({ length: stored.length / 2 }, (_, i) => Math.hypot(stored[2 * i], stored[2 * i + 1])) }
  return { shape, type, values: stored }
}

/** The last two axes of a tensor as a heatmap, the first of all others; with the document's statistics below. */
export function showTensor({ shape, values }, document) {
  const columns = shape.at(-1) ?? 1, rows = shape.length > 1 ? shape.at(-2) : 1, size = shape.join(' × ')
  if (!values.length) return el('p', { className: 'note' }, `${size} ${document.dtype ?? ''} · no numbers`)
  const stepX = Math.ceil(columns / SIDE), stepY = Math.ceil(rows / SIDE), wide = Math.ceil(columns / stepX), high = Math.ceil(rows / stepY), number = at => Number(values[at])
  let low = Infinity, top = -Infinity
  for (let i = 0; i < rows * columns; i++) {
    const value = number(i)
    if (Number.isFinite(value)) {
      low = Math.min(low, value)
      top = Math.max(top, value)
    }
  }
  const range = low > top ? 'no finite numbers' : low === top ? `all ${short(low)}` : `${short(low)} to ${short(top)}`
  const ratio = columns / rows, style = ratio >= 1 / 4 && ratio <= 4 ? { aspectRatio: ratio, height: 'auto', width: `min(100%, ${SIDE * ratio}px)` } : {} // square cells, or a strip
  const canvas = el('canvas', { width: wide, height: high, className: 'heat', style, role: 'img', 'aria-label': `heatmap of ${size} numbers: ${range}` }), context = canvas.getContext('2d'), pixels = context.createImageData(wide, high)
  const share = value => (low === top ? 0.5 : (value / 2 - low / 2) / (top / 2 - low / 2)) // halves: their difference is a number, however far apart they are
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const value = number(y * stepY * columns + x * stepX)
      pixels.data.set(Number.isFinite(value) ? [...viridis(share(value)), 255] : [200, 30, 30, 255], 4 * (y * wide + x))
    }
  }
  context.putImageData(pixels, 0, 0)
  const thinned = [stepX > 1 && `1 column of ${stepX}`, stepY > 1 && `1 row of ${stepY}`].filter(Boolean).join(', ')
  const notes = [`${size} ${document.dtype ?? ''}`, /complex/.test(document.dtype) && 'absolute values', range, shape.length > 2 && 'first slice', thinned].filter(Boolean)
  return el('div', {}, canvas, el('p', { className: 'note' }, notes.join(' · ')))
}
