// One run: what its files say. The format is that of schemas/README.md; nothing else is asked for.
import { decompress } from 'fzstd'
import { parquetMetadataAsync, parquetRead, parquetReadObjects } from 'hyparquet'
import { lower, points } from './series.js'
import { TAIL } from './source.js'

const compressors = { ZSTD: input => decompress(input) } // given a buffer, it would first write that as text
const PLAIN = new Set(['number', 'integer', 'boolean', 'string', 'number_list', 'string_list', 'json', 'null'])
const RANK = '_rank' // of a run with several ranks the column that says who logged a row
const FIRST_CHILD = 1_000_000 // from here on the ranks of processes that those of the job have started
const NUMERIC = new Set(['number', 'integer', 'boolean'])
const TIME = { __proto__: null, _step: '_step', _timestamp: '_timestamp', _relative: '_runtime' }

/** What a rank is called. */
export const rankName = rank => (rank < FIRST_CHILD ? `rank ${rank}` : `worker ${rank - FIRST_CHILD}`)

/** A promise that is kept until it fails: what failed is tried again when it is asked for again. */
const kept = (promise, forget) => {
  promise.catch(forget)
  return promise
}

const escaped = text => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** Microseconds since 1970 as ISO 8601, with all their digits, and without a zone as the file has none here. */
export function isoTime(microseconds) {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n, whole = new Date(Number((microseconds - fraction) / 1000n)).toISOString().slice(0, 19)
  return fraction ? `${whole}.${String(fraction).padStart(6, '0')}` : whole
}
const parsers = { timestampFromMicroseconds: isoTime, dateFromDays: days => new Date(days * 86_400_000).toISOString().slice(0, 10) }

/** INT64 arrives as BigInt; what a double holds becomes a number. */
export function plain(value) {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(plain)
  if (value && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
  }
  return value
}

/** Rows of a Parquet file as objects, of some columns or all. */
export async function parquetRows(file, columns, metadata, rowStart, rowEnd) {
  return (await parquetReadObjects({ file, compressors, parsers, columns, metadata, rowStart, rowEnd })).map(plain)
}

/** A tagged float `{"_type": "float", "value": "nan"}` as the number it stands for, at any depth. */
export function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged)
  if (!value || typeof value !== 'object') return value
  if (value._type === 'float') return { __proto__: null, nan: NaN, inf: Infinity, '-inf': -Infinity }[value.value]
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, untagged(item)]))
}

export class Run {
  constructor(source, listed) {
    this.source = source
    this.renew(listed)
  }

  /** What tells it from the others: names may be the same. */
  get id() {
    return this.path || this.name
  }

  /** Take what the list of runs says; the files are read anew. */
  renew(listed) {
    const { path, run, summary } = listed
    const lists = Object.fromEntries(['tags', 'problems', 'metrics'].map(name => [name, Array.isArray(run[name]) ? run[name] : []])) // a dropped file may hold anything
    Object.assign(this, { listed, path, info: { ...run, ...lists }, summary: untagged(summary ?? {}), config: untagged(run.config ?? {}) })
    this.name = run.name || path || run.id
    this.columns = [] // {name, key, kind, integral}
    this.cache = new Map() // column name -> {values, present}
    this.added = new Map() // rank -> key -> [[step, value]...] that came after the file was read
    this.opening = this._media = null
    this.turn = Symbol('renew')
  }

  at(path) {
    return /^https?:/.test(path) || !this.path ? path : `${this.path}/${path}`
  }

  /** Whether the run's folder has one of the files that it may have: the list of runs tells, or the source. */
  has(name) {
    return this.listed.has?.includes(name) ?? this.source.has?.(this.at(name)) ?? false
  }

  text(path) {
    return this.source.text(this.at(path))
  }

  bytes(path) {
    return this.source.bytes(this.at(path))
  }

  url(path) {
    return this.source.url(this.at(path))
  }

  parquet(path) {
    return this.source.parquet(this.at(path))
  }

  /** Read the footer of the history: a few kB, whatever the run's size. */
  open() {
    return (this.opening ??= kept(this._open(), () => (this.opening = null)))
  }

