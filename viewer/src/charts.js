// Charts of numbers over steps or time: one for each key, all runs in it, zoomed together.
import uPlot from 'uplot'
import { classColor } from './colors.js'
import { duration, el, failure, fill, later, natural, short } from './dom.js'
import { rankName } from './run.js'
import { alone, envelope, nearest, smooth } from './series.js'
import { decades, frame, labels, logFrame, room, WHOLE } from './ticks.js'

const HEIGHT = 220
const TRUTH = ['False', 'True']
// What stands for a number of an axis; whole ones of others have all their digits.
const PLACES = { __proto__: null, _timestamp: seconds => new Date(seconds * 1000).toLocaleString(), _relative: duration }

/** Groups of keys by what stands before the last `/` or the first `.`; keys without either, or alone, come first. */
export function grouped(keys) {
  const prefix = key => key.slice(0, Math.max(0, key.lastIndexOf('/') > 0 ? key.lastIndexOf('/') : key.indexOf('.')))
  const sizes = new Map(), groups = new Map()
  for (const key of keys) sizes.set(prefix(key), (sizes.get(prefix(key)) ?? 0) + 1)
  for (const key of keys) {
    const name = sizes.get(prefix(key)) > 1 ? prefix(key) : ''
    groups.set(name, [...(groups.get(name) ?? []), key])
  }
  return [...groups].sort(([a], [b]) => (a === '') - (b === '') ? (a === '' ? -1 : 1) : natural(a, b))
}

/** How an axis is called; that of each key by itself has no name. */
export const AXES = { __proto__: null, _step: 'step', _relative: 'time since the start', _timestamp: 'date' }

class Chart {
  constructor(key, page) {
    Object.assign(this, { key, page, drawn: false, curves: [] })
    this.legend = el('div', { className: 'values', 'aria-live': 'off' })
    this.holder = el('div', { className: 'plot' })
    this.note = el('span', { className: 'note' })
    this.node = el('section', { className: 'chart panel', 'aria-label': `chart of ${key}`, tabIndex: 0 }, el('h2', { className: 'key', title: key }, el('bdi', {}, key), this.note), this.holder, this.legend)
    this.node.chart = this
    this.node.addEventListener('dblclick', () => page.zoom(null))
  }

  /** What the chart is over: what the page says, else what the first run that says so defines for the key, else steps. */
  chosenAxis() {
    const { state, shown } = this.page
    return state.get('x') || shown().map(run => run.axis(this.key)).find(Boolean) || '_step'
  }

  /** The curves of the runs that are shown, one for each rank. What was read once is kept. */
  read() {
    const { shown } = this.page, axis = this.chosenAxis()
    return Promise.all(shown().map(async run => Promise.all((await run.ranks()).map(async (rank, i, { length }) => ({ run, rank: length > 1 ? rank : null, points: await run.curve(this.key, axis, rank) }))))).then(found => found.flat())
  }

  /** Read what is missing and draw; runs without the key are left out. */
  async load() {
    try {
      this.axis = this.chosenAxis()
      const curves = await this.read()
      this.curves = curves.filter(({ points }) => points?.[0].length)
      this.isTruth = this.curves.every(({ run }) => run.isTruth(this.key))
      this.smoothed()
    } catch (error) {
      this.holder.replaceChildren(failure(error))
    }
  }

  smoothed() {
    const weight = this.page.state.get('smooth')
    for (const curve of this.curves) curve.y = smooth(curve.points[1], weight)
    this.draw()
  }

  draw() {
    this.plot?.destroy()
    this.plot = null
    this.drawn = true
    if (!this.curves.length) return this.holder.replaceChildren(el('p', { className: 'quiet' }, 'no values over this axis'))
    if (!this.curves.some(({ y }) => y.some(Number.isFinite))) {
      this.holder.replaceChildren(el('p', { className: 'quiet' }, 'no finite values: all are NaN or infinite'))
      return this.show(null)
    }
    if (this.isLog() && !this.curves.some(({ y }) => y.some(value => value > 0 && value < Infinity))) {
      this.holder.replaceChildren(el('p', { className: 'quiet' }, 'no values above 0, as a logarithmic axis has them'))
      return this.show(null)
    }
    const [from, to] = this.page.range?.[this.axis] ?? [-Infinity, Infinity], width = Math.max(200, this.holder.clientWidth), tables = []
    let thinned = false
    for (const { points, y } of this.curves) {
      const [x, part] = envelope(points[0], y, from, to, Math.round(width))
      thinned ||= part.length < y.length && x.buffer !== points[0].buffer
      tables.push([x, Array.from(part, value => (Number.isFinite(value) ? value : null))])
    }
    this.placeIn(tables)
    this.note.textContent = [this.page.state.get('x') || this.axis === '_step' ? '' : ` over ${this.axis}`, thinned ? ' min and max of each pixel' : ''].filter(Boolean).join(',')
    this.holder.replaceChildren()
    this.plot = new uPlot(this.options(width), uPlot.join(tables, tables.map(() => [0, 1])), this.holder)
    if (this.isPlace) this.plot.setScale('x', { min: tables[0][0][0] - 1, max: tables[0][0][0] + 1 })
    this.show(null)
  }

