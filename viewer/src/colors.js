// The colours of classes and runs: `mediatypes/_core/palette.py` has the same, and says why.

const FIRST = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#ff8ab7', '#a463f2', '#97bbf5', '#9c6b4e', '#9498a0']
const GOLDEN = 137508, CIRCLE = 360000, PERIOD = 30000 // a degree is a thousand
const SHADES = [[20, 225], [120, 245], [20, 150]]
const BACKGROUND = /^\s*(background|void|ignored?|unlabell?ed|none)\s*$/i

/** The colour of class or run number `id` as `#rrggbb`; what has no class, null, has that of class 0. */
export function classColor(id) {
  const place = (((id ?? 0) % PERIOD) + PERIOD) % PERIOD
  if (place < FIRST.length) return FIRST[place]
  const hue = (place * GOLDEN) % CIRCLE, [low, high] = SHADES[place % SHADES.length]
  return `#${[5, 3, 1].map(turn => channel(hue + turn * 60000, low, high).toString(16).padStart(2, '0')).join('')}`
}

/** One channel of a hue, as HSV has it. */
function channel(turned, low, high) {
  const at = turned % CIRCLE, away = Math.max(0, Math.min(at, 240000 - at, 60000))
  return high - Math.floor(((high - low) * away * 2 + 60000) / 120000)
}

/** Red, green and blue (0 to 255) of a `#rrggbb`. */
export const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16))

/** Whether a class of a mask is not drawn: it is named background, void..., or it is 0 or 255 and has no name. */
export const isBackground = (id, labels = {}) => (id in labels ? BACKGROUND.test(labels[id]) : id === 0 || id === 255)
