// Media by key. One slider moves all panels to the same step; each shows its own last value at or before it.
import { AXES } from './charts.js'
import { bytes, count, el, failure, fill, folding, later, natural, orTold, placed, short } from './dom.js'
import { inPanel } from './figure.js'
import { bars, heatmap } from './histogram.js'
import { library } from './library.js'
import { Picture } from './overlays.js'
import { drawnPlot } from './preset.js'
import { rankName, untagged } from './run.js'
import { showAudio } from './sound.js'
import { readTable, showTable } from './tables.js'
import { readNpy, showTensor } from './tensor.js'

/** How each type is shown: (run, document, page) -> node, now or later. Another type shows its document. */
const SHOW = {
  __proto__: null, // a type may be called as a method of objects is
  image: async (run, document, page) => (await new Picture({ run, document, state: page.state }).ready).node,
  video: async (run, document) =>
    ['gif', 'webp', 'apng', 'avif'].includes(document.format)
      ? orTold('video', el('img', { className: 'clip', alt: document.caption ?? `${document.format} of ${count(document.frames, 'frame')}`, src: await run.url(document.path) }))
      : orTold('video', el('video', { className: 'clip', controls: true, loop: true, muted: true, src: await run.url(document.path), 'aria-label': document.caption ?? 'video' })),
  audio: showAudio,
  html: async (run, document) => {
    const text = new TextDecoder(document.encoding ?? 'utf-8').decode(await run.bytes(document.path))
    const frame = el('iframe', { sandbox: '', className: 'html', title: document.caption ?? 'HTML', srcdoc: text })
    return el('div', {}, frame, /<script/i.test(text) && el('p', { className: 'note' }, 'shown without its scripts, which run in a notebook only'))
  },
  histogram: (run, document) => bars(document),
  table: (run, document, page) => showTable(run, document, value => show(run, value, page)),
  tensor: async (run, document) => (document.media_type === 'application/x-npy' || document.path.endsWith('.npy') ? showTensor(readNpy(await run.bytes(document.path), document.dtype), document) : described(document)),
  object3d: showObject,
  molecule: async (run, document, page) => {
    const draw = await library(run.source, 'molecule'), node = el('div', { className: 'stage', role: 'img', 'aria-label': `molecule of ${count(document.atoms, 'atom')}` })
    const text = await unzipped(run, document)
    placed(node, () => draw(node, text, document.format))
    return el('div', {}, node, el('p', { className: 'note' }, `${count(document.atoms, 'atom')} ${document.formula ?? ''}`))
  },
  plot: showPlot,
  figure: async (run, document) => {
    if (document.format === 'png') return orTold('figure', el('img', { className: 'clip', alt: document.caption ?? 'figure', src: await run.url(document.path) }))
    const node = el('div', { className: 'stage' }), [plotly, figure] = [await library(run.source, 'plotly'), JSON.parse(await run.text(document.path))]
    placed(node, async () => {
      await plotly.newPlot(node, figure.data, inPanel(figure.layout ?? {}), { displaylogo: false })
      new ResizeObserver(() => node.clientWidth && plotly.Plots.resize(node)).observe(node) // `responsive` would have the window hold it for ever
    })
    return node
  },
}

/** The node of a value, its caption below. A failure is told in its place. */
export async function show(run, document, page) {
  try {
    return await (SHOW[document._type] ?? ((_, unknown) => described(unknown)))(run, document, page)
  } catch (error) {
    return failure(error)
  }
}

/** A logged value of media.parquet with its caption and what it is below. */
export async function captioned(run, row, page, rank) {
  try {
    const document = untagged(JSON.parse(row._doc)), node = await show(run, document, page), facts = [document.width && `${document.width} × ${document.height}`, bytes(document.size), rank].filter(Boolean)
    return el('figure', {}, node, el('figcaption', {}, document.caption && folding(document.caption), el('span', { className: 'note' }, ` ${facts.join(' · ')}`)))
  } catch (error) {
    return failure(error)
  }
}

