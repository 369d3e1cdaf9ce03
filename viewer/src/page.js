// The page: runs on the left, tabs, keyboard. It is given a source and reads everything else from it.
import { AXES, Charts, colorRuns } from './charts.js'
import { Compare } from './compare.js'
import { Details } from './details.js'
import { el, failure, fill, later } from './dom.js'
import { matches } from './grid.js'
import { Media } from './media.js'
import { Run } from './run.js'
import { groupsBy, runColumns, Runs } from './runs.js'
import { Dropped, droppedFiles, Inlined, Served } from './source.js'
import { State } from './state.js'

const given = JSON.parse(document.getElementById('settings')?.textContent ?? '{}')
const TABS = { __proto__: null, charts: 'Charts', media: 'Media', compare: 'Compare', runs: 'Runs', run: 'Run' }
const KEYS = [['/', 'filter keys'], ['1 – 5', 'tabs'], ['← →', 'one step back or forward'], ['double click', 'zoom out'], ['ctrl + wheel, + − 0', 'zoom a picture'], ['?', 'this list']]
const OWN_ARROWS = 'audio, video, .scroll, .stage, dialog' // which arrows move by themselves
const SHOWN = 10 // runs that are switched on at first

class Page {
  /** @param signal ends what it hears of the window, for another page in its place */
  constructor(source, signal) {
    Object.assign(this, { source, signal, state: new State(location.hash, signal), runs: [] })
    this.tabs = { charts: new Charts(this), media: new Media(this), compare: new Compare(this), runs: new Runs(this), run: new Details(this) }
    this.layout()
    this.state.on('tab', () => this.open())
    this.state.on('group colors', () => this.recolour())
    this.state.on('theme', () => this.theme())
    addEventListener('beforeprint', () => this.print(true), { signal })
    addEventListener('afterprint', () => this.print(false), { signal })
    document.addEventListener('overlays', () => this.repaint(), { signal })
    addEventListener('keydown', event => this.key(event), { signal })
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (this.theme(), this.tabs.charts.redraw()), { signal })
    this.theme()
  }

  /** Runs that are switched on. */
  shown() {
    const hidden = new Set(this.state.get('hidden'))
    return this.runs.filter(run => !hidden.has(run.id))
  }

  layout() {
    const { state } = this
    const input = (type, name, options) => {
      const member = { checkbox: 'checked', range: 'valueAsNumber' }[type] ?? 'value', node = el('input', { type, ...options, [member]: state.get(name) }) // a range's limits before its value
      node.oninput = later(() => state.set({ [name]: node[member] }), 40)
      state.on(name, () => node[member] !== state.get(name) && (node[member] = state.get(name))) // as a link says
      return node
    }
    this.find = input('search', 'find', { placeholder: 'filter keys  /', 'aria-label': 'filter keys' })
    this.axis = el('select', { 'aria-label': 'x-axis', onchange: () => state.set({ x: this.axis.value }) })
    this.list = el('ul', { className: 'runlist' })
    this.which = el('div', { className: 'which' })
    this.pick = input('search', 'pick', { placeholder: 'filter runs', title: 'text, column:text, lr>0.01 ...', 'aria-label': 'filter runs' })
    state.on('pick hidden', () => this.listRuns())
    state.on('x', () => (this.axis.value = state.get('x')))
    this.help = el('dialog', { 'aria-label': 'keyboard' }, el('table', {}, KEYS.map(([key, text]) => el('tr', {}, el('th', {}, key), el('td', {}, text)))), el('form', { method: 'dialog' }, el('button', {}, 'close')))
    this.main = el('main', { id: 'main', tabIndex: -1 })
    this.nav = el('nav', { role: 'tablist', 'aria-label': 'views' }, Object.entries(TABS).map(([name, text]) => el('button', { role: 'tab', id: `tab-${name}`, 'aria-controls': 'main', onclick: () => state.set({ tab: name }) }, text)))
    const charts = el('span', { className: 'only-charts' }, el('label', {}, 'x ', this.axis), el('label', {}, 'smooth ', input('range', 'smooth', { min: 0, max: 0.99, step: 0.01 })), el('label', {}, input('checkbox', 'log'), 'log y'))
    const theme = el('button', { title: 'light or dark', 'aria-label': 'light or dark', onclick: () => state.set({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' }) }, '◐')
    const keys = el('button', { title: 'keyboard', 'aria-label': 'keyboard', onclick: () => this.help.showModal() }, '?')
    document.body.replaceChildren(
      el('header', {}, el('h1', {}, document.title), this.nav, charts, this.find, theme, keys),
      (this.lost = el('div', { className: 'banner', role: 'status', hidden: true }, 'The server does not answer: what is shown is as it was. It is asked again.')),
      (this.trouble = el('div', { className: 'banner failure', role: 'alert', hidden: true })),
      ...(given.note ? [el('div', { className: 'banner', role: 'note' }, given.note)] : []),
      el('aside', { 'aria-label': 'runs' }, this.pick, this.which, this.list),
      this.main,
      this.help,
    )
  }

  async start() {
    const listed = await this.source.runs()
    this.runs = listed.map(run => new Run(this.source, run))
    if (!this.state.get('hidden').length && this.runs.length > SHOWN && !location.hash.includes('hidden')) this.state.values.hidden = this.runs.slice(SHOWN).map(run => run.id)
    this.colour()
    this.listRuns()
    this.open()
    await this.openRuns()
    const isOver = this.shown().length && this.shown().every(run => run.info.status !== 'running' && !run.numeric.length)
    if (isOver && !location.hash.includes('tab=')) {
      this.state.values.tab = 'media' // there are no numbers to draw
      this.open()
    }
    this.source.live(message => this.hear(message))
    document.documentElement.dataset.ready = 'true'
  }

  /** Read the footers of the runs that are shown, then what the axes can be. */
  async openRuns() {
    await Promise.all(this.shown().map(run => run.open().then(() => (run.failed = null), error => (run.failed = error))))
    const failed = [...this.shown().filter(run => run.failed).map(run => `${run.name}: ${run.failed.message}`), ...(this.source.problems ?? [])]
    Object.assign(this.trouble, { hidden: !failed.length, textContent: failed.join('\n') })
    const keys = [...new Set(this.shown().flatMap(run => run.numeric))].sort()
    const isDefined = keys.some(key => this.shown().some(run => run.axis(key))), { _step, ...times } = AXES
    const axes = [...(isDefined ? [['', 'as defined'], ['_step', _step]] : [['', _step]]), ...Object.entries(times), ...keys.map(key => [key, key])]
    this.axis.replaceChildren(...axes.map(([value, text]) => el('option', { value, selected: value === this.state.get('x') }, text)))
    this.tabs.charts.refresh()
    this.open()
  }

  colour() {
    const group = this.state.get('group'), column = group && runColumns(this.runs).find(({ name }) => name === group)
    const picked = new Map(this.state.get('colors').map(text => [text.slice(0, text.lastIndexOf('=')), text.slice(text.lastIndexOf('=') + 1)]))
    colorRuns(this.runs, column && groupsBy(column), picked)
  }

  recolour() {
    this.colour()
    this.listRuns()
    this.tabs.charts.refresh()
    this.open()
  }

  pickColor(id, color) {
    this.state.set({ colors: [...this.state.get('colors').filter(text => text.slice(0, text.lastIndexOf('=')) !== id), `${id}=${color}`] })
  }

  listRuns() {
    const hidden = new Set(this.state.get('hidden')), columns = runColumns(this.runs).map(({ name, at }) => ({ name, at: run => at(run) })), takes = matches(this.state.get('pick'), columns)
    const found = this.runs.filter(takes)
    const dot = (run, id) => el('input', { type: 'color', className: 'dot', value: run.color, 'aria-label': `colour of ${run.name}`, title: 'pick a colour', onchange: event => this.pickColor(id, event.target.value) })
    const only = (text, hide) => el('button', { className: 'quiet', onclick: () => this.hide(hide(this.runs.map(run => run.id), new Set(found.map(run => run.id)))) }, text)
    this.list.replaceChildren(
      ...found.slice(0, 500).map(run => {
        const id = run.id, box = el('input', { type: 'checkbox', checked: !hidden.has(id), onchange: () => this.switch(id, box.checked) })
        return el('li', {}, dot(run, id), el('label', { title: `${id}\n${run.info.status}` }, box, el('span', {}, run.name), run.info.status === 'running' && el('span', { className: 'note' }, 'live')))
      }),
      found.length > 500 ? el('li', { className: 'note' }, `and ${found.length - 500} more: see Runs`) : '',
    )
    fill(this.which, this.runs.length > 1 && [only(found.length < this.runs.length ? 'only these' : 'all', (all, listed) => all.filter(id => !listed.has(id))), only('none', all => all)])
  }

  async hide(hidden) {
    this.state.set({ hidden })
    await this.openRuns()
  }

  async switch(id, on) {
    this.state.toggle('hidden', id, !on)
    await this.openRuns()
  }

  open() {
    const tab = this.state.get('tab') in TABS ? this.state.get('tab') : 'charts', view = this.tabs[tab]
    for (const button of this.nav.children) button.setAttribute('aria-selected', String(button.id === `tab-${tab}`))
    document.body.dataset.tab = tab
    this.main.setAttribute('aria-labelledby', `tab-${tab}`)
    this.main.replaceChildren(view.node)
    if (tab !== 'charts') view.refresh()
  }

  compare(run, key, step) {
    this.state.set({ tab: 'compare', compare: [key, run.id, '', run.id, String(step ?? ''), 'side by side'] })
  }

  /** Overlays were switched: every picture in the page is painted again. */
  repaint() {
    for (const node of document.querySelectorAll('.picture')) node.picture?.refresh()
  }

  theme() {
    const chosen = this.state.get('theme'), dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
    document.documentElement.dataset.theme = dark && !this.printing ? 'dark' : 'light'
  }

  /** Paper is white; and what was not scrolled to is read, which may be too late for this time. */
  print(on) {
    this.printing = on
    this.theme()
    this.tabs.charts.each(chart => chart.draw())
    if (on) this.tabs[this.state.get('tab')]?.readAll?.()
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName), isArrow = event.key === 'ArrowLeft' || event.key === 'ArrowRight'
    if (event.key === 'Escape' && typing) return event.target.blur()
    if (typing) return
    const tab = Object.keys(TABS)[Number(event.key) - 1]
    if (tab) this.state.set({ tab })
    else if (event.key === '/') this.find.focus()
    else if (event.key === '?') this.help.showModal()
    else if (isArrow && this.state.get('tab') === 'media' && !event.target.closest?.(OWN_ARROWS)) this.tabs.media.go(event.key === 'ArrowLeft' ? -1 : 1)
    else return
    event.preventDefault()
  }

  /** News of a server: `Live.news` says what they are. */
  hear(message) {
    if (message.lost || message.all) this.lost.hidden = !message.lost
    if (message.runs || message.gone) return this.take(message)
    const run = this.runs.find(one => one.path === message.run)
    if (!run) return
    run.append(message)
    const keys = new Set(message.rows.flatMap(({ values }) => Object.keys(values).filter(key => !key.startsWith('_') && typeof values[key] !== 'string')))
    if (this.shown().includes(run)) this.tabs.charts.grown([...keys])
    if (message.media.length && this.state.get('tab') === 'media') this.tabs.media.refresh()
  }

  /** Runs that are new or others now, and those that are gone; of `all` runs many are as they were. */
  take({ runs = [], gone = [], all }) {
    const lost = new Set(all ? this.runs.map(run => run.path).filter(path => !runs.some(listed => listed.path === path)) : gone)
    this.runs = this.runs.filter(run => !lost.has(run.path))
    for (const listed of runs) {
      const known = this.runs.find(run => run.path === listed.path)
      if (!known) this.runs.push(new Run(this.source, listed))
      else if (!all || listed.run.status === 'running' || JSON.stringify(known.listed) !== JSON.stringify(listed)) known.renew(listed)
    }
    this.colour()
    this.listRuns()
    return this.openRuns()
  }
}

/** A page that waits for files: opened from disk, without a server and without Python. */
function waiting() {
  const chooser = el('input', { type: 'file', webkitdirectory: true, multiple: true, onchange: () => begin(new Dropped([...chooser.files].map(file => [file.webkitRelativePath, file]))) })
  const node = el('div', { className: 'drop' }, el('h1', {}, 'Drop run folders here'), el('p', {}, 'or choose a folder of runs: ', chooser), el('p', { className: 'note' }, 'The files are read by this page alone; nothing is sent anywhere.'))
  document.body.replaceChildren(node)
  addEventListener('dragover', event => event.preventDefault())
  addEventListener('drop', async event => (event.preventDefault(), begin(new Dropped(await droppedFiles(event.dataTransfer)))))
}

let shown = new AbortController() // of the page that is shown: other files may be dropped on it

async function begin(source) {
  shown.abort()
  shown = new AbortController()
  const page = new Page(source, shown.signal)
  try {
    await page.start()
    if (!page.runs.length) document.querySelector('main').replaceChildren(given.live ? el('p', { className: 'quiet', role: 'status' }, 'No runs yet. The first one is shown as soon as it begins.') : failure(Error('no run was found: a run folder holds a run.json')))
  } catch (error) {
    document.querySelector('main').replaceChildren(failure(error))
  }
}

if (given.source === 'served') begin(new Served(given))
else if (given.source === 'inlined') begin(new Inlined(given))
else if (/^https?:/.test(location.protocol) && !new URLSearchParams(location.search).has('drop')) begin(new Served({ base: '', list: 'runs.json' }))
else waiting()