  /** Where numbers are too large, too small or too near to each other to be told on an axis, draw them in another frame. */
  placeIn(tables) {
    const place = ({ base, scale }) => value => (value === null ? null : (value - base) / scale)
    const bounds = lists => lists.reduce(([low, high], list) => list.reduce(([a, b], value) => (value === null ? [a, b] : [Math.min(a, value), Math.max(b, value)]), [low, high]), [Infinity, -Infinity])
    const wide = bounds(tables.map(([x]) => [x[0], x.at(-1)])), tall = bounds(tables.map(([, y]) => (this.isLog() ? y.filter(value => value > 0) : y)))
    this.across = this.axis === '_timestamp' ? frame(0, 0) : frame(...wide)
    this.up = this.isLog() ? logFrame(...tall) : frame(...tall)
    this.isPlace = wide[0] === wide[1] // all values stand at one
    for (const table of tables)
      [this.across, this.up].forEach((one, i) => {
        if (one.base || one.scale !== 1) table[i] = Array.from(table[i], place(one))
      })
  }

  /** Whether the values are drawn by their logarithms: truths are not. */
  isLog = () => this.page.state.get('log') && !this.isTruth

  /** The number that stands so many pixels from the left. */
  placeAt = (plot, left) => plot.posToVal(left, 'x') * this.across.scale + this.across.base

  /** Whether the axis has whole numbers alone, as steps and epochs are. */
  isWhole = () => this.axis === '_step' || (!(this.axis in AXES) && this.curves.every(({ points }) => points[0].every(Number.isInteger)))

  options(width) {
    const style = getComputedStyle(document.body), ink = style.getPropertyValue('--ink'), faint = style.getPropertyValue('--line')
    const axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { stroke: faint }, font: '11px system-ui', size: 34 }
    return {
      width,
      height: HEIGHT,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: this.axis === '_timestamp' }, y: this.isTruth ? { range: [-0.1, 1.1] } : { distr: this.isLog() ? 3 : 1 } },
      axes: [
        { ...axis, incrs: this.isWhole() && this.across.scale === 1 ? WHOLE : undefined, values: this.axis === '_timestamp' ? undefined : (_, ticks) => labels(ticks, this.across) },
        { ...axis, size: (_, texts) => room(texts), ...(this.isTruth ? { splits: [0, 1], values: (_, ticks) => ticks.map(tick => TRUTH[tick]) } : { values: (_, ticks) => labels(ticks, this.up) }), ...(this.isLog() && { splits: (_, axis, low, high) => decades(low, high), filter: (_, ticks) => ticks }) },
      ],
      cursor: { sync: { key: `over ${this.axis}`, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      series: [{}, ...this.curves.map(({ run, rank }) => ({ stroke: rank ? `${run.color}80` : run.color, width: 1.5, points: { show: true, size: 5, filter: (plot, series) => alone(plot.data[series]) } }))],
      hooks: {
        setCursor: [plot => this.show(plot.cursor.left >= 0 ? this.placeAt(plot, plot.cursor.left) : null)],
        setSelect: [
          plot => {
            const { left, width: wide } = plot.select
            if (wide > 3) this.page.zoom({ [this.axis]: [this.placeAt(plot, left), this.placeAt(plot, left + wide)] })
          },
        ],
      },
    }
  }

  /** The exact values at a place, not those of the thinned curve; the last ones where there is no place. */
  show(x) {
    const place = PLACES[this.axis] ?? (number => (Number.isSafeInteger(number) ? String(number) : short(number)))
    const places = this.curves.map(({ points }) => place(points[0][x === null ? points[0].length - 1 : nearest(points[0], x)]))
    const together = this.curves.length > 3 && places.every(place => place === places[0]) // said once
    fill(
      this.legend,
      this.curves.slice(0, 12).map(({ run, rank, points, y }, i) => {
        const at = x === null ? points[0].length - 1 : nearest(points[0], x), raw = points[1][at]
        const told = this.isTruth ? TRUTH[raw] : short(raw), text = y === points[1] ? told : `${short(y[at])} (${told})`
        return el('span', { title: `${run.name}\n${AXES[this.axis] ?? this.axis} ${points[0][at]}\n${raw}` }, el('i', { style: { background: run.color } }), el('b', {}, text), el('small', {}, [!together && ` @ ${places[i]}`, rank !== null && rankName(rank)].filter(Boolean).join(' · ')))
      }),
      this.curves.length > 12 && el('span', {}, `and ${this.curves.length - 12} more`),
      together && el('small', {}, `@ ${places[0]}`),
    )
  }
}