const described = document => el('pre', { className: 'document' }, JSON.stringify(document, null, 2).slice(0, 4000))

async function unzipped(run, document) {
  const data = await run.bytes(document.path)
  if (new Uint8Array(data)[0] !== 0x1f) return new TextDecoder().decode(data)
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
}

async function showObject(run, document) {
  if (document.points !== undefined) return (await library(run.source, 'cloud'))(await run.bytes(document.path), document)
  if (document.format === 'babylon') return described(document)
  const sizes = `${count(document.vertices ?? 0, 'vertex', 'vertices')} · ${count(document.faces ?? 0, 'face')}`
  const draw = await library(run.source, 'mesh'), canvas = el('canvas', { className: 'cloud', role: 'img', 'aria-label': `mesh of ${sizes}. Drag turns, right-drag pans, the wheel zooms.` })
  const resources = {}
  for (const [name, part] of Object.entries(document.resources ?? {})) resources[name] = await run.url(part.path)
  await draw(canvas, await run.bytes(document.path), document.format, resources)
  return el('div', {}, canvas, el('p', { className: 'note' }, sizes))
}

/** A Vega-Lite preset with its placeholders filled, drawn by the Vega that is in the page. */
async function showPlot(run, document) {
  const columns = await readTable(run, document.table), draw = await library(run.source, 'vega')
  const { spec, rows } = drawnPlot(document, columns), node = el('div', { className: 'vega' })
  await draw(node, spec, rows)
  return node
}

/** The document of a row of media.parquet; null if that is damaged, as is told where it would be shown. */
function documentOf(row) {
  try {
    return JSON.parse(row._doc)
  } catch {
    return null
  }
}

/** The node that `make` makes, or its failure. */
function told(make) {
  try {
    return make()
  } catch (error) {
    return failure(error)
  }
}

/** One key of one run: what was logged at the step of the slider. */
class Panel {
  constructor(run, key, page) {
    Object.assign(this, { run, key, page, steps: [], shown: undefined })
    this.at = el('span', { className: 'note' })
    this.place = el('div', { className: 'place' })
    this.node = el('article', { className: 'panel', 'aria-label': `${key} of ${run.name}` }, el('h2', { className: 'key', title: `${key}\n${run.name}` }, el('i', { style: { background: run.color } }), el('bdi', {}, key), this.at, el('button', { className: 'quiet', title: 'compare with another step or run', onclick: () => page.compare(run, key, this.shown?.step) }, 'compare')), this.place)
    this.node.panel = this
  }

  /** Take the rows of media.parquet, again when there are more. `place(step)` is where a step stands on the slider's axis. */
  take(rows, place) {
    this.steps = []
    for (const row of rows.sort((a, b) => a.step - b.step || (a._rank ?? 0) - (b._rank ?? 0) || (a.index ?? 0) - (b.index ?? 0))) {
      const last = this.steps.at(-1)
      if (last?.step === row.step) last.rows.push(row)
      else this.steps.push({ step: row.step, at: place(row.step), rows: [row] })
    }
    this.steps = this.steps.filter(({ at }) => at === at).sort((a, b) => a.at - b.at)
    this.heating = null
    const last = this.steps.at(-1)?.rows[0]
    this.node.classList.toggle('broad', last?.type === 'table' && documentOf(last)?.num_columns > 4)
    const same = this.shown && this.steps.find(({ step }) => step === this.shown.step)
    if (same?.rows.length === this.shown?.rows.length) this.shown = same
    return this
  }

  /** The rows at a place of the slider, or at the last one before it; null before the first. */
  rowsAt(place) {
    if (place === null) return this.steps.at(-1) ?? null
    return this.steps.findLast(({ at }) => (this.page.tabs.media.texts ? at === place : at <= place)) ?? null
  }

