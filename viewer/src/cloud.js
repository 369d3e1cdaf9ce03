// Points in space, with boxes and vectors, in WebGL 2 without a library: a million points in a third of a second.
import { classColor, rgb } from './colors.js'
import { count, el, failure } from './dom.js'

const SIZES = { char: 1, uchar: 1, int8: 1, uint8: 1, short: 2, ushort: 2, int16: 2, uint16: 2, int: 4, uint: 4, int32: 4, uint32: 4, float: 4, float32: 4, double: 8, float64: 8 }
const READ = { char: 'getInt8', int8: 'getInt8', uchar: 'getUint8', uint8: 'getUint8', short: 'getInt16', int16: 'getInt16', ushort: 'getUint16', uint16: 'getUint16', int: 'getInt32', int32: 'getInt32', uint: 'getUint32', uint32: 'getUint32', float: 'getFloat32', float32: 'getFloat32', double: 'getFloat64', float64: 'getFloat64' }

const VERTEX = `#version 300 es
in vec3 position; in vec4 tint; out vec3 shade;
uniform mat3 turn; uniform vec3 centre, shift; uniform float scale, aspect, size;
void main() {
  vec3 p = turn * (position - centre) * scale + shift;
  gl_Position = vec4(p.x / aspect, p.y, -p.z * 0.1, 1.0 - p.z * 0.2);
  gl_PointSize = size; shade = tint.rgb;
}`
const FRAGMENT = `#version 300 es
precision mediump float; in vec3 shade; out vec4 colour;
void main() { colour = vec4(shade, 1.0); }`

/** Points of a binary little-endian or ASCII PLY: {count, positions: Float32Array, colors: Uint8Array}. Positions are
 *  relative to `origin`, so that large coordinates (UTM) keep their digits in 32 bits. */
export function readPly(buffer) {
  const head = new TextDecoder('latin1').decode(buffer.slice(0, 65536)), end = head.indexOf('end_header')
  if (!head.startsWith('ply') || end < 0) throw Error('expected a PLY file')
  const start = head.indexOf('\n', end) + 1, header = head.slice(0, end), elements = [...header.matchAll(/^element +(\S+) +(\d+)/gm)]
  if (elements[0]?.[1] !== 'vertex') throw Error('a PLY whose first element is not vertex is not drawn here')
  const count = Number(elements[0][2]), own = header.slice(elements[0].index, elements[1]?.index)
  const properties = [...own.matchAll(/^property +(\w+) +(\w+)/gm)].map(([, type, name]) => ({ type, name }))
  const cell = /format ascii/.test(header) ? asciiCells(buffer, start, properties) : binaryCells(buffer, start, properties, !/big_endian/.test(header))
  const origin = ['x', 'y', 'z'].map(name => firstFinite(cell(name), count)), positions = new Float32Array(3 * count), colors = new Uint8Array(4 * count).fill(170)
  ;['x', 'y', 'z'].forEach((name, axis) => {
    const read = cell(name)
    for (let i = 0; i < count; i++) positions[3 * i + axis] = read(i) - origin[axis]
  })
  if (properties.some(({ name }) => name === 'red')) {
    ;['red', 'green', 'blue'].forEach((name, channel) => {
      const read = cell(name), most = /^(float|double)/.test(properties.find(property => property.name === name).type) ? 1 : 255
      for (let i = 0; i < count; i++) colors[4 * i + channel] = most === 1 ? 255 * read(i) : read(i)
    })
  } else if (properties.some(({ name }) => name === 'category')) paintCategories(colors, cell('category'), count)
  return { count, positions, colors, origin }
}

/** The same of a pts.json, W&B's: rows of x, y, z, perhaps with a category or a colour, bare or as `points` of a scene. */
export function readPoints(buffer) {
  const read = JSON.parse(new TextDecoder().decode(buffer)), rows = Array.isArray(read) ? read : (read.points ?? [])
  const origin = [0, 1, 2].map(axis => firstFinite(i => rows[i][axis], rows.length)), positions = new Float32Array(3 * rows.length), colors = new Uint8Array(4 * rows.length).fill(170)
  rows.forEach((row, i) => positions.set(origin.map((start, axis) => row[axis] - start), 3 * i))
  if (rows[0]?.length === 6) rows.forEach((row, i) => colors.set(row.slice(3), 4 * i))
  else if (rows[0]?.length === 4) paintCategories(colors, i => rows[i][3], rows.length)
  return { count: rows.length, positions, colors, origin }
}

function binaryCells(buffer, start, properties, little) {
  const view = new DataView(buffer, start), offsets = {}
  let stride = 0
  for (const { type, name } of properties) {
    if (!SIZES[type]) throw Error(`a PLY with a property of type ${type} is not drawn here`)
    offsets[name] = [stride, READ[type]]
    stride += SIZES[type]
  }
  return name => {
    const [offset, read] = offsets[name]
    return i => view[read](i * stride + offset, little)
  }
}

