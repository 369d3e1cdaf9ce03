// Sound: the browser's player, and the waveform where the browser can decode it.
import { duration, el, orTold, svg } from './dom.js'

const WIDE = 360, HIGH = 60
const MOST = 5e7 // samples of a sound whose waveform is drawn: decoding it takes four bytes for each

export async function showAudio(run, document) {
  const { sample_rate: rate, channels } = document, player = orTold('sound', el('audio', { controls: true, preload: 'metadata', src: await run.url(document.path), 'aria-label': document.caption ?? 'sound' }))
  const node = el('div', { className: 'sound' }, player, el('p', { className: 'note' }, [duration(document.duration), `${rate} Hz`, `${channels} ch`, document.format].join(' · ')))
  if (document.frames * channels > MOST) return node
  try {
    node.prepend(waveform(await samples(run, document), player))
  } catch {
    // a format that this browser cannot decode, as is told in the player's place
  }
  return node
}

/** Samples of the first channel, in the file's own rate. */
async function samples(run, document) {
  const context = new OfflineAudioContext(1, 1, Math.min(384000, Math.max(8000, document.sample_rate)))
  return (await context.decodeAudioData(await run.bytes(document.path))).getChannelData(0)
}

/** The smallest and largest sample of each pixel, with a line where the player is. */
export function waveform(values, player) {
  const columns = Math.min(WIDE, values.length), middle = HIGH / 2
  let path = ''
  for (let column = 0; column < columns; column++) {
    const x = Number(((column * WIDE) / columns).toFixed(1))
    let low = Infinity, high = -Infinity
    for (const value of values.subarray((column * values.length) / columns, ((column + 1) * values.length) / columns)) {
      if (value < low) low = value
      if (value > high) high = value
    }
    if (low <= high) path += `M${x} ${(middle - high * middle).toFixed(1)}V${(middle - low * middle + 0.5).toFixed(1)}`
  }
  const cursor = svg('line', { x1: 0, x2: 0, y1: 0, y2: HIGH, class: 'cursor' }), drawn = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'wave', preserveAspectRatio: 'none', role: 'img', 'aria-label': 'waveform' }, svg('path', { d: path }), cursor)
  player.addEventListener('timeupdate', () => {
    const at = Math.min(1, player.currentTime / (player.duration || 1)) * WIDE
    cursor.setAttribute('x1', at)
    cursor.setAttribute('x2', at)
  })
  drawn.addEventListener('click', event => player.duration > 0 && (player.currentTime = ((event.clientX - drawn.getBoundingClientRect().left) / drawn.clientWidth) * player.duration))
  return drawn
}