/** The tab of charts. Charts are read and drawn when they come into view. */
export class Charts {
  constructor(page) {
    Object.assign(this, { page, state: page.state, charts: new Map(), range: null, queue: new Set(), closed: new Set() }) // closed: groups that were folded
    this.node = el('div', { className: 'charts' })
    this.seen = new IntersectionObserver(entries => entries.forEach(entry => this.visible(entry)), { rootMargin: '300px' })
    this.redraw = later(() => this.each(chart => chart.draw()), 100)
    addEventListener('resize', this.redraw, { signal: page.signal })
    matchMedia('print').addEventListener('change', this.redraw, { signal: page.signal })
    page.signal.addEventListener('abort', () => this.charts.forEach(chart => chart.plot?.destroy())) // the window would hold them
    page.state.on('x hidden', () => (this.range = null) || this.refresh())
    page.state.on('smooth', () => this.each(chart => chart.smoothed()))
    page.state.on('log theme', () => this.each(chart => chart.draw()))
    page.state.on('find', () => this.layout())
  }

  shown = () => this.page.shown()

  visible({ isIntersecting, target }) {
    target.chart.visible = isIntersecting
    if (isIntersecting && !target.chart.drawn) this.load(target.chart)
  }

  /** One after the other, so that the first one is soon there; from then on the next one is read meanwhile. */
  load(chart) {
    this.queue.add(chart)
    return (this.working ??= (async () => {
      for (const next of this.queue) {
        this.queue.delete(next)
        const [following] = this.queue
        if (this.begun) following?.read().catch(() => {}) // a failure is told when it is drawn
        await next.load()
        this.begun = true
        await new Promise(done => setTimeout(done))
      }
      this.working = null
    })())
  }

  each(work) {
    for (const chart of this.charts.values()) if (chart.drawn) work(chart)
  }

  /** Read what was not in view yet. */
  readAll() {
    for (const chart of this.charts.values()) if (!chart.drawn && chart.node.isConnected) this.load(chart)
  }

  /** Show a part of one axis, `{axis: [from, to]}`, in all charts over it; all of it for null. */
  zoom(range) {
    this.range = range
    this.each(chart => chart.draw())
  }

  /** Runs, keys or the axis changed: what is in view is read again, the rest when it comes into view. That the first
   *  chart is in view need not be observed, which takes a frame. */
  refresh() {
    this.layout()
    const first = this.node.isConnected && this.node.querySelector('section')
    if (first) first.chart.visible = true
    for (const chart of this.charts.values()) {
      chart.drawn = false
      if (chart.visible) this.load(chart)
    }
  }

  /** New values of live runs. */
  grown(keys) {
    for (const key of keys) {
      const chart = this.charts.get(key)
      if (!chart) return this.layout()
      if (chart.drawn && chart.visible) this.load(chart)
      else chart.drawn = false
    }
  }

  layout() {
    const find = this.state.get('find').toLowerCase(), keys = [...new Set(this.shown().flatMap(run => run.numeric))].filter(key => key.toLowerCase().includes(find))
    this.node.replaceChildren(
      ...grouped(keys).map(([name, members]) => {
        const charts = members.map(key => {
          if (!this.charts.has(key)) this.charts.set(key, new Chart(key, this))
          const chart = this.charts.get(key)
          this.seen.observe(chart.node)
          return chart.node
        })
        const grid = el('div', { className: 'grid' }, charts)
        if (!name) return grid
        const group = el('details', { open: !this.closed.has(name), className: 'group', ontoggle: () => this.closed[group.open ? 'delete' : 'add'](name) }, el('summary', {}, name, el('span', { className: 'note' }, ` ${members.length}`)), grid)
        return group
      }),
    )
    if (!keys.length) this.node.append(el('p', { className: 'quiet' }, find ? `no key with “${find}”` : 'no numbers were logged'))
  }
}

/** Give each run its colour: the one that was picked, else by its group, else by its place. */
export function colorRuns(runs, group, picked) {
  const groups = new Map()
  runs.forEach((run, index) => {
    const name = group ? group(run)[0] : index
    if (!groups.has(name)) groups.set(name, groups.size)
    run.color = picked.get(run.id) ?? classColor(groups.get(name))
  })
}