function asciiCells(buffer, start, properties) {
  const values = new TextDecoder().decode(buffer.slice(start)).trimStart().split(/\s+/), width = properties.length
  return name => {
    const at = properties.findIndex(property => property.name === name)
    return i => Number(values[i * width + at])
  }
}

/** The first number of an axis that is one; 0 without any. */
function firstFinite(read, count) {
  for (let i = 0; i < count; i++) if (Number.isFinite(read(i))) return read(i)
  return 0
}

/** The colour of its class for each point; grey for what is no category. */
function paintCategories(colors, read, count) {
  const shades = new Map()
  for (let i = 0; i < count; i++) {
    const category = Math.floor(read(i))
    if (!Number.isFinite(category)) continue
    if (!shades.has(category)) shades.set(category, rgb(classColor(category)))
    colors.set(shades.get(category), 4 * i)
  }
}

export class Cloud {
  /** @param scene {boxes, vectors} of the document, if it has some */
  constructor(points, scene = {}) {
    Object.assign(this, { points, turn: { yaw: 0.6, pitch: -1.0 }, zoom: 1, shift: [0, 0] })
    this.canvas = el('canvas', { className: 'cloud', tabIndex: 0, role: 'img', 'aria-label': `${count(points.count, 'point')}. Drag or arrows turn, ctrl-drag pans, the wheel, + and − zoom.` })
    this.node = el('div', {}, this.canvas, el('p', { className: 'note' }, `${count(points.count, 'point')} · drag turns, ctrl-drag pans, wheel zooms`))
    this.lines = sceneLines(scene, points.origin)
    Object.assign(this, bounds(points.positions, this.lines.positions))
    this.listen()
    new ResizeObserver(() => this.paint()).observe(this.canvas) // when it stands in the page, and whenever it has another size
  }

  paint() {
    const { canvas } = this, ratio = devicePixelRatio || 1, size = { width: Math.round(canvas.clientWidth * ratio), height: Math.round(canvas.clientHeight * ratio) }
    if (!size.width || !size.height) return // not in the page
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size)
    try {
      Stage.open().draw(this, ratio)
    } catch (error) {
      canvas.replaceWith(failure(error))
    }
  }

  listen() {
    const { canvas } = this, again = () => (this.waiting ??= requestAnimationFrame(() => ((this.waiting = null), this.paint())))
    canvas.addEventListener('pointerdown', event => canvas.setPointerCapture(event.pointerId))
    canvas.addEventListener('pointermove', event => {
      if (!event.buttons) return
      if (event.ctrlKey || event.buttons === 2) {
        this.shift[0] += (2 * event.movementX) / canvas.clientHeight
        this.shift[1] -= (2 * event.movementY) / canvas.clientHeight
      } else {
        this.turn.yaw += event.movementX / 150
        this.turn.pitch += event.movementY / 150
      }
      again()
    })
    canvas.addEventListener('wheel', event => (event.preventDefault(), (this.zoom *= Math.exp(-event.deltaY / 500)), again()), { passive: false })
    canvas.addEventListener('contextmenu', event => event.preventDefault())
    canvas.addEventListener('keydown', event => {
      const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1], '+': [0, 0, 1.2], '=': [0, 0, 1.2], '-': [0, 0, 1 / 1.2] }[event.key]
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      event.stopPropagation()
      this.turn.yaw += by[0]
      this.turn.pitch += by[1]
      this.zoom *= by[2] ?? 1
      again()
    })
  }
}

const KEPT = 8 // clouds whose points stay in the memory of the graphics card

/** The one context in which all clouds are drawn, each copied to its own canvas then: a browser has but a few, and
 *  takes the oldest away for a new one. */
class Stage {
  /** The context that there is, or another one where that was lost; throws if the browser has none. */
  static open() {
    if (!Stage.one || Stage.one.gl.isContextLost()) Stage.one = new Stage()
    return Stage.one
  }

  constructor() {
    this.canvas = new OffscreenCanvas(1, 1)
    const gl = (this.gl = this.canvas.getContext('webgl2', { antialias: false, preserveDrawingBuffer: true }))
    if (!gl) throw Error('this browser has no WebGL 2, which points need')
    this.program = link(gl)
    this.buffers = new Map() // cloud -> what is drawn of it, that drawn last at the end
    gl.useProgram(this.program)
    gl.enable(gl.DEPTH_TEST)
    gl.clearColor(0.07, 0.08, 0.1, 1)
  }

