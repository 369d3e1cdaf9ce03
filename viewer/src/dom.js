// Building blocks of the page: elements, numbers as text, colours.

/** An element with properties, attributes (names with a dash or in ATTRIBUTES) and children. All text is text, never HTML. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (name.includes('-') || ATTRIBUTES.has(name)) node.setAttribute(name, value === true ? '' : value)
    else if (name === 'style') Object.assign(node.style, value)
    else if (name === 'dataset') Object.assign(node.dataset, value)
    else node[name] = value
  }
  return fill(node, ...children)
}

/** Give an element these children instead of its own; null, undefined and false are none. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter(child => child !== null && child !== undefined && child !== false))
  return node
}
const ATTRIBUTES = new Set(['role', 'for', 'sandbox', 'list', 'colspan'])

/** An element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

/** A number in at most about six characters, such as 0.00123, 12.5k; full precision stands in a title. */
export function short(value) {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'number') return String(value)
  if (Number.isNaN(value)) return 'NaN'
  const size = Math.abs(value)
  if (size === Infinity) return value > 0 ? '∞' : '−∞'
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e')
  return size >= 1e5 ? within(value, unitOf(value)) : trim(value, size >= 1000 ? 6 : 4)
}

const UNITS = [['G', 1e9], ['M', 1e6], ['k', 1e3]]

/** The unit of a large number, such as [M, 1000000]; [, 1] where it needs none. */
export const unitOf = value => UNITS.find(([, size]) => Math.abs(Number(value.toPrecision(3))) >= Math.max(size, 1e5)) ?? ['', 1]

/** A number in a unit, such as 1.5M. */
export const within = (value, [name, size], digits = 3) => (value ? trim(value / size, digits) + name : '0')

const trim = (value, digits) => String(Number(value.toPrecision(digits)))

/** So many of a thing: 1 row, 2,500 rows. */
export const count = (number, thing, things = thing + 's') => `${number.toLocaleString('en')} ${number === 1 ? thing : things}`

/** Texts in the order of the numbers in them. */
export const natural = new Intl.Collator('en', { numeric: true }).compare

/** Bytes as kB, MB... */
export function bytes(count) {
  if (!(count >= 0)) return ''
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (count < (unit === 'B' ? 1000 : 999.5)) return `${unit === 'B' ? count : count.toPrecision(3)} ${unit}`
    count /= 1000
  }
  return `${count.toPrecision(3)} TB`
}

/** Seconds as 5 s, 3 min, 2 h 5 min. */
export function duration(seconds) {
  if (!(seconds >= 0)) return ''
  if (seconds < 59.95) return `${Number(seconds.toPrecision(3))} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Run `work` once, a moment after the last of many calls. */
export function later(work, milliseconds = 60) {
  let timer
  return (...given) => {
    clearTimeout(timer)
    timer = setTimeout(() => work(...given), milliseconds)
  }
}

/** What a failure says in the place where its value would have been. */
export const failure = error => el('p', { className: 'failure', role: 'alert' }, error?.message ?? String(error))

/** What a picture, video or sound that cannot be shown is told to be. */
export const lost = what => Error(`the ${what} is not there, or of a kind that this browser cannot show`)

/** A node that loads a file, and tells in its place when it cannot. */
export function orTold(what, node) {
  node.addEventListener('error', () => node.replaceWith(failure(lost(what))), { once: true })
  return node
}

/** Call `work` once a node stands in the page and has a size; a failure is told in its place. */
export function placed(node, work) {
  const seen = new ResizeObserver(async () => {
    if (!node.clientWidth) return
    seen.disconnect()
    try {
      await work()
    } catch (error) {
      node.replaceWith(failure(error))
    }
  })
  seen.observe(node)
}

const LONG = 180 // letters of a text that is folded, and lines
const LINES = 4

/** A text of several lines; a long one is folded: the first lines of it stand there until it is opened. */
export function folding(text) {
  const isLong = text.length > LONG || text.split('\n', LINES + 1).length > LINES
  return isLong ? el('details', { className: 'folding' }, el('summary', { dir: 'auto' }, el('span', {}, text))) : el('span', { dir: 'auto', className: 'lines' }, text)
}
