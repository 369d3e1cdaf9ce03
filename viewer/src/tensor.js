// Tensors: the numbers of an npy file as a heatmap, with their statistics.
import { el, short } from './dom.js'
import { viridis } from './histogram.js'

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, b1: Uint8Array, i8: BigInt64Array, u8: BigUint64Array }
const SIDE = 256 // cells of a heatmap in each direction; more are thinned

/** An npy file as {shape, values}; throws for what this page has no array for. */
export function readNpy(buffer) {
  const bytes = new Uint8Array(buffer)
  if (String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') throw Error('expected an npy file')
  const view = new DataView(buffer), long = bytes[6] > 1, size = long ? view.getUint32(8, true) : view.getUint16(8, true), start = (long ? 12 : 10) + size
  const header = new TextDecoder('latin1').decode(bytes.subarray(long ? 12 : 10, start)), [, order, type] = /'descr': '([<>|=])(\w+)'/.exec(header) ?? [], shape = [...(/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').matchAll(/\d+/g)].map(Number)
  if (!ARRAYS[type] || order === '>' || /fortran_order': True/.test(header)) throw Error(`numbers of type ${order}${type} are not drawn here`)
  return { shape, type, values: new ARRAYS[type](buffer.slice(start)) }
}

/** The last two axes of a tensor as a heatmap, the first of all others; with the document's statistics below. */
export function showTensor({ shape, values }, document) {
  const columns = shape.at(-1) ?? 1, rows = shape.length > 1 ? shape.at(-2) : 1, stepX = Math.ceil(columns / SIDE), stepY = Math.ceil(rows / SIDE)
  const wide = Math.ceil(columns / stepX) || 1, high = Math.ceil(rows / stepY) || 1, number = at => Number(values[at])
  let low = Infinity, top = -Infinity
  for (let i = 0; i < rows * columns; i++) {
    const value = number(i)
    if (Number.isFinite(value)) {
      low = Math.min(low, value)
      top = Math.max(top, value)
    }
  }
  const canvas = el('canvas', { width: wide, height: high, className: 'heat', role: 'img', 'aria-label': `heatmap of ${shape.join(' x ')} numbers from ${short(low)} to ${short(top)}` }), context = canvas.getContext('2d'), pixels = context.createImageData(wide, high)
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const value = number(y * stepY * columns + x * stepX)
      pixels.data.set(Number.isFinite(value) ? [...viridis((value - low) / (top - low || 1)), 255] : [200, 30, 30, 255], 4 * (y * wide + x))
    }
  }
  context.putImageData(pixels, 0, 0)
  const notes = [`${shape.join(' × ')} ${document.dtype ?? ''}`, `${short(low)} to ${short(top)}`, shape.length > 2 && 'first slice', (stepX > 1 || stepY > 1) && `every ${Math.max(stepX, stepY)}th`].filter(Boolean)
  return el('div', {}, canvas, el('p', { className: 'note' }, notes.join(' · ')))
}
