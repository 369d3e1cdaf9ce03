// Units of the page's modules, run in a browser by tests/viewer/test_units.py. Each test throws what is wrong.
import { grouped } from '../src/charts.js'
import { conversation, messages, toldInLine } from '../src/chat.js'
import { Cloud, readPly, readPoints } from '../src/cloud.js'
import { classColor, isBackground } from '../src/colors.js'
import { bytes, count, duration, el, folding, short } from '../src/dom.js'
import { inPanel } from '../src/figure.js'
import { Grid, matches, textOf } from '../src/grid.js'
import { bars, heatmap, rebinned } from '../src/histogram.js'
import { matchBoxes } from '../src/overlays.js'
import { grey16 } from '../src/png.js'
import { drawnPlot, fillPreset } from '../src/preset.js'
import { groupsBy, runColumns } from '../src/runs.js'
import { isoTime, Run, untagged } from '../src/run.js'
import { alone, envelope, lower, nearest, points, smooth } from '../src/series.js'
import { waveform } from '../src/sound.js'
import { Dropped } from '../src/source.js'
import { State } from '../src/state.js'
import { decades, distinct, frame, labels, logFrame, WHOLE } from '../src/ticks.js'
import { readNpy, showTensor } from '../src/tensor.js'

const text = value => JSON.stringify(value, (_, item) => (ArrayBuffer.isView(item) ? [...item] : typeof item === 'number' && !Number.isFinite(item) ? String(item) : item))
function equal(got, wanted) {
  if (text(got) !== text(wanted)) throw Error(`expected ${text(wanted)}, got ${text(got)}`)
}
const f8 = values => Float64Array.from(values)

