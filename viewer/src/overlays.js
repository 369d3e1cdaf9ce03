// A picture with its boxes and masks: layers and classes that can be switched, a score slider, zoom and pan.
import { classColor, isBackground, rgb } from './colors.js'
import { count, el, failure, later, lost } from './dom.js'
import { grey16 } from './png.js'

const LINE = 2 // pixels of a box's edge on the screen
const DASHES = [[], [5 * LINE], [2 * LINE]] // of the edges of a first, second and every further set of boxes
export const LARGEST = 2048 // pixels of a canvas in each direction; a larger picture is drawn smaller until it is zoomed
const SHARP = 1024 // pixels of a canvas with texts on it, about, so that they are sharp over a small picture
const LISTED = 60 // classes of a layer that have a toggle

/** What is drawn over a picture: [{name, kind, labels, boxes or mask}], read once. */
export async function readLayers(run, document) {
  const boxes = Object.entries(document.boxes ?? {}).map(async ([name, part]) => ({ name, kind: 'boxes', part, boxes: rows(JSON.parse(await run.text(part.path)), part, document) }))
  const masks = Object.entries(document.masks ?? {}).map(async ([name, part]) => ({ name, kind: 'mask', part, mask: await maskPixels(run, part) }))
  return (await Promise.all([...masks, ...boxes])).map(layer => ({ ...layer, classes: classes(layer) }))
}

/** Boxes as objects with edges in pixels of the picture. */
function rows(columns, part, { width, height }) {
  return columns.xmin.map((_, i) => {
    const pixel = (columns.domain?.[i] ?? part.domain) === 'pixel', [w, h] = pixel ? [1, 1] : [width, height]
    return {
      xmin: columns.xmin[i] * w,
      ymin: columns.ymin[i] * h,
      xmax: columns.xmax[i] * w,
      ymax: columns.ymax[i] * h,
      id: columns.class_id?.[i] ?? null,
      caption: columns.caption?.[i] ?? null,
      scores: Object.fromEntries(Object.entries(columns.scores ?? {}).map(([name, values]) => [name, values[i]])),
    }
  })
}

/** Class ids of a mask, one for each pixel. */
async function maskPixels(run, part) {
  const file = await run.bytes(part.path), wide = await grey16(file)
  if (wide) return wide
  const picture = await createImageBitmap(new Blob([file]), { colorSpaceConversion: 'none' })
  const canvas = new OffscreenCanvas(part.width, part.height), context = canvas.getContext('2d', { willReadFrequently: true })
  context.drawImage(picture, 0, 0)
  const { data } = context.getImageData(0, 0, part.width, part.height), ids = new Uint8Array(part.width * part.height)
  for (let i = 0; i < ids.length; i++) ids[i] = data[4 * i]
  return ids
}

/** An image that is decoded; an error names what failed. */
export async function loadImage(url) {
  const image = new Image()
  image.src = url
  try {
    await image.decode()
  } catch {
    throw lost('picture')
  }
  return image
}

/** Black or white, whichever is read on a colour (WCAG 2, relative luminance without the gamma). */
function inkOn(hex) {
  const [red, green, blue] = rgb(hex)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 130 ? '#000' : '#fff'
}

const labelOf = (layer, id) => layer.part.class_labels?.[id] ?? (id === null ? '' : `class_${id}`)

/** What stands in the state when a layer, or one of its classes, is switched off. */
const layerTag = layer => `${layer.kind} ${layer.name}`
const classTag = (layer, id) => `${layerTag(layer)}/${id ?? ''}`

/** The classes that a layer shows: of a mask all but its background. */
function classes({ kind, part, mask, boxes }) {
  const ids = [...new Set(kind === 'mask' ? mask : boxes.map(box => box.id))]
  return ids.filter(id => kind !== 'mask' || !isBackground(id, part.class_labels)).sort((a, b) => a - b)
}

/** The start of a piece of `size` that is to lie within [low, high], as near to `wanted` as that allows. */
const within = (wanted, size, low, high) => Math.max(low, Math.min(wanted, high - size))

