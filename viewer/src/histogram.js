// Histograms: one as bars, many over steps as a heatmap. SVG and canvas, nothing else.
import { count, el, short, svg } from './dom.js'

const WIDE = 360, HIGH = 180, LEFT = 42, BOTTOM = 20

/** One histogram as bars whose width is that of their bin. */
export function bars({ values, bins }) {
  const most = Math.max(...values, 1e-300), low = bins[0], span = bins.at(-1) - low || 1
  const x = value => LEFT + ((value - low) / span) * (WIDE - LEFT - 4), y = value => HIGH - BOTTOM - (value / most) * (HIGH - BOTTOM - 8)
  const drawn = values.map((value, i) => {
    const bar = svg('rect', { x: x(bins[i]), y: y(value), width: Math.max(0.5, x(bins[i + 1]) - x(bins[i]) - 0.5), height: HIGH - BOTTOM - y(value), class: 'bin' })
    bar.append(svg('title', {}, `${short(bins[i])} to ${short(bins[i + 1])}: ${value}`))
    return bar
  })
  const text = (at, value, anchor) => svg('text', { x: at[0], y: at[1], 'text-anchor': anchor }, short(value))
  const total = values.reduce((sum, value) => sum + value, 0)
  return svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'histogram', role: 'img', 'aria-label': `histogram of ${count(total, 'value')} from ${short(low)} to ${short(bins.at(-1))}` }, ...drawn, text([LEFT, HIGH - 6], low, 'start'), text([WIDE - 4, HIGH - 6], bins.at(-1), 'end'), text([LEFT - 4, 12], most, 'end'), text([LEFT - 4, HIGH - BOTTOM], 0, 'end'))
}

/** Many histograms over steps: a column for each step, the share of values as lightness. `mark` is called with an index. */
export function heatmap(documents, steps, choose) {
  const low = Math.min(...documents.map(({ bins }) => bins[0])), high = Math.max(...documents.map(({ bins }) => bins.at(-1))), rows = 64
  const canvas = el('canvas', { width: documents.length, height: rows, className: 'heat', role: 'img', 'aria-label': `histograms of steps ${steps[0]} to ${steps.at(-1)}, values from ${short(low)} to ${short(high)}` })
  const context = canvas.getContext('2d'), pixels = context.createImageData(documents.length, rows)
  documents.forEach((document, column) => {
    const shares = rebinned(document, low, high, rows), most = Math.max(...shares) || 1
    shares.forEach((share, row) => {
      const [red, green, blue] = viridis(Math.sqrt(share / most)), at = 4 * ((rows - 1 - row) * documents.length + column)
      pixels.data.set([red, green, blue, 255], at)
    })
  })
  context.putImageData(pixels, 0, 0)
  canvas.addEventListener('click', event => choose(Math.min(documents.length - 1, Math.floor((event.offsetX / canvas.clientWidth) * documents.length))))
  return el('div', { className: 'heatmap' }, el('span', { className: 'note' }, `${short(high)}`), canvas, el('span', { className: 'note' }, `${short(low)} · steps ${steps[0]} to ${steps.at(-1)}`))
}

/** Counts of a histogram in bins of equal width over [low, high]; a bin's count is spread evenly over its width. */
export function rebinned({ values, bins }, low, high, rows) {
  const out = new Float64Array(rows), width = (high - low) / rows || 1
  values.forEach((value, i) => {
    const first = (bins[i] - low) / width, last = (bins[i + 1] - low) / width
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
