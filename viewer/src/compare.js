// Two values of a key, at two steps or of two runs: side by side, swiped, or their difference; boxes matched by overlap.
import { el, failure, fill } from './dom.js'
import { captioned } from './media.js'
import { LARGEST, loadImage, matchBoxes, readLayers } from './overlays.js'
import { rankName, untagged } from './run.js'

const WAYS = ['side by side', 'swipe', 'difference']

export class Compare {
  constructor(page) {
    Object.assign(this, { page, state: page.state })
    this.node = el('div', { className: 'compare' })
    page.state.on('compare tab', () => page.state.get('tab') === 'compare' && this.refresh())
  }

  /** What is chosen: [key, run of A, step of A, run of B, step of B, way, place in a list]. */
  get choice() {
    const [key = '', runA = '', stepA = '', runB = '', stepB = '', way = '', at = ''] = this.state.get('compare')
    return { key, runA, stepA, runB, stepB, way: WAYS.includes(way) ? way : WAYS[0], at }
  }

  set(changes) {
    const { key, runA, stepA, runB, stepB, way, at } = { ...this.choice, ...changes }
    this.state.set({ compare: [key, runA, stepA, runB, stepB, way, at].map(String) })
  }

  async refresh() {
    const turn = (this.turn = Symbol('refresh')), items = new Map() // key -> run -> step -> rows
    for (const run of this.page.shown()) {
      const rows = await run.media().catch(() => [])
      for (const row of rows) {
        const runs = items.get(row.key) ?? items.set(row.key, new Map()).get(row.key), steps = runs.get(run) ?? runs.set(run, new Map()).get(run)
        ;(steps.get(row.step) ?? steps.set(row.step, []).get(row.step)).push(row)
      }
    }
    if (this.turn !== turn) return
    if (!items.size) return this.node.replaceChildren(el('p', { className: 'quiet' }, 'no media were logged'))
    const { choice } = this, key = items.has(choice.key) ? choice.key : items.keys().next().value, runs = items.get(key), all = [...runs.keys()]
    const runA = all.find(({ id }) => id === choice.runA) ?? all[0], runB = all.find(({ id }) => id === choice.runB) ?? all[1] ?? all[0]
    const [stepsA, stepsB] = [runA, runB].map(run => [...runs.get(run).keys()].sort((a, b) => a - b))
    const stepA = pick(stepsA, choice.stepA, runA === runB ? stepsA[0] : stepsA.at(-1)), stepB = pick(stepsB, choice.stepB, stepsB.at(-1))
    const [a, b] = [[runA, stepA], [runB, stepB]].map(([run, step]) => ({ run, step, rows: sorted(runs.get(run).get(step)) }))
    const pairs = Math.max(a.rows.length, b.rows.length), at = Math.min(Number(choice.at) || 0, pairs - 1)
    for (const side of [a, b]) side.row = side.rows[at] // of lists each in its place, and of ranks
    const told = all.map(run => [run.id, all.some(other => other !== run && other.name === run.name) ? `${run.name} (${run.id})` : run.name])
    const select = (label, options, value, change) => el('label', {}, label, ' ', el('select', { onchange: event => change(event.target.value) }, options.map(option => [option].flat()).map(([option, text = option]) => el('option', { value: option, selected: String(option) === String(value) }, String(text)))))
    const places = Array.from({ length: pairs }, (_, i) => [i, placeName(a.rows[i] ?? b.rows[i], i)])
    const bar = el('div', { className: 'bar' }, select('key', [...items.keys()], key, value => this.set({ key: value, stepA: '', stepB: '', at: '' })), select('A', told, runA.id, value => this.set({ runA: value })), select('step', stepsA, stepA, value => this.set({ stepA: value })), select('B', told, runB.id, value => this.set({ runB: value })), select('step', stepsB, stepB, value => this.set({ stepB: value })), pairs > 1 && select('item', places, at, value => this.set({ at: value })), select('as', WAYS, choice.way, value => this.set({ way: value })))
    const parts = await this.parts(a, b, choice.way).catch(error => [failure(error)])
    if (this.turn === turn) fill(this.node, bar, ...parts)
  }

  /** What stands below the choices. */
  async parts(a, b, way) {
    for (const side of [a, b]) side.document = side.row && untagged(JSON.parse(side.row._doc))
    const both = [a, b].every(({ document }) => document?._type === 'image')
    if (!both || way === WAYS[0]) return [await sideBySide(a, b, this.page), both && (await overlaps(a, b).catch(failure))]
    return [await layered(a, b, way), await overlaps(a, b).catch(failure)]
  }
}

