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

/** Ten colours that are told apart on white and on black, also by most colour-blind people (Observable 10). */
export const COLORS = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#ff8ab7', '#a463f2', '#97bbf5', '#9c6b4e', '#9498a0']

/** The colour of class or run number `index`, which may be negative. */
export const color = index => COLORS[((index % COLORS.length) + COLORS.length) % COLORS.length]

/** Red, green and blue (0 to 255) of a `#rrggbb`. */
export const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))

/** A number in at most about six characters, such as 0.00123, 12.5k; full precision stands in a title. */
export function short(value) {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'number') return String(value)
  if (Number.isNaN(value)) return 'NaN'
  const size = Math.abs(value)
  if (size === Infinity) return value > 0 ? '∞' : '−∞'
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e')
  if (size >= 1e9) return trim(value / 1e9, 3) + 'G'
  if (size >= 1e6) return trim(value / 1e6, 3) + 'M'
  if (size >= 1e5) return trim(value / 1e3, 3) + 'k'
  return trim(value, size >= 1000 ? 6 : 4)
}
const trim = (value, digits) => String(Number(value.toPrecision(digits)))

/** So many of a thing: 1 row, 2,500 rows. */
export const count = (number, thing, things = thing + 's') => `${number.toLocaleString('en')} ${number === 1 ? thing : things}`

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
