// A table of any length: only the rows in view are elements.
import { messages, toldInLine } from './chat.js'
import { count, el, later, short } from './dom.js'

const ROW = 24 // pixels
const TALLEST = 1e7 // pixels of an element that every browser makes

export class Grid {
  /** @param columns [{name, kind?, width?, values: array or index => value, show?: value => node or text}]
   *  @param count rows; @param choose called with a row's index when it is clicked
   *  @param groups index => texts: rows of one text stand together, below a line that says so */
  constructor(columns, count, { choose, height = 320, sort = '', onsort, groups } = {}) {
    const read = columns.map(column => ({ ...column, at: Array.isArray(column.values) ? i => column.values[i] : column.values }))
    Object.assign(this, { groups, closed: new Set(), columns: read.map(column => ({ ...column, width: column.width ?? fitting(column, count) })), count, choose, onsort })
    this.order = Array.from({ length: count }, (_, i) => i)
    this.body = el('div', { className: 'rows' })
    this.space = el('div', { className: 'space' }, this.body)
    this.head = el('div', { className: 'row head', role: 'row' }, this.columns.map((column, i) => el('button', { role: 'columnheader', title: `sort by ${column.name}`, onclick: () => this.sortBy(i) }, column.name)))
    this.scroll = el('div', { className: 'scroll', tabIndex: 0, style: { maxHeight: `${height}px` }, role: 'table', 'aria-label': 'table', 'aria-rowcount': count }, el('div', { role: 'rowgroup' }, this.head), this.space)
    this.search = el('input', { type: 'search', placeholder: 'filter rows', title: 'text, column:text, column>0.1 ...', 'aria-label': 'filter rows', oninput: later(() => this.filter(this.search.value), 120) })
    this.total = el('span', { className: 'note' })
    this.node = el('div', { className: 'table' }, el('div', { className: 'bar' }, this.search, this.total), this.scroll)
    this.scroll.style.setProperty('--columns', this.columns.map(({ width }) => `minmax(${width}px, ${width}fr)`).join(' '))
    this.scroll.style.setProperty('--least', `${this.columns.reduce((sum, { width }) => sum + width, 0)}px`)
    this.scroll.addEventListener('scroll', () => this.paint())
    if (sort) this.sortBy(this.columns.findIndex(column => column.name === sort.replace(/^-/, '')), sort.startsWith('-') ? -1 : 1)
    this.paint()
    new ResizeObserver(() => this.paint()).observe(this.scroll)
  }

  /** Rows that `matches` takes. */
  filter(text) {
    const takes = matches(text, this.columns)
    this.order = Array.from({ length: this.count }, (_, i) => i).filter(takes)
    if (this.by) this.sortBy(this.by[0], this.by[1])
    this.scroll.scrollTop = 0
    this.paint(true)
  }

  /** Sort by a column; the same one again turns the order round. Numbers come before text, nothing comes last. */
  sortBy(column, direction = this.by?.[0] === column ? -this.by[1] : 1) {
    if (column < 0) return
    this.by = [column, direction]
    const { at } = this.columns[column], keys = this.order.map(row => at(row))
    const rank = value => (value === null || value === undefined || value !== value ? 2 : typeof value === 'string' ? 1 : 0)
    const places = keys.map((_, i) => i)
    if (keys.every(key => typeof key === 'number' && key === key)) places.sort((a, b) => direction * (keys[a] - keys[b]) || a - b)
    else {
      places.sort((a, b) => {
        const [x, y] = [keys[a], keys[b]], ranks = rank(x) - rank(y)
        if (ranks) return ranks
        const compared = typeof x === 'string' ? (x < y ? -1 : Number(x > y)) : Number(x) - Number(y)
        return direction * compared || a - b
      })
    }
    this.order = places.map(place => this.order[place])
    ;[...this.head.children].forEach((button, i) => button.setAttribute('aria-sort', i !== column ? 'none' : direction > 0 ? 'ascending' : 'descending'))
    this.onsort?.(`${direction < 0 ? '-' : ''}${this.columns[column].name}`)
    this.paint(true)
  }

  /** What is listed: indices of rows, and {group, rows} above those of a group. */
  lines() {
    if (!this.groups) return this.order
    const groups = new Map()
    for (const row of this.order) for (const group of this.groups(row)) (groups.get(group) ?? groups.set(group, []).get(group)).push(row)
    return [...groups].flatMap(([group, rows]) => [{ group, rows }, ...(this.closed.has(group) ? [] : rows)])
  }