export class Picture {
  /** @param at {run, document, row}; `state` has what is switched off, the lowest score and the opacity */
  constructor({ run, document, state, controls = true }) {
    Object.assign(this, { run, document, state, scale: 1, x: 0, y: 0, layers: [] })
    const { width, height } = document
    const most = Math.max(width, height)
    const enlarged = 2 * Math.floor(SHARP / most / 2) + 1 // odd: the middle of each pixel keeps its exact colour
    this.fit = Math.min(document.boxes ? enlarged : 1, LARGEST / most)
    this.canvas = el('canvas', { width: Math.ceil(width * this.fit), height: Math.ceil(height * this.fit), tabIndex: 0, role: 'img', 'aria-label': document.caption || `image ${width} x ${height}`, title: 'zoom: ctrl + wheel, or + and −; drag or arrows move; 0 shows it whole' })
    this.view = el('div', { className: 'view', style: { aspectRatio: `${width} / ${height}` } }, this.canvas)
    this.toggles = el('div', { className: 'toggles' })
    this.node = el('div', { className: 'picture' }, this.view, controls && this.toggles)
    this.node.picture = this
    this.refresh = later(() => (this.listToggles(), this.paint()), 0)
    this.listen()
    this.ready = this.load()
  }

  async load() {
    try {
      const [image, layers] = await Promise.all([Promise.resolve(this.run.url(this.document.path)).then(loadImage), readLayers(this.run, this.document)])
      Object.assign(this, { image, layers })
      this.listToggles()
      this.paint()
      if (layers.length) new ResizeObserver(() => this.view.clientWidth !== this.painted && this.paint()).observe(this.view) // texts and lines are as large as the screen wants
    } catch (error) {
      this.view.replaceChildren(failure(error))
    }
    return this
  }

  listToggles() {
    const off = this.state.get('off')
    this.toggles.replaceChildren(
      ...this.layers.map(layer =>
        el(
          'span',
          { className: `layer ${layer.kind}` },
          toggle(`${layer.name} ${layer.kind}`, !off.includes(layerTag(layer)), on => this.switch(layerTag(layer), on), 'layer'),
          layer.classes.slice(0, LISTED).map(id => toggle(`${labelOf(layer, id) || 'no class'}`, !off.includes(classTag(layer, id)), on => this.switch(classTag(layer, id), on), '', classColor(id))),
          layer.classes.length > LISTED && el('span', { className: 'note' }, `and ${count(layer.classes.length - LISTED, 'class', 'classes')} more`),
        ),
      ),
    )
  }

  switch(tag, on) {
    this.state.toggle('off', tag, !on)
  }

  paint() {
    if (!this.image) return
    this.painted = this.view.clientWidth
    const context = this.canvas.getContext('2d'), { width, height } = this.document
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.imageSmoothingEnabled = (this.scale * (this.painted || width)) / width < 4 // else its pixels are seen as such
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    context.setTransform(this.scale * this.fit, 0, 0, this.scale * this.fit, this.x, this.y)
    context.drawImage(this.image, 0, 0, width, height)
    const off = new Set(this.state.get('off'))
    for (const layer of this.layers) if (!off.has(layerTag(layer))) (layer.kind === 'mask' ? this.paintMask : this.paintBoxes).call(this, context, layer, off)
  }

  paintMask(context, layer, off) {
    const opacity = Math.round(255 * this.state.get('opacity')), shown = layer.classes.filter(id => !off.has(classTag(layer, id))), choice = `${opacity} ${shown}`
    if (layer.choice !== choice) Object.assign(layer, { choice, tile: maskTile(layer, shown, opacity) })
    context.drawImage(layer.tile, 0, 0, this.document.width, this.document.height)
  }

  paintBoxes(context, layer, off) {
    const { canvas, scale, fit } = this, unit = canvas.width / Math.max(1, this.view.clientWidth || 320) / scale / fit, lowest = this.state.get('score')
    const [left, top, right, bottom] = [-this.x, -this.y, canvas.width - this.x, canvas.height - this.y].map(edge => edge / scale / fit) // of what is seen
    const labels = []
    context.font = `${11 * unit}px system-ui`
    const set = this.layers.filter(one => one.kind === layer.kind).indexOf(layer)
    context.setLineDash(DASHES[Math.min(set, DASHES.length - 1)].map(pixels => pixels * unit))
    for (const box of layer.boxes) {
      const scores = Object.values(box.scores).filter(score => typeof score === 'number')
      if (off.has(classTag(layer, box.id)) || (lowest > 0 && scores.length && Math.max(...scores) < lowest)) continue
      if (box.xmax < left || box.xmin > right || box.ymax < top || box.ymin > bottom) continue
      context.strokeStyle = classColor(box.id)
      context.lineWidth = LINE * unit
      context.strokeRect(box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin)
      const text = [box.caption ?? labelOf(layer, box.id), ...scores.slice(0, 1).map(score => score.toFixed(2))].filter(Boolean).join(' ')
      if (!text) continue
      const wide = context.measureText(text).width + 6 * unit, high = 14 * unit
      const x = within(box.xmin - unit, wide, left, right), y = within(box.ymin - high >= top ? box.ymin - high : box.ymin, high, top, bottom)
      labels.push({ text, x, y, wide, high, color: classColor(box.id) })
    }
    for (const { text, x, y, wide, high, color } of labels) { // above the edges of all boxes
      context.fillStyle = color
      context.fillRect(x, y, wide, high)
      context.fillStyle = inkOn(color)
      context.fillText(text, x + 3 * unit, y + 10.5 * unit)
    }
  }

