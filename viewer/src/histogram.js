// Histograms: one as bars, many over steps as a heatmap. SVG and canvas, nothing else.
import { count, el, short, svg } from './dom.js'

const WIDE = 360, HIGH = 180, LEFT = 42, BOTTOM = 20

const STEPS = 1024 // columns of a heatmap; each is several steps where there are more

/** The part of [low, high] below a value; both may be as far from each other as numbers get. */
const share = (value, low, high) => (value / 2 - low / 2) / (high / 2 - low / 2 || 1)

/** One histogram as bars whose width is that of their bin. */
export function bars({ values, bins }) {
  const most = values.reduce((a, b) => Math.max(a, b), 0), low = bins[0], high = bins.at(-1)
  const x = value => LEFT + share(value, low, high) * (WIDE - LEFT - 4), y = value => HIGH - BOTTOM - (value / (most || 1)) * (HIGH - BOTTOM - 8)
  const drawn = values.map((value, i) => {
    const bar = svg('rect', { x: x(bins[i]), y: y(value), width: Math.max(0.5, x(bins[i + 1]) - x(bins[i]) - 0.5), height: HIGH - BOTTOM - y(value), class: 'bin' })
    bar.append(svg('title', {}, `${short(bins[i])} to ${short(bins[i + 1])}: ${value}`))
    return bar
  })
  const text = (at, value, anchor) => svg('text', { x: at[0], y: at[1], 'text-anchor': anchor }, short(value))
  const total = values.reduce((sum, value) => sum + value, 0)
  return svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'histogram', role: 'img', 'aria-label': `histogram of ${count(total, 'value')} from ${short(low)} to ${short(high)}` }, ...drawn, text([LEFT, HIGH - 6], low, 'start'), text([WIDE - 4, HIGH - 6], high, 'end'), text([LEFT - 4, 12], most, 'end'), text([LEFT - 4, HIGH - BOTTOM], 0, 'end'))
}

/** Many histograms over steps: a column for each step, or the mean of several that follow each other, the share of values
 *  as lightness. `choose` is called with the index of a step. */
export function heatmap(documents, steps, choose) {
  let low = Infinity, high = -Infinity
  for (const { bins } of documents) [low, high] = [Math.min(low, bins[0]), Math.max(high, bins.at(-1))]
  const rows = 64, each = Math.ceil(documents.length / STEPS), columns = Math.ceil(documents.length / each)
  const canvas = el('canvas', { width: columns, height: rows, className: 'heat', role: 'img', 'aria-label': `histograms of steps ${steps[0]} to ${steps.at(-1)}, values from ${short(low)} to ${short(high)}` })
  const context = canvas.getContext('2d'), pixels = context.createImageData(columns, rows)
  for (let column = 0; column < columns; column++) {
    const shares = new Float64Array(rows)
    for (const document of documents.slice(column * each, (column + 1) * each)) {
      const counts = rebinned(document, low, high, rows), total = counts.reduce((sum, value) => sum + value, 0) || 1
      counts.forEach((value, row) => (shares[row] += value / total))
    }
    const most = Math.max(...shares) || 1
    shares.forEach((value, row) => pixels.data.set([...viridis(Math.sqrt(value / most)), 255], 4 * ((rows - 1 - row) * columns + column)))
  }
  context.putImageData(pixels, 0, 0)
  canvas.addEventListener('click', event => choose(Math.min(documents.length - 1, Math.floor((event.offsetX / canvas.clientWidth) * documents.length))))
  return el('div', { className: 'heatmap' }, el('span', { className: 'note' }, `${short(high)}`), canvas, el('span', { className: 'note' }, `${short(low)} · steps ${steps[0]} to ${steps.at(-1)}${each > 1 ? `, ${each} in each column` : ''}`))
}

/** Counts of a histogram in bins of equal width over [low, high]; a bin's count is spread evenly over its width. */
export function rebinned({ values, bins }, low, high, rows) {
  const out = new Float64Array(rows)
  values.forEach((value, i) => {
    const first = rows * share(bins[i], low, high), last = rows * share(bins[i + 1], low, high)
    for (let row = Math.max(0, Math.floor(first)); row < Math.min(rows, Math.ceil(last)); row++) {
      out[row] += (value * (Math.min(row + 1, last) - Math.max(row, first))) / (last - first)
    }
  })
  return [...out]
}

const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]

/** The colour of a share from 0 to 1: five stops of viridis (van der Walt and Smith 2015), straight lines between. */
export function viridis(share) {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1), i = Math.min(STOPS.length - 2, Math.floor(at)), part = at - i
  return STOPS[i].map((value, channel) => Math.round(value + (STOPS[i + 1][channel] - value) * part))
}
