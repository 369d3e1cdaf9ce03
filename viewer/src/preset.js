// Plots: a Vega-Lite spec with placeholders and the columns of a table become what Vega draws, as `to_vega_lite` makes it.
const TYPES = { number: 'quantitative', integer: 'quantitative', decimal: 'quantitative', datetime: 'temporal', timestamp: 'temporal', date: 'temporal' }
const SLOT = /\$\{(field|string):([^{}:]+)\}/g
const WORDS = new Set(['as', 'description', 'name', 'text', 'title', 'subtitle']) // members that are read by people
const EXPRESSIONS = new Set(['calculate', 'expr', 'filter', 'test', 'update'])
const DATA_NAMES = ['table', 'wandb']

/**
 * What Vega draws: the filled spec, and rows of the columns that it names.
 *
 * A column has another name in the rows, `column_1`, so that Vega takes it neither for a path nor for what objects of
 * JavaScript have; its own stands in titles.
 */
export function drawnPlot({ spec, fields, strings = {} }, columns) {
  const aliases = new Map([...new Set(Object.values(fields))].map((name, i) => [name, `column_${i + 1}`]))
  const filled = fillPreset(spec, { fields, strings }, aliases)
  const byPath = new Map(columns.flatMap(column => [[asPath(column.name), column], [aliases.get(column.name), column]]))
  for (const channel of channels(filled)) {
    const column = byPath.get(channel.field)
    if (!column) continue
    if (aliases.has(column.name) && channel.title === undefined) channel.title = column.name + (channel.bin ? ' (binned)' : '')
    if (channel.bin || 'aggregate' in channel) continue
    const type = TYPES[column.kind] ?? 'nominal'
    if (channel.type === undefined || (channel.type === 'quantitative' && type === 'temporal')) channel.type = type
  }
  const text = JSON.stringify(spec), named = columns.filter(({ name }) => !aliases.has(name) && text.includes(JSON.stringify(name).slice(1, -1)))
  const drawn = [...named.map(column => [column.name, column]), ...columns.filter(({ name }) => aliases.has(name)).map(column => [aliases.get(column.name), column])]
  const rows = Array.from({ length: columns[0]?.values.length ?? 0 }, (_, i) => Object.fromEntries(drawn.map(([name, { values, kind }]) => [name, drawable(values[i], kind)])))
  return { spec: filled, rows }
}

/** A spec in which columns and texts stand for placeholders; what names a field without a column is left out. */
export function fillPreset(spec, { fields, strings = {} }, aliases = new Map()) {
  const absent = text => typeof text === 'string' && [...text.matchAll(SLOT)].some(([, kind, name]) => kind === 'field' && !Object.hasOwn(fields, name))
  const gone = item => (item && typeof item === 'object' && !Array.isArray(item) ? Object.values(item).some(absent) : absent(item))
  const replaced = (text, key) =>
    text.replace(SLOT, (_, kind, name) => {
      const told = kind === 'string' ? (Object.hasOwn(strings, name) ? strings[name] : '') : WORDS.has(key) ? fields[name] : (aliases.get(fields[name]) ?? fields[name])
      return EXPRESSIONS.has(key) ? told.replace(/([\\'"])/g, '\\$1') : told
    })
  const walk = (item, key) => {
    if (typeof item === 'string') return replaced(item, key)
    if (Array.isArray(item)) return item.filter(part => !gone(part)).map(part => walk(part, key))
    if (!item || typeof item !== 'object') return item
    if (key === 'data' && DATA_NAMES.includes(item.name)) return { name: 'table' }
    return Object.fromEntries(Object.entries(item).filter(([, part]) => !gone(part)).map(([name, part]) => [replaced(name, 'name'), walk(part, name)]))
  }
  return walk(spec, '')
}

/** The encoding channels of a spec that name a field, at any depth. */
function* channels(item) {
  if (!item || typeof item !== 'object') return
  for (const [name, part] of Object.entries(item)) {
    if (name === 'encoding' && !Array.isArray(item)) for (const channel of Object.values(part ?? {}).flat()) if (typeof channel?.field === 'string') yield channel
    yield* channels(part)
  }
}

/** A column's name where Vega-Lite expects a path: `val.loss` means `loss` of `val` there. */
const asPath = name => name.replace(/([\\.[\]'"])/g, '\\$1')

/** A value as Vega takes it: numbers that are not finite are null, a date is that day here. */
function drawable(value, kind) {
  if (TYPES[kind] === 'quantitative' && value !== null) return Number.isFinite(Number(value)) ? Number(value) : null
  return kind === 'date' && value !== null ? `${value}T00:00:00` : value
}