  async _open() {
    if (this.source.has && !this.has('history.parquet')) throw Error('it has no history.parquet, which a run gets when it is over. Of one that was killed: mediatypes recover')
    const { turn } = this, file = await this.parquet('history.parquet'), metadata = await parquetMetadataAsync(file, { initialFetchSize: TAIL })
    if (turn !== this.turn) return this.open() // it is another now, whose file may have come before this one
    Object.assign(this, { file, metadata, rows: Number(metadata.num_rows) })
    const stored = metadata.key_value_metadata?.find(pair => pair.key === 'mediatypes')
    if (!stored) throw Error(`${this.path}/history.parquet: expected a history of mediatypes, got another file`)
    const early = this.columns // of rows that were told before the file was read
    this.columns = JSON.parse(stored.value).columns
    this.columns.push(...early.filter(({ key }) => this.column(key) === undefined))
    return this
  }

  /** Keys whose values are numbers. */
  get numeric() {
    return [...new Set(this.columns.filter(column => NUMERIC.has(column.kind) && column.key !== RANK).map(column => column.key))]
  }

  /** A column of numbers as {values: Float64Array with NaN, present: Uint8Array}: NaN and no value differ. */
  numbers(name) {
    const { cache } = this
    if (!cache.has(name)) cache.set(name, kept(this._numbers(name), () => cache.delete(name)))
    return cache.get(name)
  }

  async _numbers(name) {
    const values = new Float64Array(this.rows).fill(NaN), present = new Uint8Array(this.rows)
    if (name === null) return { values, present } // only later rows have it
    const onChunk = ({ columnData, rowStart }) => {
      if (columnData instanceof Float64Array) {
        values.set(columnData, rowStart)
        return present.fill(1, rowStart, rowStart + columnData.length)
      }
      for (let i = 0; i < columnData.length; i++) {
        const value = columnData[i]
        if (value === null || value === undefined) continue
        values[rowStart + i] = Number(value)
        present[rowStart + i] = 1
      }
    }
    await parquetRead({ file: this.file, metadata: this.metadata, compressors, columns: [name], onChunk })
    return { values, present }
  }

  column(key) {
    return this.columns.find(column => column.key === key && NUMERIC.has(column.kind))?.name
  }

  /** Whether the numbers of a key are booleans. */
  isTruth(key) {
    return this.columns.find(column => column.key === key && NUMERIC.has(column.kind))?.kind === 'boolean'
  }

  /** The key that a key is drawn over, as a metric of the run says; undefined for steps. The metric of the key's own name
   *  applies, else that of the longest pattern that matches, of equal ones the latest. */
  axis(key) {
    const metrics = this.info.metrics, length = ({ name }) => name.replaceAll('*', '').length
    const matches = ({ name }) => name.includes('*') && RegExp(`^${name.split('*').map(escaped).join('[^]*')}$`, 'u').test(key)
    const longest = (best, one) => (best && length(best) > length(one) ? best : one)
    const over = (metrics.find(({ name }) => name === key) ?? metrics.filter(metric => !key.startsWith('_') && matches(metric)).reduce(longest, undefined))?.step_metric
    return over !== key && (over in TIME || this.column(over) !== undefined) ? over : undefined
  }

  /** Who logged the rows of the file: a rank for each; null where all are of rank 0. */
  async ranked() {
    const name = this.column(RANK)
    return name ? (await this.numbers(name)).values : null
  }

  /** The ranks that logged rows, ascending. */
  async ranks() {
    return [...new Set([...new Set((await this.ranked()) ?? [0]), ...this.added.keys()])].sort((a, b) => a - b)
  }

  /** What a rank logged of a key after the file was read. */
  late(key, rank = 0) {
    return this.added.get(rank)?.get(key) ?? []
  }

