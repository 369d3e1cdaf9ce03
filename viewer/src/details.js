// The page of one run: what it says of itself, what it printed, its files, and what its machine was doing.
import { conversation, messages } from './chat.js'
import { bytes, count, duration, el, failure, fill, folding, short } from './dom.js'
import { Grid, textOf } from './grid.js'
import { untagged } from './run.js'
import { date, flat, medium } from './runs.js'
import { readSystem, systemCharts } from './system.js'

const LONGEST = 2e5 // letters of a text file that are shown
const TIMES = { __proto__: null, _timestamp: date, _runtime: duration }
const TEXT = /\.(txt|log|md|patch|diff|py|sh|json|jsonl|ya?ml|toml|ini|cfg|csv|tsv)$/i

export class Details {
  constructor(page) {
    Object.assign(this, { page, state: page.state })
    this.node = el('div', { className: 'details' })
    page.state.on('tab run', () => this.state.get('tab') === 'run' && this.refresh())
  }

  async refresh() {
    const wanted = this.state.get('run'), run = this.page.runs.find(one => one.id === wanted) ?? this.page.runs[0]
    if (!run) return
    const turn = (this.turn = Symbol('refresh')), { info } = run
    const choose = el('select', { 'aria-label': 'run', onchange: () => this.state.set({ run: choose.value }) }, this.page.runs.map(one => el('option', { value: one.id, selected: one === run }, one.name)))
    const facts = [['status', info.status], ['project', info.project], ['group', info.group], ['job type', info.job_type], ['tags', info.tags.join(', ')], ['started', date(info.started)], ['duration', duration(run.seconds)], ['id', info.id], ['folder', run.path]]
    const parts = await Promise.all([this.environment(run), this.texts(run), this.system(run), this.files(run), this.console(run)].map(part => part.catch(failure)))
    if (turn !== this.turn) return
    fill(
      this.node,
      el('div', { className: 'bar' }, choose),
      info.notes && el('p', { className: 'notes', dir: 'auto' }, info.notes),
      section('Run', facts.filter(([, value]) => value)),
      this.problems(info.problems),
      section('Config', flat(run.config)),
      section('Summary', flat(run.summary).map(([name, value]) => [name, TIMES[name]?.(value) ?? medium(value) ?? value])),
      ...parts.flat(),
    )
  }

  problems(found) {
    return found.length > 0 && el('section', { className: 'panel' }, el('h2', { className: 'failure' }, `Problems (${found.length})`), found.map(({ path, message, hint }) => el('p', {}, el('b', {}, path ? `${path}: ` : ''), `${message}. ${hint ?? ''}`)))
  }

  /** The list of runs goes without it, as it is long. */
  async environment(run) {
    const { environment, ...info } = run.info, whole = environment ?? (run.has('run.json') ? untagged(JSON.parse(await run.text('run.json'))).environment : {}) ?? {}
    return folded('Environment', table(flat(whole)), '', true)
  }

  /** Values that are text, lists or JSON, by step. */
  async texts(run) {
    await run.open()
    const parts = await Promise.all(run.plainColumns.map(async ({ name, key, kind }) => [key, kind, await run.values(name)]))
    return parts.map(([key, kind, values]) => {
      const whole = el('div', {}), read = values.map(({ value }) => (kind === 'json' ? parsed(value) : value))
      const chosen = row => (messages(read[row]) ? conversation(messages(read[row])) : el('pre', { className: 'document', dir: 'auto' }, textOf(values[row].value)))
      const grid = new Grid([{ name: 'step', values: values.map(({ step }) => step), width: 60 }, { name: 'value', values: read, width: 400 }], values.length, { choose: row => fill(whole, chosen(row)) })
      return folded(key, el('div', {}, grid.node, whole), count(values.length, 'value'))
    })
  }

  async system(run) {
    const samples = await readSystem(run)
    if (!samples) return ''
    const place = el('div', { className: 'grid' }, el('p', {}, '')), node = folded('System', place, count(samples.times.length, 'sample'))
    node.addEventListener('toggle', () => node.open && fill(place, systemCharts(samples)))
    return node
  }

  async files(run) {
    if (!run.has('files.json')) return ''
    const { files } = JSON.parse(await run.text('files.json'))
    if (!files.length) return ''
    const rows = files.map(({ name, size }) => el('tr', {}, el('td', {}, this.file(run, name)), el('td', { className: 'number' }, bytes(size))))
    return folded('Files', el('table', {}, rows), count(files.length, 'file'))
  }

  /** A text file unfolds; another one is a link to it. */
  file(run, name) {
    const path = `files/${name}`, link = el('a', { download: name.split('/').at(-1) }, name)
    Promise.resolve().then(() => run.url(path)).then(url => (link.href = url), () => link.replaceWith(`${name} (not here)`))
    if (!TEXT.test(name)) return link
    const node = el('details', {}, el('summary', {}, link))
    node.addEventListener('toggle', async () => {
      if (node.childElementCount > 1) return
      const text = await run.text(path).catch(failure)
      node.append(typeof text === 'string' ? el('pre', { className: 'document' }, text.slice(0, LONGEST) + (text.length > LONGEST ? '\n...' : '')) : text)
    })
    return node
  }

  async console(run) {
    if (!run.has('console.log')) return ''
    const lines = consoleLines(await run.text('console.log')), start = run.info.started
    if (!lines.length) return ''
    const columns = [{ name: 'time', width: 70, values: lines.map(({ time }) => time - start), show: duration }, { name: 'stream', width: 50, values: lines.map(({ stream }) => stream) }, { name: 'text', width: 560, values: lines.map(({ text }) => text), show: (text, row) => el('code', { className: lines[row].stream }, text) }]
    return folded('Console', new Grid(columns, lines.length, { height: 420 }).node, count(lines.length, 'line'))
  }
}

/** JSON that stands in a cell as what it means. */
function parsed(text) {
  try {
    return untagged(JSON.parse(text))
  } catch {
    return text
  }
}

/** Lines of a console.log: [{time: seconds, stream, text}]; those of another form are left out. */
export function consoleLines(text) {
  return text.split('\n').flatMap(line => {
    const [, time, stream, rest] = /^(\S+) (out|err|cut) (.*)$/.exec(line) ?? [], seconds = Date.parse(time) / 1000
    return Number.isFinite(seconds) ? [{ time: seconds, stream, text: rest }] : []
  })
}

function folded(title, content, note = '', open = false) {
  if (!content?.childElementCount) return ''
  return el('details', { className: 'panel', open }, el('summary', {}, el('h2', {}, title), el('span', { className: 'note' }, note)), content)
}

const table = rows => el('table', {}, rows.map(([name, value]) => el('tr', {}, el('th', {}, name), el('td', { dir: 'auto', title: typeof value === 'number' ? String(value) : '' }, shown(value)))))

const shown = value => (typeof value === 'number' ? short(value) : messages(value) ? conversation(messages(value)) : folding(textOf(value)))

function section(title, rows) {
  return rows.length > 0 && el('section', { className: 'panel' }, el('h2', {}, title), table(rows))
}