  paint(whole = false) {
    if (whole || !this.listed) this.listed = this.lines()
    const lines = this.listed, view = this.scroll.clientHeight || 320, all = lines.length * ROW, tall = Math.min(all, TALLEST), scrolled = this.scroll.scrollTop
    const top = tall < all ? (scrolled * (all - view)) / (tall - view) : scrolled // where of more rows than an element can hold
    const first = Math.max(0, Math.floor(top / ROW) - 8), last = Math.min(lines.length, first + Math.ceil(view / ROW) + 20)
    this.space.style.height = `${tall}px`
    this.body.style.transform = `translateY(${first * ROW - top + scrolled}px)`
    this.total.textContent = this.order.length === this.count ? count(this.count, 'row') : `${this.order.length.toLocaleString('en')} of ${count(this.count, 'row')}`
    if (!whole && this.painted?.[0] === first && this.painted[1] === last) return
    this.painted = [first, last]
    this.body.replaceChildren(...lines.slice(first, last).map(line => (typeof line === 'number' ? this.row(line) : this.groupLine(line))))
  }

  /** The line above a group: its name, how many rows it has, and the means of their numbers. */
  groupLine({ group, rows }) {
    const open = !this.closed.has(group)
    const switched = () => {
      if (!this.closed.delete(group)) this.closed.add(group)
      this.paint(true)
    }
    const cells = this.columns.map(({ at }, i) => {
      if (i === 0) return el('span', { role: 'cell' }, el('button', { className: 'quiet', 'aria-expanded': String(open), onclick: switched }, `${open ? '▾' : '▸'} ${group || '(none)'} · ${rows.length}`))
      const numbers = rows.map(at).filter(value => typeof value === 'number' && Number.isFinite(value)), mean = numbers.reduce((sum, value) => sum + value / numbers.length, 0)
      const shown = numbers.length && this.columns[i].mean !== false
      return el('span', { role: 'cell', className: 'number', title: shown ? `mean of ${numbers.length}: ${mean}` : '' }, shown ? (this.columns[i].show?.(mean) ?? short(mean)) : '')
    })
    return el('div', { className: 'row group-line', role: 'row' }, cells)
  }

  row(row) {
    const cells = this.columns.map(column => {
      const value = column.at(row), shown = column.show ? column.show(value, row) : shownText(value)
      return el('span', { role: 'cell', dir: 'auto', title: typeof value === 'object' ? '' : String(value ?? ''), className: typeof value === 'number' ? 'number' : '' }, shown)
    })
    const choose = this.choose && (() => this.choose(row))
    const onkeydown = choose && (event => {
      if (event.key === 'Enter' && event.target === event.currentTarget) choose()
    })
    return el('div', { className: 'row', role: 'row', onclick: choose, onkeydown, tabIndex: choose && 0 }, cells)
  }
}

const COMPARED = { '=': (a, b) => a === b, '!=': (a, b) => a !== b, '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b }

/** What a filter takes of rows: `text` in any cell and any case, `column:text` in one column, `column>0.1` (also
 *  < <= >= = !=). A blank stands between several, all of which must hold; names of columns may be without what is before their first dot. */
export function matches(text, columns) {
  const named = name => columns.find(column => column.name === name) ?? columns.find(column => column.name.slice(column.name.indexOf('.') + 1) === name)
  const has = (column, wanted) => row => textOf(column.at(row)).toLowerCase().includes(wanted)
  const parts = text.trim().split(/\s+/).filter(Boolean).map(part => {
    const [, name, sign, rest] = /^([^<>=!:]+)(:|!=|<=|>=|[<>=])(.*)$/.exec(part) ?? [], one = name && named(name)
    if (!one) return row => columns.some(column => has(column, part.toLowerCase())(row))
    if (sign === ':') return has(one, rest.toLowerCase())
    const number = Number(rest), compare = COMPARED[sign]
    return rest === '' || Number.isNaN(number) ? row => compare(textOf(one.at(row)), rest) : row => /^(number|bigint)$/.test(typeof one.at(row)) && compare(Number(one.at(row)), number)
  })
  return row => parts.every(part => part(row))
}

/** The width in pixels of a column whose name and first values are to be read, those of long texts at their beginning. */
function fitting({ name, at, show }, count) {
  const letters = show ? [] : Array.from({ length: Math.min(count, 50) }, (_, row) => shownText(at(row)).length)
  return Math.min(280, Math.max(64, 8 * Math.max(name.length, ...letters) + 22))
}

const shownText = value => (typeof value === 'number' ? short(value) : Array.isArray(value) && value.every(item => typeof item === 'number') ? `[${value.slice(0, 30).map(short).join(', ')}]` : messages(value) ? toldInLine(messages(value)).slice(0, 300) : textOf(value).slice(0, 300))

/** A cell as text: what filters look at. */
export function textOf(value) {
  if (value === null || value === undefined) return ''
  if (value._type) return value.caption ?? value._type
  return typeof value === 'object' ? JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)) : String(value)
}
