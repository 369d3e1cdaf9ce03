// The table of runs.
import { duration, el, short } from './dom.js'
import { Grid, textOf } from './grid.js'

/** Leaves of nested objects as [name with dots, value]; documents and lists are leaves. */
export function flat(object, prefix = '') {
  return Object.entries(object ?? {}).flatMap(([name, value]) => (value && typeof value === 'object' && !Array.isArray(value) && !value._type && Object.keys(value).length ? flat(value, `${prefix}${name}.`) : [[prefix + name, value]]))
}

/** A document, or a list of them, in a few words; undefined for anything else. */
export function medium(value) {
  if (Array.isArray(value) && value[0]?._type) return `${value.length} × ${value[0]._type}`
  return value?._type && `${value._type} ${value.caption ?? ''}`
}

export const date = seconds => (seconds ? new Date(seconds * 1000).toLocaleString() : '')

/** Columns of the table of runs: what is known of each, then config and summary where they are not all the same or few. */
export function runColumns(runs) {
  const own = [
    { name: 'run', width: 220, at: run => run.name },
    { name: 'status', width: 80, at: run => run.info.status },
    { name: 'started', width: 175, at: run => run.info.started, show: date, mean: false },
    { name: 'duration', width: 80, at: run => run.seconds, show: duration },
    { name: 'tags', width: 100, at: run => run.info.tags.join(', '), each: run => run.info.tags },
    { name: 'project', width: 100, at: run => run.info.project },
    { name: 'group', width: 80, at: run => run.info.group },
    { name: 'job type', width: 80, at: run => run.info.job_type },
  ].filter(({ at }) => runs.some(run => at(run) || at(run) === 0))
  const parts = ['config', 'summary'].flatMap(part => {
    const values = runs.map(run => new Map(flat(run[part]))), names = [...new Set(values.flatMap(map => [...map.keys()]))]
    const byRun = new Map(runs.map((run, i) => [run, values[i]]))
    return names.filter(name => !name.startsWith('_') && !values.some(map => medium(map.get(name)))).map(name => ({ name: `${part}.${name}`, width: Math.min(220, Math.max(90, 8 * (part.length + name.length) + 30)), at: run => byRun.get(run).get(name) }))
  })
  return [...own, ...parts]
}

/** The texts of the groups that a run belongs to by a column: one, but one for each tag. */
export const groupsBy = column => run => (column.each?.(run).length ? column.each(run) : [textOf(column.at(run))])

/** The tab of runs. */
export class Runs {
  constructor(page) {
    Object.assign(this, { page, state: page.state })
    this.node = el('div', { className: 'runs' })
    page.state.on('tab group', () => this.state.get('tab') === 'runs' && this.refresh())
  }

  refresh() {
    const { runs } = this.page, columns = runColumns(runs), by = columns.find(({ name }) => name === this.state.get('group'))
    const grid = new Grid(
      columns.map(({ name, width, at, show, mean }, i) => ({ name, width, mean, values: row => at(runs[row]), show: i === 0 ? (_, row) => this.link(runs[row]) : show })),
      runs.length,
      { height: innerHeight - 190, sort: this.state.get('sort'), onsort: sort => this.state.set({ sort }), groups: by && (row => groupsBy(by)(runs[row])) },
    )
    const pick = el('select', { 'aria-label': 'group runs by', onchange: () => this.state.set({ group: pick.value }) }, el('option', { value: '' }, 'nothing'), columns.slice(1).map(({ name }) => el('option', { value: name, selected: name === this.state.get('group') }, name)))
    this.node.replaceChildren(el('div', { className: 'bar' }, el('label', { title: 'rows and colours' }, 'group by ', pick), this.best(columns)), grid.node)
  }

  /** The run with the smallest or largest value of a number of the summary. */
  best(columns) {
    const numbers = columns.filter(({ name, at }) => name.startsWith('summary.') && this.page.runs.some(run => typeof at(run) === 'number'))
    if (this.page.runs.length < 2 || !numbers.length) return ''
    const answer = el('output', {}), choose = el('select', { 'aria-label': 'best by', onchange: () => tell() }, numbers.map(({ name }) => el('option', {}, name)))
    const direction = el('select', { 'aria-label': 'direction', onchange: () => tell() }, el('option', {}, 'lowest'), el('option', {}, 'highest'))
    const tell = () => {
      const { at } = numbers[choose.selectedIndex], sign = direction.value === 'lowest' ? 1 : -1
      const runs = this.page.runs.filter(run => Number.isFinite(at(run))).sort((a, b) => sign * (at(a) - at(b)))
      answer.replaceChildren(...(runs[0] ? [this.link(runs[0]), ` ${short(at(runs[0]))}`] : ['none']))
    }
    tell()
    return el('span', {}, 'best by ', choose, direction, ' ', answer)
  }

  link(run) {
    return el('a', { href: '#', onclick: event => (event.preventDefault(), event.stopPropagation(), this.state.set({ tab: 'run', run: run.id })) }, el('i', { style: { background: run.color } }), run.name)
  }
}
