// Units of the page's modules, run in a browser by tests/viewer/test_units.py. Each test throws what is wrong.
import { grouped } from '../src/charts.js'
import { readPoints } from '../src/cloud.js'
import { bytes, count, duration, short } from '../src/dom.js'
import { Grid, matches, textOf } from '../src/grid.js'
import { rebinned } from '../src/histogram.js'
import { fillPreset } from '../src/media.js'
import { matchBoxes } from '../src/overlays.js'
import { grey16 } from '../src/png.js'
import { groupsBy, runColumns } from '../src/runs.js'
import { isoTime, Run, untagged } from '../src/run.js'
import { alone, envelope, lower, nearest, points, smooth } from '../src/series.js'
import { State } from '../src/state.js'
import { frame, labels, logFrame, WHOLE } from '../src/ticks.js'
import { readNpy } from '../src/tensor.js'

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
    equal([0, 1, -1.5, 0.000123, 0.00001, 12345.678, 123456, 5e9, 1e20, NaN, -Infinity, null].map(short), ['0', '1', '-1.5', '0.000123', '1e-5', '12345.7', '123k', '5G', '1e20', 'NaN', '−∞', ''])
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
    equal(labels([1000000.1, 1000000.2]), ['1M', '+0.1'])
    equal(WHOLE.slice(0, 5), [1, 2, 5, 10, 20])
    equal(WHOLE.every(Number.isInteger), true)
  },
  'keys are grouped by prefix, single ones first'() {
    equal(grouped(['loss', 'val.acc', 'val.f1', 'train/a', 'train/b', 'lone/x']), [['', ['loss', 'lone/x']], ['train', ['train/a', 'train/b']], ['val', ['val.acc', 'val.f1']]])
  },
  'a filter looks in all columns, in one, or compares'() {
    const rows = [{ name: 'Alpha', lr: 0.1, tag: 'x:y' }, { name: 'beta', lr: 0.01, tag: null }]
    const columns = [{ name: 'run', at: i => rows[i].name }, { name: 'config.lr', at: i => rows[i].lr }, { name: 'tag', at: i => rows[i].tag }]
    const found = filter => [0, 1].filter(matches(filter, columns))
    equal(['', 'ALPHA', 'run:be', 'lr>0.05', 'config.lr<=0.01', 'run=beta', 'run!=beta', 'a lr<0.05', 'x:y', 'nothing'].map(found), [[0, 1], [0], [1], [0], [1], [1], [0], [1], [0], []])
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
  'tagged floats become numbers'() {
    equal(untagged({ a: [{ _type: 'float', value: 'nan' }], b: { _type: 'float', value: '-inf' } }), { a: [NaN], b: -Infinity })
  },
  'counts keep their sum in other bins'() {
    const counts = rebinned({ values: [4, 2], bins: [0, 1, 3] }, -1, 3, 8)
    equal(counts, [0, 0, 2, 2, 0.5, 0.5, 0.5, 0.5])
  },
  'a preset’s placeholders are filled, and what lacks a column is left out'() {
    const spec = { title: '${string:title}', encoding: { x: { field: '${field:x}' }, color: { field: '${field:c}' } } }
    equal(fillPreset(spec, { fields: { x: 'a' }, strings: { title: 'T' } }), { title: 'T', encoding: { x: { field: 'a' } } })
  },
  'a link holds what is chosen, and only that'() {
    const state = new State('#tab=media&smooth=0.5&off=a|b%257Cc&log=1&nonsense=1')
    equal([state.get('tab'), state.get('smooth'), state.get('off'), state.get('log'), state.get('x')], ['media', 0.5, ['a', 'b|c'], true, ''])
    equal(new State(state.link()).values, state.values)
    equal(new State('').link(), '')
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
