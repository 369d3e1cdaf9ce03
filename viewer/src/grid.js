// A table of any length: only the rows in view are elements.
import { el, later, short } from './dom.js'

const ROW = 24 // pixels

export class Grid {
  /** @param columns [{name, kind?, width?, values: array or index => value, show?: value => node or text}]
   *  @param count rows; @param choose called with a row's index when it is clicked */
  constructor(columns, count, { choose, height = 320, sort = '', onsort } = {}) {
    Object.assign(this, { columns: columns.map(column => ({ ...column, at: Array.isArray(column.values) ? i => column.values[i] : column.values })), count, choose, onsort })
    this.order = Array.from({ length: count }, (_, i) => i)
    this.body = el('div', { className: 'rows' })
    this.space = el('div', { className: 'space' }, this.body)
    this.head = el('div', { className: 'row head', role: 'row' }, this.columns.map((column, i) => el('button', { role: 'columnheader', title: `sort by ${column.name}`, onclick: () => this.sortBy(i) }, column.name)))
    this.scroll = el('div', { className: 'scroll', tabIndex: 0, style: { maxHeight: `${height}px` }, role: 'table', 'aria-label': 'table', 'aria-rowcount': count }, el('div', { role: 'rowgroup' }, this.head), this.space)
    this.search = el('input', { type: 'search', placeholder: 'filter rows', 'aria-label': 'filter rows', oninput: later(() => this.filter(this.search.value), 120) })
    this.total = el('span', { className: 'note' })
    this.node = el('div', { className: 'table' }, el('div', { className: 'bar' }, this.search, this.total), this.scroll)
    this.scroll.style.setProperty('--columns', this.columns.map(column => `minmax(${column.width ?? 90}px, 1fr)`).join(' '))
    this.scroll.style.setProperty('--least', `${this.columns.reduce((sum, column) => sum + (column.width ?? 90), 0)}px`)
    this.scroll.addEventListener('scroll', () => this.paint())
    if (sort) this.sortBy(this.columns.findIndex(column => column.name === sort.replace(/^-/, '')), sort.startsWith('-') ? -1 : 1)
    this.paint()
    new ResizeObserver(() => this.paint()).observe(this.scroll)
  }

  /** Rows in which some cell holds the text, in any case; `column:text` looks in one column. */
  filter(text) {
    const [, name, rest] = /^([^:]+):(.*)$/.exec(text) ?? [], one = this.columns.find(column => column.name === name), wanted = (one ? rest : text).trim().toLowerCase()
    const columns = one ? [one] : this.columns
    this.order = Array.from({ length: this.count }, (_, i) => i)
    if (wanted) this.order = this.order.filter(row => columns.some(column => textOf(column.at(row)).toLowerCase().includes(wanted)))
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
    if (keys.every(key => typeof key === 'number')) places.sort((a, b) => direction * (keys[a] - keys[b]) || a - b)
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

  paint(whole = false) {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - 8), last = Math.min(this.order.length, first + Math.ceil((this.scroll.clientHeight || 320) / ROW) + 20)
    this.space.style.height = `${this.order.length * ROW}px`
    this.total.textContent = this.order.length === this.count ? `${this.count.toLocaleString('en')} rows` : `${this.order.length.toLocaleString('en')} of ${this.count.toLocaleString('en')} rows`
    if (!whole && this.painted?.[0] === first && this.painted[1] === last) return
    this.painted = [first, last]
    this.body.style.transform = `translateY(${first * ROW}px)`
    this.body.replaceChildren(...this.order.slice(first, last).map(row => this.row(row)))
  }

  row(row) {
    const cells = this.columns.map(column => {
      const value = column.at(row), shown = column.show ? column.show(value, row) : shownText(value)
      return el('span', { role: 'cell', title: typeof value === 'object' ? '' : String(value ?? ''), className: typeof value === 'number' ? 'number' : '' }, shown)
    })
    return el('div', { className: 'row', role: 'row', onclick: this.choose && (() => this.choose(row)) }, cells)
  }
}

const shownText = value => (typeof value === 'number' ? short(value) : textOf(value).slice(0, 300))

/** A cell as text: what filters look at. */
export function textOf(value) {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (value._type) return value.caption ?? value._type
  return typeof value === 'object' ? JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)) : String(value)
}