window.units = {
  'the points of a curve are its rows with a value, by x'() {
    const x = f8([1, 2, 3, 4]), y = f8([5, NaN, 7, 8])
    equal(points(x, y, [1, 1, 1, 1])[0] === x, true)
    equal(points(x, y, [1, 0, 1, 1]), [f8([1, 3, 4]), f8([5, 7, 8])])
    equal(points(x, y, [0, 1, 1, 0]), [f8([2, 3]), f8([NaN, 7])])
    equal(points(f8([3, 1, 2, NaN, 1]), f8([30, 10, 20, 0, 11]), [1, 1, 1, 1, 1]), [f8([1, 1, 2, 3]), f8([10, 11, 20, 30])])
  },
  'numbers of things are singular for one'() {
    equal([count(0, 'row'), count(1, 'row'), count(2500, 'row')], ['0 rows', '1 row', '2,500 rows'])
    equal([count(1, 'vertex', 'vertices'), count(2, 'vertex', 'vertices')], ['1 vertex', '2 vertices'])
  },
  'an envelope keeps every peak and every gap'() {
    const x = Float64Array.from({ length: 10000 }, (_, i) => i), y = x.map(i => Math.sin(i / 50))
    y[1234] = 99
    y[4321] = -99
    y.fill(NaN, 6000, 8000)
    const [outX, outY] = envelope(x, y, -Infinity, Infinity, 100)
    equal(outX.length <= 200 && outX.every((at, i) => !i || at > outX[i - 1]), true)
    equal([outY[outX.indexOf(1234)], outY[outX.indexOf(4321)]], [99, -99])
    equal(outY.some(value => value !== value), true)
    equal(envelope(x, y, 10, 12, 100)[0], f8([9, 10, 11, 12, 13]))
    y[1240] = Infinity // beside a peak, in its bucket
    y[4330] = -Infinity
    y.fill(Infinity, 8000, 9000)
    const [againX, againY] = envelope(x, y, -Infinity, Infinity, 100)
    equal([againY[againX.indexOf(1234)], againY[againX.indexOf(4321)]], [99, -99])
    equal([againY.some(value => Math.abs(value) === Infinity), againY.filter(value => value !== value).length], [false, 30])
  },
  'values between gaps are told'() {
    equal(alone([1, null, 2, undefined, null, 3, 4, null, undefined, 5]), [0, 2, 9])
    equal([alone([1]), alone([1, undefined, 2]), alone([])], [[0], [], []])
  },
  'the place of a value in ascending numbers'() {
    const x = f8([1, 3, 3, 7])
    equal([0, 3, 4, 9].map(value => lower(x, value)), [0, 1, 3, 4])
    equal([-5, 4.9, 5.1, 99].map(value => nearest(x, value)), [0, 2, 3, 3])
    equal(nearest(f8([]), 1), -1)
  },
  'smoothing is TensorBoard’s, and leaves gaps'() {
    equal(smooth(f8([1, 2, 3]), 0), f8([1, 2, 3]))
    const [a, b, gap, c] = smooth(f8([1, 2, NaN, 3]), 0.5)
    equal([a, b.toFixed(6), gap, c.toFixed(6)], [1, '1.666667', NaN, '2.428571'])
  },
  'numbers, bytes and durations in few letters'() {
    equal([0, 1, -1.5, 0.000123, 0.00001, 12345.678, 123456, 999999, 999_999_999, 5e9, 1e20, NaN, -Infinity, null].map(short), ['0', '1', '-1.5', '0.000123', '1e-5', '12345.7', '123k', '1M', '1G', '5G', '1e20', 'NaN', '−∞', ''])
    equal([0, 999, 1234, 999_600, 5e9].map(bytes), ['0 B', '999 B', '1.23 kB', '1.00 MB', '5.00 GB'])
    equal([1.234, 59.99, 90, 3590, 7199, 7500, NaN].map(duration), ['1.23 s', '1 min', '2 min', '1 h 0 min', '2 h 0 min', '2 h 5 min', ''])
  },
  'an axis tells its ticks apart, however large or near its numbers are'() {
    equal(frame(0, 100), { base: 0, scale: 1 })
    equal(frame(-1, 1e12), { base: 0, scale: 1 })
    equal([frame(0, 1.5e302), frame(-2e-300, 1e-300), frame(NaN, 1)], [{ base: 0, scale: 10 ** 302 }, { base: 0, scale: 10 ** -300 }, { base: 0, scale: 1 }])
    const far = frame(2 ** 60, 2 ** 60 + 4096)
    equal(far, { base: 2 ** 60, scale: 1 })
    equal(labels([0, 2000, null, 4000], far), ['1.15e18', '+2000', '', '+4000'])
    equal(labels([0, 0.5, 1], frame(0, 1.5e302)), ['0', '5e301', '1e302'])
    equal([logFrame(1e300, 1e304), logFrame(0.1, 100), logFrame(Infinity, -Infinity)].map(one => one.scale), [1e302, 1, 1])
    equal(labels([0, 1, 2]), ['0', '1', '2'])
    equal(labels([98000, 99000, null, 100000, 101000]), ['98k', '99k', '', '100k', '101k'])
    equal(labels([99500, 100000, 100500]), ['99.5k', '100k', '100.5k'])
    equal(labels([-500000, 0, 500000, 1000000]), ['-0.5M', '0', '0.5M', '1M'])
    equal(labels([0, 0.00005, 0.0001, 0.00015]), ['0', '5e-5', '1e-4', '1.5e-4'])
    equal(labels([1, 1000, 1000000]), ['1', '1000', '1M']) // of a logarithmic axis each has its own
    equal(labels([1000000.1, 1000000.2]), ['1M', '+0.1'])
    equal(WHOLE.slice(0, 5), [1, 2, 5, 10, 20])
    equal(WHOLE.every(Number.isInteger), true)
  },
  'a logarithmic axis has ticks at powers of ten, however many or few there are'() {
    equal(decades(0.5, 20), [0.5, 1, 2, 5, 10, 20])
    equal(decades(1e-3, 1e3), [1e-3, 1e-2, 0.1, 1, 10, 100, 1000])
    equal(decades(1e-25, 1e24), [1e-25, 1e-18, 1e-11, 1e-4, 1e3, 1e10, 1e17, 1e24])
  },
  'keys are grouped by prefix, single ones first'() {
    equal(grouped(['loss', 'val.acc', 'val.f1', 'train/a', 'train/b', 'lone/x']), [['', ['loss', 'lone/x']], ['train', ['train/a', 'train/b']], ['val', ['val.acc', 'val.f1']]])
  },
  'a filter looks in all columns, in one, or compares'() {
    const rows = [{ name: 'Alpha', lr: 0.1, tag: 'x:y', big: 2n ** 60n }, { name: 'beta', lr: 0.01, tag: null }]
    const columns = [{ name: 'run', at: i => rows[i].name }, { name: 'config.lr', at: i => rows[i].lr }, { name: 'tag', at: i => rows[i].tag }, { name: 'big', at: i => rows[i].big }]
    const found = filter => [0, 1].filter(matches(filter, columns))
    equal(['', 'ALPHA', 'run:be', 'lr>0.05', 'config.lr<=0.01', 'run=beta', 'run!=beta', 'a lr<0.05', 'x:y', 'nothing', 'big>5'].map(found), [[0, 1], [0], [1], [0], [1], [1], [0], [1], [0], [], [0]])
  },
  'rows of a group stand below its line, with their means'() {
    const values = ['a', 'b', 'a'], grid = new Grid([{ name: 'run', values: ['r', 's', 't'] }, { name: 'n', values: [1, 5, 2] }], 3, { groups: row => [values[row]] })
    document.body.append(grid.node)
    const lines = () => [...grid.body.children].map(line => [...line.children].map(cell => cell.textContent).join('|'))
    equal(lines(), ['▾ a · 2|1.5', 'r|1', 't|2', '▾ b · 1|5', 's|5'])
    grid.body.querySelector('button').click()
    equal(lines(), ['▸ a · 2|1.5', '▾ b · 1|5', 's|5'])
    grid.sortBy(1, -1)
    equal(lines()[0], '▾ b · 1|5')
    grid.filter('t')
    equal(lines(), ['▸ a · 1|2'])
    grid.node.remove()
  },
  'a table sorts numbers before text before nothing'() {
    const grid = new Grid([{ name: 'v', values: ['b', 10, null, 9, 'a', NaN] }], 6)
    grid.sortBy(0)
    equal(grid.order, [3, 1, 4, 0, 2, 5])
    grid.sortBy(0)
    equal(grid.order, [1, 3, 0, 4, 2, 5])
    const scores = Array.from({ length: 40 }, (_, i) => (i % 3 ? (i * 7) % 11 : NaN)), numbers = new Grid([{ name: 'v', values: scores }], 40)
    const sorted = scores.filter(value => value === value).sort((a, b) => a - b), shown = () => numbers.order.map(row => scores[row])
    numbers.sortBy(0)
    equal(shown(), [...sorted, ...Array(14).fill(NaN)])
    numbers.sortBy(0)
    equal(shown(), [...sorted.reverse(), ...Array(14).fill(NaN)])
  },
  'a column is as wide as what it holds, within limits'() {
    const grid = new Grid([{ name: 'n', values: [1, 2] }, { name: 'text', values: ['a', 'b'.repeat(500)] }, { name: 'set', values: ['', ''], width: 33 }], 2)
    equal(grid.columns.map(({ width }) => width), [64, 280, 33])
  },
  'times have all their digits'() {
    equal([0n, 1_500_000n, 1_767_225_601_000_001n, -1n, -62_135_596_800_000_000n].map(isoTime), ['1970-01-01T00:00:00', '1970-01-01T00:00:01.500000', '2026-01-01T00:00:01.000001', '1969-12-31T23:59:59.999999', '0001-01-01T00:00:00'])
  },
  'points of a pts.json stand where they are, with their colours'() {
    const read = value => readPoints(new TextEncoder().encode(JSON.stringify(value)).buffer)
    equal(read([[5e5, 1, 2], [500000.25, 3, 4]]), { count: 2, positions: Float32Array.of(0, 0, 0, 0.25, 2, 2), colors: new Uint8Array(8).fill(170), origin: [5e5, 1, 2] })
    equal(read({ type: 'lidar/beta', points: [[0, 0, 0, 255, 0, 9]], boxes: [] }).colors, Uint8Array.of(255, 0, 9, 170))
    const { colors } = read([[0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 1]])
    equal([colors[0] === colors[8], colors[0] === colors[4]], [true, false])
    equal([read([]).count, read({}).count], [0, 0])
  },
  'runs belong to a group for each tag, else to that of their value'() {
    const runs = [{ tags: ['a', 'b'] }, { tags: [] }].map((info, i) => new Run(null, { path: `r${i}`, run: { ...info, config: { n: { depth: i } } }, summary: {} }))
    const columns = runColumns(runs), by = name => runs.map(groupsBy(columns.find(column => column.name === name)))
    equal(by('tags'), [['a', 'b'], ['']])
    equal(by('config.n.depth'), [['0'], ['1']])
  },
  'cells as text'() {
    equal([null, 1, 'x', { _type: 'image', caption: 'c' }, [1n, 2], '1970-01-01'].map(textOf), ['', '1', 'x', 'c', '["1",2]', '1970-01-01'])
  },
  'boxes of one class are matched by overlap, each once'() {
    const box = (xmin, id = 1) => ({ xmin, ymin: 0, xmax: xmin + 10, ymax: 10, id })
    equal(matchBoxes([box(0), box(100)], [box(1), box(2), box(100, 2)]).map(([a, b]) => [a, b]), [[0, 0]])
  },
  'a run that was killed lasted up to its last row'() {
    const seconds = (run, summary = {}) => new Run(null, { path: 'r', run: { started: 100, ...run }, summary }).seconds
    equal([seconds({ status: 'finished', finished: 160 }), seconds({ status: 'crashed' }, { _runtime: 5 }), seconds({ status: 'crashed' })], [60, 5, NaN])
    equal(seconds({ status: 'running' }) > 1e9, true)
  },
  'what is chosen is heard of though the browser takes no more addresses'() {
    const state = new State(''), put = history.replaceState, heard = []
    history.replaceState = () => {
      throw Error('too many')
    }
    state.on('step', () => heard.push(state.get('step')))
    for (const step of ['1', '2']) state.set({ step })
    history.replaceState = put
    clearTimeout(state.writing)
    equal(heard, ['1', '2'])
  },
  'tagged floats become numbers'() {
    equal(untagged({ a: [{ _type: 'float', value: 'nan' }], b: { _type: 'float', value: '-inf' } }), { a: [NaN], b: -Infinity })
  },
  /** Given by the test: colours as Python has them. */
  'the colours of classes are those of Python, and none is like one near to it'({ colors, clear }) {
    equal(colors.map(([id]) => classColor(id)), colors.map(([, hex]) => hex))
    equal(clear.map(([id, labels]) => isBackground(id, labels)), clear.map(([, , is]) => is))
    equal(new Set(colors.slice(1, 302).map(([, hex]) => hex)).size, 301)
    const channels = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)), apart = (a, b) => Math.hypot(...channels(a).map((value, i) => value - channels(b)[i]))
    for (let id = 0; id < 300; id++) for (let other = id + 1; other <= id + 7; other++) if (apart(classColor(id), classColor(other)) < 40) throw Error(`${id} and ${other} are alike`)
  },
  'a list of messages is a conversation'() {
    const list = [{ role: 'user', content: 'Hello <b>' }, { role: 'assistant', content: [{ type: 'text', text: 'Hi' }, { type: 'image', url: 'x' }], tool_calls: [1] }, { role: 'tool', content: null }]
    equal([messages(list) === list, messages({ messages: list }) === list, messages([]), messages([{ role: 1 }]), messages('x'), messages([{ _type: 'image', role: 'r' }]), messages(null)], [true, true, null, null, null, null, null])
    const node = conversation(list)
    equal([...node.querySelectorAll('li')].map(one => [...one.children].map(part => part.textContent)), [['user', 'Hello <b>'], ['assistant', 'Hi\n{"type":"image","url":"x"}', '{"tool_calls":[1]}'], ['tool', '']])
    equal(toldInLine(list.slice(0, 1)), 'user: Hello <b>')
    equal(conversation(Array(300).fill(list[0])).lastChild.textContent, 'and 100 messages more')
  },
  'a long text is folded, and there as a whole'() {
    equal([folding('short').localName, folding('a\nb').textContent], ['span', 'a\nb'])
    for (const long of ['word '.repeat(100), 'line\n'.repeat(9)]) equal([folding(long).localName, folding(long).textContent], ['details', long])
  },
  'histograms of any numbers and any count are drawn'() {
    const huge = bars({ values: [1, 2], bins: [-1.7e308, 0, 1.7e308] }), places = [...huge.querySelectorAll('rect')].map(bar => Math.round(Number(bar.getAttribute('x'))))
    equal(places, [42, 199])
    equal([...bars({ values: [0, 0], bins: [0, 1, 2] }).querySelectorAll('text')].map(one => one.textContent), ['0', '2', '0', '0'])
    const documents = Array.from({ length: 150000 }, (_, i) => ({ values: [1], bins: i < 75000 ? [0, 1] : [1, 2] })), chosen = []
    const node = heatmap(documents, documents.map((_, i) => i), i => chosen.push(i)), canvas = node.querySelector('canvas')
    equal([canvas.width <= 1024, node.textContent.includes('in each column')], [true, true])
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, 64), bright = (x, y) => data[4 * (y * canvas.width + x)] > 200
    equal([bright(2, 60), bright(2, 3), bright(canvas.width - 2, 60), bright(canvas.width - 2, 3)], [true, false, false, true])
  },
  'a tensor says what its numbers range over'() {
    const shown = (values, shape) => {
      const node = showTensor({ shape, values: f8(values) }, { dtype: 'float64' }), canvas = node.querySelector('canvas')
      return [node.textContent, canvas && [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0)]
    }
    equal(shown([-1.7e308, 0, 1.7e308], [3]), ['3 float64 · -1.7e308 to 1.7e308', [68, 33, 253]])
    equal(shown([3, 3], [1, 2]), ['1 × 2 float64 · all 3', [33, 33]])
    equal(shown([NaN, 5], [2]), ['2 float64 · all 5', [200, 33]])
    equal(shown([NaN, Infinity], [2]), ['2 float64 · no finite numbers', [200, 200]])
    equal(shown([], [0, 3]), ['0 × 3 float64 · no numbers', null])
    equal(shown([7], []), [' float64 · all 7', [33]])
    equal(shown(Array(300).fill(1), [300, 1])[0], '300 × 1 float64 · all 1 · 1 row of 2')
  },
  'points of a PLY are drawn whatever their numbers and categories are'() {
    const read = (lines, properties) => readPly(new TextEncoder().encode(['ply', 'format ascii 1.0', 'comment element vertex 99', `element vertex ${lines.length}`, ...properties.map(one => `property ${one}`), 'end_header', ...lines, ''].join('\n')).buffer)
    const xyz = ['float x', 'float y', 'float z']
    const cloud = new Cloud(read(['nan nan nan', '5 6 7', '7 6 5', 'inf 0 0'], xyz))
    equal([cloud.points.origin, cloud.centre, cloud.radius], [[5, 6, 7], [1, -3, -3.5], Math.hypot(2, 6, 7) / 2])
    equal(read(['0 0 0 1 0.5 0'], [...xyz, 'float red', 'float green', 'float blue']).colors, Uint8Array.of(255, 127, 0, 170))
    const categories = read(['0 0 0 -1', '0 0 0 2.5', '0 0 0 nan', '0 0 0 99'], [...xyz, 'float category']).colors
    const hex = i => `#${[0, 1, 2].map(channel => categories[4 * i + channel].toString(16).padStart(2, '0')).join('')}`
    equal([0, 1, 2, 3].map(hex), [classColor(-1), classColor(2), '#aaaaaa', classColor(99)])
  },
  'sizes that look the same are told apart on an axis'() {
    equal(distinct([1e9, 2e9], bytes), ['1.00 GB', '2.00 GB'])
    equal(distinct([29.9e9, null, 29.901e9, 29.902e9], bytes), ['29.9 GB', '', '+1.00 MB', '+2.00 MB'])
    equal(distinct([], bytes), [])
  },
  'a figure fills its panel, and what it says of itself stays'() {
    const axes = { xaxis: { automargin: true }, yaxis: { automargin: true } }
    equal(inPanel({ width: 3000, height: 9 }), { autosize: true, margin: { l: 50, r: 14, t: 16, b: 40 }, ...axes })
    equal([inPanel({ title: 'a' }).margin.t, inPanel({ title: { text: 'a' } }).margin.t, inPanel({ title: {} }).margin.t], [46, 46, 16])
    equal([inPanel({ margin: { l: 9 } }).margin, inPanel({ template: { layout: { margin: { l: 9 } } } }).margin], [{ l: 9 }, undefined])
    equal(inPanel({ yaxis2: { type: 'log' } }).yaxis2, { automargin: true, nticks: 3, type: 'log' })
    equal(inPanel({ template: { layout: { yaxis: { type: 'log' } } } }).yaxis, { automargin: true, nticks: 3 })
    equal([inPanel({ yaxis: { type: 'log', dtick: 1 } }).yaxis.nticks, inPanel({ yaxis: { type: 'log', nticks: 9 } }).yaxis.nticks, inPanel({ xaxis: { type: 'log' } }).xaxis.nticks], [undefined, 9, undefined])
  },
  'a waveform is as wide as its sound is long'() {
    for (const length of [10, 359, 8000, 100000]) {
      const values = Float32Array.from({ length }, (_, i) => (i >= length - Math.ceil(length / 360) ? 0.5 : 0)), path = waveform(values, document.createElement('audio')).querySelector('path').getAttribute('d')
      const columns = [...path.matchAll(/M([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)])
      equal([columns[0], columns.at(-1)[1], columns.at(-1)[0] >= 360 - 360 / Math.min(length, 360) - 0.1, columns.length], [[0, 30], 15, true, Math.min(length, 360)])
    }
    equal(waveform(Float32Array.of(NaN, 1), document.createElement('audio')).querySelector('path').getAttribute('d'), 'M180 0.0V0.5')
  },
  'rows beyond what an element can hold are reached'() {
    const grid = new Grid([{ name: 'n', values: i => i, show: String }], 3e6)
    document.body.append(el('style', {}, '.scroll { overflow: auto; position: relative } .row { height: 24px; overflow: hidden } .rows { position: absolute } .space { position: relative }'), grid.node)
    const rows = () => [...grid.body.children].map(line => Number(line.textContent)), seen = () => rows().filter((_, i) => {
      const box = grid.body.children[i].getBoundingClientRect(), around = grid.scroll.getBoundingClientRect()
      return box.top >= around.top - 1 && box.bottom <= around.bottom + 1
    })
    for (const [part, wanted] of [[0, 0], [0.5, 1.5e6], [1, 3e6 - 1]]) {
      grid.scroll.scrollTop = part * grid.scroll.scrollHeight
      grid.paint()
      if (!seen().some(row => Math.abs(row - wanted) < 100)) throw Error(`${part}: ${seen()}`)
    }
    equal(seen().at(-1), 3e6 - 1)
    grid.node.remove()
  },
  async 'a dropped file that is no run does not hide the others'() {
    const file = (path, value) => [path, new File([typeof value === 'string' ? value : JSON.stringify(value)], 'run.json')]
    const source = new Dropped([file('a/run.json', { name: 'a' }), file('b/run.json', '{"name'), file('c/run.json', 'null'), file('d/run.json', [1])])
    equal((await source.runs()).map(({ path }) => path), ['a'])
    equal(source.problems.map(text => text.split(':')[0]), ['b/run.json', 'c/run.json', 'd/run.json'])
    const told = await new Run(source, { path: 'a', run: {}, summary: {} }).open().catch(error => error.message)
    equal(told.includes('mediatypes recover'), true)
  },
  'counts keep their sum in other bins'() {
    const counts = rebinned({ values: [4, 2], bins: [0, 1, 3] }, -1, 3, 8)
    equal(counts, [0, 0, 2, 2, 0.5, 0.5, 0.5, 0.5])
  },
  'a preset’s placeholders are filled, and what lacks a column is left out'() {
    const spec = { title: '${string:title}', encoding: { x: { field: '${field:x}' }, color: { field: '${field:c}' } } }
    equal(fillPreset(spec, { fields: { x: 'a' }, strings: { title: 'T' } }), { title: 'T', encoding: { x: { field: 'a' } } })
  },
  'a plot’s channels have the types of their columns, whatever these are called'() {
    const columns = [
      { name: 'val.loss', kind: 'number', values: [0.5, Infinity] }, { name: 'day', kind: 'date', values: ['2026-01-02', null] },
      { name: "it's", kind: 'string', values: ['a', 'b'] }, { name: 'n', kind: 'integer', values: [2n ** 60n, 1] }, { name: 'unused', kind: 'number', values: [1, 2] },
    ]
    const spec = {
      title: '${field:y} of ${string:who}', layer: [{ data: { name: 'wandb' }, encoding: { x: { field: '${field:x}' }, y: { field: '${field:y}', type: 'quantitative' }, color: [{ field: '${field:c}', title: 'named' }] } }],
      encoding: { x: { field: 'n' }, y: { aggregate: 'mean', field: '${field:y}' } }, transform: [{ filter: "datum['${field:c}'] != '${string:who}'" }],
    }
    const drawn = drawnPlot({ spec, fields: { x: 'day', y: 'val.loss', c: "it's" }, strings: { who: "o'x" } }, columns)
    equal(drawn.spec, {
      title: "val.loss of o'x",
      layer: [{ data: { name: 'table' }, encoding: { x: { field: 'column_1', title: 'day', type: 'temporal' }, y: { field: 'column_2', type: 'quantitative', title: 'val.loss' }, color: [{ field: 'column_3', title: 'named', type: 'nominal' }] } }],
      encoding: { x: { field: 'n', type: 'quantitative' }, y: { aggregate: 'mean', field: 'column_2', title: 'val.loss' } }, transform: [{ filter: "datum['column_3'] != 'o\\'x'" }],
    })
    equal(drawn.rows, [{ n: 2 ** 60, column_2: 0.5, column_1: '2026-01-02T00:00:00', column_3: 'a' }, { n: 1, column_2: null, column_1: null, column_3: 'b' }])
  },
  'a link holds what is chosen, and only that'() {
    const state = new State('#tab=media&smooth=0.5&off=a|b%257Cc&log=1&nonsense=1')
    equal([state.get('tab'), state.get('smooth'), state.get('off'), state.get('log'), state.get('x')], ['media', 0.5, ['a', 'b|c'], true, ''])
    equal(new State(state.link()).values, state.values)
    equal(new State('').link(), '')
    state.set({ compare: ['photo', 'r', '', 'r', '5', '', ''] }) // a place in it that is not chosen is a place
    equal(new State(state.link()).get('compare'), ['photo', 'r', '', 'r', '5', '', ''])
    const odd = new State('#smooth=7&opacity=-1&score=x&off=%25|a&hidden=')
    equal(['smooth', 'opacity', 'score', 'off', 'hidden'].map(name => odd.get(name)), [0.99, 0, 0, ['%', 'a'], []])
  },
  'an npy file is read, and what is not drawn is named'() {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }".padEnd(118) , bytes = new Uint8Array(128 + 8)
    bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, 118, 0, ...new TextEncoder().encode(header)])
    new DataView(bytes.buffer).setFloat32(128, 1.5, true)
    equal(readNpy(bytes.buffer), { shape: [2, 1], type: 'f4', values: Float32Array.of(1.5, 0) })
  },
  'floats of 8 and 16 bits and complex numbers are read as what they stand for'({ files }) {
    for (const [dtype, { file, numbers }] of Object.entries(files)) {
      const decoded = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer, wanted = new Float32Array(decoded(numbers))
      const { values } = readNpy(decoded(file), dtype)
      if (values.length !== wanted.length) throw Error(`${dtype}: ${values.length} values`)
      values.forEach((value, i) => Object.is(value, wanted[i]) || (/complex/.test(dtype) && Math.abs(value - wanted[i]) < 1e-5) || equal({ dtype, i, value }, { dtype, i, value: wanted[i] }))
    }
  },
  /** Given by the test: history.parquet of a run of one row, and of two. */
  async 'what failed is read again, and a late file does not take the place of a newer one'({ one, two }) {
    const waiting = [], source = { parquet: () => new Promise((done, fail) => waiting.push([done, fail])) }, run = new Run(source, { path: 'r', run: {}, summary: {} })
    const failed = run.open().catch(error => error.message)
    waiting[0][1](Error('no answer'))
    equal(await failed, 'no answer')
    const late = run.open()
    run.renew({ path: 'r', run: {}, summary: {} })
    const newer = run.open()
    equal(waiting.length, 3)
    const history = file => Uint8Array.from(atob(file), letter => letter.charCodeAt(0)).buffer
    waiting[2][0](history(two))
    await newer
    waiting[1][0](history(one))
    await late
    equal([run.rows, run.numeric], [2, ['loss']])
  },
  async 'a place on another axis is the last one before a step'() {
    const run = new Run(null, { path: 'r', run: {}, summary: {} })
    run.opening = Promise.resolve()
    Object.assign(run, { columns: [{ name: 'epoch', key: 'epoch', kind: 'number' }] })
    run.cache.set('epoch', Promise.resolve({ values: f8([NaN, 1, NaN, 2]), present: [0, 1, 0, 1] }))
    run.cache.set('_step', Promise.resolve({ values: f8([0, 10, 20, 30]), present: [1, 1, 1, 1] }))
    const place = await run.placer('epoch')
    equal([0, 10, 25, 30, 99].map(place), [NaN, 1, 1, 2, 2])
  },
  'the longest pattern of a metric says what a key goes over, the latest of equal ones, its own name before all'() {
    const metrics = [{ name: 'a.*', step_metric: 'x' }, { name: '*', step_metric: 'y' }, { name: 'a.b*', step_metric: 'y' }, { name: 'a.*c', step_metric: 'x' }, { name: 'own' }, { name: 'axb', step_metric: 'gone' }]
    const run = new Run(null, { path: 'r', run: { metrics }, summary: {} })
    Object.assign(run, { columns: ['x', 'y'].map(key => ({ name: key, key, kind: 'number' })) })
    equal(['a.d', 'a.b', 'a.bc', 'z', 'y', 'own', '_z', 'axb'].map(key => run.axis(key) ?? null), ['x', 'y', 'x', 'y', null, null, null, null])
  },
  /** Given by the test: a file, and its numbers as Pillow reads them. */
  async 'grey PNG of 16 bits'({ file, numbers }) {
    equal(await grey16(Uint8Array.from(atob(file), letter => letter.charCodeAt(0)).buffer), numbers)
    equal(await grey16(new ArrayBuffer(50)), null)
  },
}