  async move(step) {
    const rows = this.rowsAt(step), { media } = this.page.tabs, { along } = media
    this.at.textContent = rows ? ` step ${rows.step}${along === 'step' ? '' : ` · ${along} ${media.told(rows.at)}`}` : ''
    if (!rows) this.place.replaceChildren(el('p', { className: 'quiet' }, step === null ? `nothing that has a value of ${along}` : `nothing ${media.texts ? 'at' : 'up to'} ${along} ${media.told(step)}`))
    if (rows === this.shown) return
    this.shown = rows
    const turn = (this.turn = Symbol('move')) // what is shown may be found again in new rows while it is read
    if (!rows) return
    const ranked = rows.rows.some(row => row._rank), isHistogram = rows.rows[0].type === 'histogram'
    const nodes = await Promise.all(rows.rows.map(row => this.figure(row, ranked && rankName(row._rank ?? 0))))
    if (this.turn !== turn) return
    if (isHistogram && this.steps.length > 1) nodes.push(told(() => this.heat()))
    this.place.className = nodes.length > 1 && !isHistogram ? 'place gallery' : 'place'
    this.place.replaceChildren(...nodes)
  }

  figure(row, rank) {
    return captioned(this.run, row, this.page, rank)
  }

  /** All histograms of the key; made once. */
  heat() {
    if (!this.heating) {
      const read = this.steps.map(({ step, at, rows }) => ({ step, at, document: documentOf(rows[0]) })).filter(({ document }) => Array.isArray(document?.bins) && Array.isArray(document.values))
      this.heating = heatmap(read.map(({ document }) => document), read.map(({ step }) => step), i => this.page.tabs.media.choose(read[i].at))
    }
    return this.heating
  }
}

/** The tab of media. */
export class Media {
  constructor(page) {
    Object.assign(this, { page, state: page.state, panels: [], places: [], made: new WeakMap() }) // made: run -> key -> panel
    this.slider = el('input', { type: 'range', min: 0, step: 1, 'aria-label': 'step', oninput: () => this.choose(this.places[this.slider.value]) })
    this.axis = el('select', { 'aria-label': 'slider goes along', onchange: () => this.state.set({ along: this.axis.value, step: '' }) })
    this.label = el('output', {})
    this.body = el('div', {})
    this.score = el('input', { type: 'range', min: 0, max: 1, step: 0.01, value: this.state.get('score'), 'aria-label': 'lowest score of boxes', oninput: () => this.state.set({ score: Number(this.score.value) }) })
    this.opacity = el('input', { type: 'range', min: 0, max: 1, step: 0.05, value: this.state.get('opacity'), 'aria-label': 'opacity of masks', oninput: () => this.state.set({ opacity: Number(this.opacity.value) }) })
    const stepper = (text, by, label) => el('button', { 'aria-label': label, onclick: () => this.go(by) }, text)
    this.node = el('div', { className: 'media' }, el('div', { className: 'bar sticky' }, stepper('◀', -1, 'previous step'), this.slider, stepper('▶', 1, 'next step'), this.label, el('label', {}, 'along ', this.axis), el('label', { className: 'of-boxes' }, 'score ≥', this.score), el('label', { className: 'of-masks' }, 'masks', this.opacity)), this.body)
    this.seen = new IntersectionObserver(entries => entries.forEach(({ isIntersecting, target }) => this.visible(target.panel, isIntersecting)), { rootMargin: '400px' })
    const move = later(() => this.move(), 30)
    page.state.on('step', move)
    page.state.on('find along', () => this.state.get('tab') === 'media' && this.refresh())
    page.state.on('score opacity', () => Object.assign(this.score, { valueAsNumber: this.state.get('score') }) && Object.assign(this.opacity, { valueAsNumber: this.state.get('opacity') }))
    page.state.on('off score opacity', () => document.dispatchEvent(new Event('overlays')))
  }

