// Two values of a key, at two steps or of two runs: side by side, swiped, or their difference; boxes matched by overlap.
import { el, failure } from './dom.js'
import { show } from './media.js'
import { loadImage, matchBoxes, readLayers } from './overlays.js'
import { untagged } from './run.js'

const WAYS = ['side by side', 'swipe', 'difference']

export class Compare {
  constructor(page) {
    Object.assign(this, { page, state: page.state })
    this.node = el('div', { className: 'compare' })
    page.state.on('compare tab', () => page.state.get('tab') === 'compare' && this.refresh())
  }

  /** What is chosen: [key, run of A, step of A, run of B, step of B, way]. */
  get choice() {
    const [key = '', runA = '', stepA = '', runB = '', stepB = '', way = WAYS[0]] = this.state.get('compare')
    return { key, runA, stepA, runB, stepB, way }
  }

  set(changes) {
    const { key, runA, stepA, runB, stepB, way } = { ...this.choice, ...changes }
    this.state.set({ compare: [key, runA, stepA, runB, stepB, way].map(String) })
  }

  async refresh() {
    const items = new Map() // key -> id of a run -> step -> row
    for (const run of this.page.shown()) {
      const rows = await run.media().catch(() => [])
      for (const row of rows) {
        const runs = items.get(row.key) ?? items.set(row.key, new Map()).get(row.key), steps = runs.get(run.id) ?? runs.set(run.id, new Map()).get(run.id)
        if (!steps.has(row.step)) steps.set(row.step, row)
      }
    }
    if (!items.size) return this.node.replaceChildren(el('p', { className: 'quiet' }, 'no media were logged'))
    const { key, way } = this.choice, runs = items.get(key) ?? items.values().next().value, ids = [...runs.keys()]
    const idA = runs.has(this.choice.runA) ? this.choice.runA : ids[0], idB = runs.has(this.choice.runB) ? this.choice.runB : (ids[1] ?? ids[0])
    const stepsA = [...runs.get(idA).keys()], stepsB = [...runs.get(idB).keys()]
    const stepA = pick(stepsA, this.choice.stepA, idA === idB ? stepsA[0] : stepsA.at(-1)), stepB = pick(stepsB, this.choice.stepB, stepsB.at(-1))
    const named = ids.map(id => [id, this.page.runs.find(run => run.id === id).name]), told = named.map(([id, name]) => [id, named.some(([other, same]) => other !== id && same === name) ? `${name} (${id})` : name])
    const select = (label, options, value, change) => el('label', {}, label, ' ', el('select', { onchange: event => change(event.target.value) }, options.map(option => [option].flat()).map(([option, text = option]) => el('option', { value: option, selected: String(option) === String(value) }, String(text)))))
    const bar = el('div', { className: 'bar' }, select('key', [...items.keys()], key, value => this.set({ key: value, stepA: '', stepB: '' })), select('A', told, idA, value => this.set({ runA: value })), select('step', stepsA, stepA, value => this.set({ stepA: value })), select('B', told, idB, value => this.set({ runB: value })), select('step', stepsB, stepB, value => this.set({ stepB: value })), select('as', WAYS, way, value => this.set({ way: value })))
    const [a, b] = [[idA, stepA], [idB, stepB]].map(([id, step]) => ({ run: this.page.runs.find(run => run.id === id), step, document: untagged(JSON.parse(runs.get(id).get(step)._doc)) }))
    const both = a.document._type === 'image' && b.document._type === 'image'
    const shown = await (both && way !== WAYS[0] ? layered(a, b, way) : sideBySide(a, b, this.page)).catch(failure)
    this.node.replaceChildren(bar, shown, both ? await overlaps(a, b) : '')
  }
}

const pick = (steps, wanted, standard) => steps.find(step => String(step) === wanted) ?? standard

async function sideBySide(a, b, page) {
  const side = async ({ run, step, document }, name) => el('figure', { className: 'panel' }, el('figcaption', {}, `${name}: ${run.name}, step ${step} `, document.caption ?? ''), await show(run, document, page))
  return el('div', { className: 'sides' }, await side(a, 'A'), await side(b, 'B'))
}

/** Two pictures in one place: B behind A up to a line, or how much they differ. */
async function layered(a, b, way) {
  const [imageA, imageB] = await Promise.all([a, b].map(async ({ run, document }) => loadImage(await run.url(document.path))))
  const { width, height } = a.document, canvas = el('canvas', { width, height, className: 'layered', role: 'img', 'aria-label': way }), context = canvas.getContext('2d')
  if (way === 'difference') {
    context.drawImage(imageA, 0, 0, width, height)
    context.globalCompositeOperation = 'difference'
    context.drawImage(imageB, 0, 0, width, height)
    return el('figure', {}, canvas, el('figcaption', {}, 'black where A and B are equal'))
  }
  const draw = share => {
    context.drawImage(imageB, 0, 0, width, height)
    context.drawImage(imageA, 0, 0, imageA.naturalWidth * share, imageA.naturalHeight, 0, 0, width * share, height)
    context.fillStyle = '#fff'
    context.fillRect(width * share - 1, 0, 2, height)
  }
  draw(0.5)
  return el('figure', {}, canvas, el('input', { type: 'range', min: 0, max: 1, step: 0.005, value: 0.5, 'aria-label': 'how much of A', oninput: event => draw(Number(event.target.value)) }), el('figcaption', {}, 'A on the left, B on the right'))
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