  /** Wheel with ctrl zooms at the pointer, dragging pans, a double click resets, and keys do the same; touch pinches in the page's own way. */
  listen() {
    const { canvas } = this
    canvas.addEventListener(
      'wheel',
      event => {
        if (!event.ctrlKey && !event.metaKey) return
        event.preventDefault()
        const box = canvas.getBoundingClientRect()
        this.zoom(Math.exp(-event.deltaY / 300), ((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height)
      },
      { passive: false },
    )
    canvas.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const by = { '+': 1.5, '=': 1.5, '-': 1 / 1.5 }[event.key], [right, down] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? []
      if (by) this.zoom(by, canvas.width / 2, canvas.height / 2)
      else if (event.key === '0') this.move(1, 0, 0)
      else if (right !== undefined && this.scale > 1) this.move(this.scale, this.x + (right * canvas.width) / 10, this.y + (down * canvas.height) / 10)
      else return // the page may know the key
      event.preventDefault()
      event.stopPropagation()
    })
    canvas.addEventListener('pointermove', event => {
      if (!event.buttons || this.scale === 1) return
      const unit = canvas.width / canvas.clientWidth
      this.move(this.scale, this.x + event.movementX * unit, this.y + event.movementY * unit)
    })
    canvas.addEventListener('dblclick', () => this.move(1, 0, 0))
  }

  /** So many times as large, around a point of the canvas. */
  zoom(by, x, y) {
    const scale = Math.min(40 / Math.min(1, this.fit), Math.max(1, this.scale * by))
    this.move(scale, x - ((x - this.x) * scale) / this.scale, y - ((y - this.y) * scale) / this.scale)
  }

  move(scale, x, y) {
    const { width, height } = this.canvas
    Object.assign(this, { scale, x: Math.min(0, Math.max(width * (1 - scale), x)), y: Math.min(0, Math.max(height * (1 - scale), y)) })
    this.paint()
  }
}

/** The classes of a mask that are shown, in their colours, as a picture of its size. */
function maskTile({ mask, part: { width, height } }, shown, opacity) {
  const tile = new OffscreenCanvas(width, height), pixels = new ImageData(width, height)
  const palette = new Uint32Array(mask.BYTES_PER_ELEMENT === 2 ? 65536 : 256), bytes = new Uint8Array(palette.buffer)
  for (const id of shown) bytes.set([...rgb(classColor(id)), opacity], 4 * id)
  const out = new Uint32Array(pixels.data.buffer)
  for (let i = 0; i < out.length; i++) out[i] = palette[mask[i]]
  tile.getContext('2d').putImageData(pixels, 0, 0)
  return tile
}

function toggle(label, checked, change, className, swatch) {
  const input = el('input', { type: 'checkbox', checked, onchange: () => change(input.checked) })
  return el('label', { className }, input, swatch && el('i', { style: { background: swatch } }), label)
}

/** Pairs of boxes of two sets that overlap most, each once: [[i, j, intersection over union]...], greedily from the best. */
export function matchBoxes(a, b, least = 0.5) {
  const pairs = []
  a.forEach((one, i) =>
    b.forEach((other, j) => {
      const wide = Math.min(one.xmax, other.xmax) - Math.max(one.xmin, other.xmin), high = Math.min(one.ymax, other.ymax) - Math.max(one.ymin, other.ymin)
      if (wide <= 0 || high <= 0) return
      const area = box => (box.xmax - box.xmin) * (box.ymax - box.ymin), common = wide * high, share = common / (area(one) + area(other) - common)
      if (share >= least && one.id === other.id) pairs.push([i, j, share])
    }),
  )
  const usedA = new Set(), usedB = new Set()
  return pairs
    .sort((one, other) => other[2] - one[2])
    .filter(([i, j]) => !usedA.has(i) && !usedB.has(j) && usedA.add(i) && usedB.add(j))
}