  uploaded(cloud) {
    const { gl, program, buffers } = this, known = buffers.get(cloud)
    buffers.delete(cloud)
    buffers.set(cloud, known ?? [[cloud.points, gl.POINTS], [cloud.lines, gl.LINES]].map(([{ positions, colors }, mode]) => ({ mode, count: positions.length / 3, ...upload(gl, program, positions, colors) })))
    if (buffers.size > KEPT) {
      const [oldest] = buffers.keys()
      for (const { free } of buffers.get(oldest)) free()
      buffers.delete(oldest)
    }
    return buffers.get(cloud)
  }

  draw(cloud, ratio) {
    const { gl, canvas } = this, { width, height } = cloud.canvas, { turn, zoom, shift, centre, radius, points } = cloud
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const [cy, sy, cp, sp] = [Math.cos(turn.yaw), Math.sin(turn.yaw), Math.cos(turn.pitch), Math.sin(turn.pitch)], uniform = name => gl.getUniformLocation(this.program, name)
    gl.viewport(0, 0, width, height)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    gl.uniformMatrix3fv(uniform('turn'), false, [cy, cp * sy, sp * sy, -sy, cp * cy, sp * cy, 0, -sp, cp]) // z is up
    gl.uniform3fv(uniform('centre'), centre)
    gl.uniform3f(uniform('shift'), ...shift, 0)
    gl.uniform1f(uniform('scale'), zoom / radius)
    gl.uniform1f(uniform('aspect'), width / height)
    gl.uniform1f(uniform('size'), (points.count < 5000 ? 4 : 1.6) * ratio)
    for (const { mode, count, bind } of this.uploaded(cloud)) {
      if (!count) continue
      bind()
      gl.drawArrays(mode, 0, count)
    }
    cloud.canvas.getContext('2d').drawImage(canvas, 0, 0)
  }
}

function link(gl) {
  const program = gl.createProgram()
  for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type)
    gl.shaderSource(shader, text)
    gl.compileShader(shader)
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw Error(gl.getShaderInfoLog(shader))
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  return program
}

function upload(gl, program, positions, colors) {
  const array = gl.createVertexArray(), made = []
  gl.bindVertexArray(array)
  for (const [name, data, size, type, normalized] of [['position', positions, 3, gl.FLOAT, false], ['tint', colors, 4, gl.UNSIGNED_BYTE, true]]) {
    const place = gl.getAttribLocation(program, name)
    made.push(gl.createBuffer())
    gl.bindBuffer(gl.ARRAY_BUFFER, made.at(-1))
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW)
    gl.enableVertexAttribArray(place)
    gl.vertexAttribPointer(place, size, type, normalized, 0, 0)
  }
  const free = () => {
    gl.deleteVertexArray(array)
    made.forEach(buffer => gl.deleteBuffer(buffer))
  }
  return { bind: () => gl.bindVertexArray(array), free }
}

/** Centre and radius of what is drawn. */
function bounds(...arrays) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity]
  for (const positions of arrays) {
    for (let i = 0; i < positions.length; i += 3) {
      for (let axis = 0; axis < 3; axis++) {
        const value = positions[i + axis]
        if (!Number.isFinite(value)) continue
        if (value < low[axis]) low[axis] = value
        if (value > high[axis]) high[axis] = value
      }
    }
  }
  if (low.some((value, axis) => value > high[axis])) return { centre: [0, 0, 0], radius: 1 }
  return { centre: low.map((value, axis) => (value + high[axis]) / 2), radius: Math.hypot(...low.map((value, axis) => high[axis] - value)) / 2 || 1 }
}

/** The twelve edges of a box, whatever the order of its corners: an edge has three parallel ones of its length, a
 *  diagonal of a face only one, and a diagonal of the box none. */
export function boxEdges(corners) {
  const pairs = []
  for (let i = 0; i < 8; i++) for (let j = i + 1; j < 8; j++) pairs.push([i, j, corners[j].map((value, axis) => value - corners[i][axis])])
  const near = 1e-4 * Math.max(...pairs.flatMap(([, , along]) => along.map(Math.abs)))
  const parallel = (a, b) => [1, -1].some(sign => a.every((value, axis) => Math.abs(value - sign * b[axis]) <= near))
  return pairs.filter(([, , along]) => pairs.filter(([, , other]) => parallel(along, other)).length >= 4).map(([i, j]) => [i, j])
}

/** Boxes and vectors as coloured lines. */
function sceneLines({ boxes = [], vectors = [] }, origin) {
  const positions = [], colors = []
  const line = (from, to, colour) => {
    for (const point of [from, to]) {
      positions.push(...point.map((value, axis) => value - origin[axis]))
      colors.push(...(colour ?? [255, 200, 60]).map(value => Math.min(255, Math.max(0, value))), 255)
    }
  }
  for (const { corners, color } of boxes) for (const [i, j] of boxEdges(corners)) line(corners[i], corners[j], color)
  for (const { start, end, color } of vectors) line(start, end, color)
  return { positions: Float32Array.from(positions), colors: Uint8Array.from(colors) }
}