  /** The curve of a key over an axis, as a rank logged it: [x, y], x ascending, rows without a value left out. */
  async curve(key, axis, rank = 0) {
    const name = this.column(key), over = TIME[axis] ?? this.column(axis)
    if (name === undefined || over === undefined) return null
    const [y, x, ranks] = await Promise.all([this.numbers(name), this.numbers(over), this.ranked()]), late = this.late(key, rank)
    const present = ranks || rank ? y.present.map((here, i) => here && (ranks?.[i] ?? 0) === rank) : y.present
    if (!late.length) return points(x.values, y.values, present)
    const places = new Map(this.late(TIME[axis] ?? axis, rank)), told = late.filter(([step]) => axis === '_step' || places.has(step))
    const join = (head, tail) => {
      const all = new head.constructor(head.length + tail.length)
      all.set(head)
      all.set(tail, head.length)
      return all
    }
    return points(join(x.values, told.map(([step]) => (axis === '_step' ? step : places.get(step)))), join(y.values, told.map(([, value]) => value ?? NaN)), join(present, told.map(() => 1)))
  }

  /** Where steps stand on an axis: step -> its number or text there, or the last one before it; NaN before the first. */
  async placer(axis) {
    if (axis === '_step') return step => step
    await this.open()
    const [steps, values] = TIME[axis] ? await this.timeline(axis) : ((await this.curve(axis, '_step')) ?? (await this.texts(axis)))
    return step => {
      const at = lower(steps, step + 0.5) - 1
      return at < 0 ? NaN : values[at]
    }
  }

  /** Keys whose values are texts. */
  get texted() {
    return this.columns.filter(column => column.kind === 'string').map(column => column.key)
  }

  /** The texts of a key, over steps. */
  async texts(key) {
    const column = this.columns.find(one => one.key === key && one.kind === 'string'), late = this.late(key)
    const rows = column?.name ? await this.values(column.name) : []
    return [[...rows.map(({ step }) => step), ...late.map(([step]) => step)], [...rows.map(({ value }) => value), ...late.map(([, value]) => value)]]
  }

  /** A column of the time, over steps. */
  async timeline(axis) {
    const [steps, times] = await Promise.all([this.numbers('_step'), this.numbers(TIME[axis])]), late = this.late(TIME[axis])
    return [[...steps.values, ...late.map(([step]) => step)], [...times.values, ...late.map(([, value]) => value)]]
  }

  /** Take what was logged after the file was read: rows {row: step, rank, values: {key: number or text}} and media. */
  append({ rows, media }) {
    for (const { row, rank = 0, values } of rows) {
      const added = this.added.get(rank) ?? this.added.set(rank, new Map()).get(rank)
      if ('_timestamp' in values) values._runtime = values._timestamp - this.info.started
      for (const [key, value] of Object.entries(untagged(values))) {
        const kinds = typeof value === 'string' ? ['string'] : [...NUMERIC]
        if (!key.startsWith('_') && !this.columns.some(column => column.key === key && kinds.includes(column.kind))) this.columns.push({ name: null, key, kind: kinds[0], integral: false })
        const list = added.get(key) ?? added.set(key, []).get(key)
        if (list.at(-1)?.[0] === row) list.pop()
        list.push([row, value])
      }
    }
    if (media.length) this._media = this.media().then(known => [...known, ...media])
  }

  /** Logged media in the order of steps: rows of media.parquet with their document. */
  media() {
    return (this._media ??= kept(this._readMedia(), () => (this._media = null)))
  }

  async _readMedia() {
    const file = await this.parquet('media.parquet')
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: TAIL }), there = metadata.schema.map(({ name }) => name)
    const rows = await parquetRows(file, ['key', 'step', 'index', 'type', 'caption', 'path', '_doc', RANK].filter(name => there.includes(name)), metadata)
    return rows.filter(row => row.step !== null && row.step !== undefined)
  }

  /** Values that are text, lists or JSON: [{step, value}]. */
  async values(name) {
    const rows = await parquetRows(this.file, ['_step', name], this.metadata)
    return rows.filter(row => row[name] !== null && row[name] !== undefined).map(row => ({ step: row._step, value: row[name] }))
  }

  get plainColumns() {
    return this.columns.filter(column => column.name !== null && PLAIN.has(column.kind) && !NUMERIC.has(column.kind) && column.kind !== 'null')
  }

  /** How long it ran, or runs already; of one that was killed up to the last row. */
  get seconds() {
    const { status, started, finished } = this.info
    return finished ? finished - started : status === 'running' ? Date.now() / 1000 - started : (this.summary._runtime ?? NaN)
  }
}