const pick = (steps, wanted, standard) => steps.find(step => String(step) === wanted) ?? standard
const sorted = rows => rows.toSorted((a, b) => (a._rank ?? 0) - (b._rank ?? 0) || (a.index ?? 0) - (b.index ?? 0))
const placeName = (row, i) => [row._rank ? rankName(row._rank) : '', row.index === null || row.index === undefined ? '' : `${row.index + 1}`].filter(Boolean).join(', ') || `${i + 1}`

async function sideBySide(a, b, page) {
  const side = async ({ run, step, row }, name) => el('figure', { className: 'panel' }, el('figcaption', {}, `${name}: ${run.name}, step ${step} `), row ? await captioned(run, row, page) : el('p', { className: 'quiet' }, 'nothing in this place'))
  return el('div', { className: 'sides' }, await side(a, 'A'), await side(b, 'B'))
}

/** Two pictures in one place: B right of a line, A left of it, or how much they differ. */
async function layered(a, b, way) {
  const [imageA, imageB] = await Promise.all([a, b].map(async ({ run, document }) => loadImage(await run.url(document.path))))
  const fit = Math.min(1, LARGEST / Math.max(a.document.width, a.document.height)), [width, height] = [a.document.width, a.document.height].map(side => Math.ceil(side * fit))
  const canvas = el('canvas', { width, height, className: 'layered', role: 'img', 'aria-label': way }), context = canvas.getContext('2d')
  const scaled = a.document.width === b.document.width && a.document.height === b.document.height ? '' : `; B is ${b.document.width} × ${b.document.height} and drawn as large as A`
  if (way === 'difference') {
    context.fillRect(0, 0, width, height) // what is transparent is black in both
    context.drawImage(imageA, 0, 0, width, height)
    const other = el('canvas', { width, height }), behind = other.getContext('2d')
    behind.fillRect(0, 0, width, height)
    behind.drawImage(imageB, 0, 0, width, height)
    context.globalCompositeOperation = 'difference'
    context.drawImage(other, 0, 0)
    const most = fit === 1 && !scaled ? largest(context, width, height) : null // pixels that are made smaller are others
    return el('figure', {}, canvas, el('figcaption', {}, most === 0 ? 'A and B are equal' : `black where A and B are equal${most ? `; the largest difference is ${most} of 255` : ''}${scaled}`))
  }
  const half = (image, from, to) => {
    context.save()
    context.beginPath()
    context.rect(from, 0, to - from, height)
    context.clip()
    context.drawImage(image, 0, 0, width, height)
    context.restore()
  }
  const draw = share => {
    const line = Math.round(width * share)
    context.clearRect(0, 0, width, height)
    half(imageA, 0, line)
    half(imageB, line, width)
    context.fillStyle = '#fff'
    context.fillRect(line - 1, 0, 2, height)
  }
  draw(0.5)
  return el('figure', {}, canvas, el('input', { type: 'range', min: 0, max: 1, step: 0.005, value: 0.5, 'aria-label': 'how much of A', oninput: event => draw(Number(event.target.value)) }), el('figcaption', {}, `A on the left, B on the right${scaled}`))
}

/** The largest number of a canvas's colours; null where the browser keeps them to itself, as of files beside a report. */
function largest(context, width, height) {
  try {
    return context.getImageData(0, 0, width, height).data.reduce((most, value, i) => (i % 4 === 3 ? most : Math.max(most, value)), 0)
  } catch {
    return null
  }
}

/** How the boxes of A and B agree: pairs of one class that overlap by half or more. */
async function overlaps(a, b) {
  const boxes = async ({ run, document }) => (await readLayers(run, { ...document, masks: {} })).filter(layer => layer.kind === 'boxes')
  const [layersA, layersB] = await Promise.all([boxes(a), boxes(b)])
  const rows = layersA.flatMap(one => layersB.filter(other => other.name === one.name).map(other => ({ name: one.name, countA: one.boxes.length, countB: other.boxes.length, pairs: matchBoxes(one.boxes, other.boxes) })))
  if (!rows.length) return ''
  const mean = pairs => (pairs.length ? (pairs.reduce((sum, pair) => sum + pair[2], 0) / pairs.length).toFixed(3) : '–')
  return el('table', {}, el('caption', {}, 'boxes of one class whose intersection over union is at least 0.5'), el('tr', {}, ['set', 'A', 'B', 'matched', 'mean overlap', 'only A', 'only B'].map(name => el('th', {}, name))), rows.map(({ name, countA, countB, pairs }) => el('tr', {}, [name, countA, countB, pairs.length, mean(pairs), countA - pairs.length, countB - pairs.length].map(cell => el('td', {}, String(cell))))))
}