  visible(panel, on) {
    panel.visible = on
    if (on) panel.move(this.step)
  }

  /** The place that was chosen; null where that is the last one. Where the slider goes along texts, they stand in
   *  their order, and a place is the number of one. */
  get step() {
    const chosen = this.state.get('step')
    return chosen === '' ? null : this.texts ? this.texts.indexOf(chosen) : Number(chosen)
  }

  /** A place as it is shown. */
  told(place) {
    return this.texts ? this.texts[place] : short(place)
  }

  /** What the slider goes along, as it is called. */
  get along() {
    return AXES[this.state.get('along')] ?? this.state.get('along')
  }

  async refresh() {
    const find = this.state.get('find').toLowerCase(), panels = [], media = [], turn = (this.turn = Symbol('refresh'))
    for (const run of this.page.shown()) {
      try {
        media.push({ run, rows: await run.media(), place: await run.placer(this.state.get('along')) })
      } catch {
        continue // a run without media.parquet
      }
    }
    if (turn !== this.turn) return
    const texts = media.flatMap(({ rows, place }) => rows.map(({ step }) => place(step))).filter(at => typeof at === 'string')
    this.texts = texts.length ? [...new Set(texts)].sort(natural) : null
    const numbered = new Map(this.texts?.map((text, i) => [text, i]))
    for (const { run, rows, place } of media) {
      const made = this.made.get(run) ?? this.made.set(run, new Map()).get(run)
      for (const [key, members] of Map.groupBy(rows, row => row.key)) {
        if (!key.toLowerCase().includes(find)) continue
        const panel = made.get(key) ?? made.set(key, new Panel(run, key, this.page)).get(key)
        panels.push(panel.take(members, this.texts ? step => numbered.get(place(step)) ?? NaN : place))
      }
    }
    const before = this.panels
    this.panels = panels.sort((a, b) => natural(a.key, b.key))
    this.places = [...new Set(panels.flatMap(panel => panel.steps.map(({ at }) => at)))].sort((a, b) => a - b)
    this.slider.max = Math.max(0, this.places.length - 1)
    const keys = [...new Set(this.page.shown().flatMap(run => [...run.numeric, ...run.texted]))].sort()
    fill(this.axis, [...Object.entries(AXES).filter(([name]) => name !== '_timestamp'), ...keys.map(key => [key, key])].map(([value, text]) => el('option', { value, selected: value === this.state.get('along') }, text)))
    if (before.length !== panels.length || before.some((panel, i) => panel !== panels[i])) {
      this.seen.disconnect()
      this.body.replaceChildren(el('div', { className: 'grid wide' }, panels.map(panel => panel.node)))
      panels.forEach(panel => this.seen.observe(panel.node))
      panels.slice(0, 4).forEach(panel => this.visible(panel, true)) // observing that takes a frame
    }
    if (!panels.length) this.body.replaceChildren(el('p', { className: 'quiet' }, 'no media were logged'))
    this.move()
  }

  /** Read what was not in view yet. */
  readAll() {
    for (const panel of this.panels) panel.move(this.step)
  }

  /** Which of the places is chosen. */
  get chosen() {
    return this.step === null ? this.places.length - 1 : Math.max(0, this.places.findLastIndex(place => place <= this.step))
  }

  move() {
    const at = this.chosen
    this.slider.value = at
    this.label.textContent = this.places.length ? `${this.along} ${this.told(this.places[at])}` : ''
    this.slider.setAttribute('aria-valuetext', this.label.textContent)
    for (const panel of this.panels) if (panel.visible) panel.move(this.step)
  }

  /** One place of those where something was logged, forwards or back. */
  go(by) {
    const at = this.chosen + by
    if (at >= 0 && at < this.places.length) this.choose(this.places[at])
  }

  choose(place) {
    if (place !== undefined) this.state.set({ step: place === this.places.at(-1) ? '' : String(this.texts ? this.texts[place] : place) })
  }
}
