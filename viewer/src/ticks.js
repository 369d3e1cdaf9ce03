// Numbers on the axes of charts: pure functions without a page.
import { short, unitOf, within } from './dom.js'

const WIDEST = 1000 // times the smallest number of an axis: up to there all have one unit
const HUGE = 1e15, TINY = 1e-15, FINE = 1e9 // beyond which an axis has neither digits nor room for its numbers

/** Distances between ticks of an axis of whole numbers. */
export const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map(digit => digit * 10 ** power)).flat()

/** How numbers from `low` to `high` are drawn, as (number - base) / scale: they are few digits then. */
export function frame(low, high) {
  const size = Math.max(Math.abs(low), Math.abs(high)), span = high - low
  if (!(size < Infinity)) return { base: 0, scale: 1 }
  const base = span > 0 && size / span > FINE ? low : 0, reach = base ? span : size
  return { base, scale: reach >= HUGE || (reach > 0 && reach < TINY) ? 10 ** Math.floor(Math.log10(reach)) : 1 }
}

/** The same for a logarithmic axis from `low` to `high`, both above 0: the middle is where there are most digits. */
export function logFrame(low, high) {
  const isFar = low < TINY || high >= HUGE, middle = Math.round((Math.log10(low) + Math.log10(high)) / 2)
  return { base: 0, scale: isFar && Number.isFinite(middle) ? 10 ** middle : 1 }
}

const DECADES = 8 // of a logarithmic axis that have a tick

/** Ticks of a logarithmic axis from `low` to `high`: powers of ten, some of them where there are many; where there are few,
 *  twice and five times as much too. */
export function decades(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), step = Math.ceil((last - first) / DECADES), digits = last - first > 3 ? [1] : [1, 2, 5]
  const ticks = []
  for (let power = first; power <= last; power += step) for (const digit of digits) ticks.push(Number(`${digit}e${power}`))
  return ticks.filter(tick => tick >= low && tick <= high)
}

/** What stands at ticks, all in one unit or all with an exponent. */
export function labels(ticks, { base = 0, scale = 1 } = {}) {
  const write = writing(ticks.filter(tick => tick !== null).map(tick => base + tick * scale))
  return distinct(ticks, tick => write(base + tick * scale), by => short(by * scale))
}

/** What `write` makes of ticks; those that look the same are told by how far they are from the first, as `step` says it. */
export function distinct(ticks, write, step = write) {
  const first = ticks.find(tick => tick !== null), texts = ticks.map(tick => (tick === null ? '' : write(tick))), told = texts.filter(Boolean)
  if (new Set(told).size === told.length) return texts
  return ticks.map((tick, i) => (tick === null || tick === first ? texts[i] : `+${step(tick - first)}`))
}

/** How the numbers of an axis are written: those of one that is not logarithmic are all of about one size. */
function writing(numbers) {
  const sizes = numbers.map(Math.abs).filter(size => size > 0), least = Math.min(...sizes), most = Math.max(...sizes)
  if (!(most / least <= WIDEST)) return short
  if (most < 1e-2 && least < 1e-4) return number => (number ? number.toExponential(3).replace(/\.?0*e\+?/, 'e') : '0')
  return most >= 1e5 && most < HUGE ? number => within(number, unitOf(most), 6) : short
}

/** The width in pixels of an axis with these labels at its left. */
export const room = texts => Math.max(52, 20 + 6.2 * Math.max(0, ...(texts ?? []).map(text => text.length)))
