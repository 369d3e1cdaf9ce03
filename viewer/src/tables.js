// Tables: the parts of a document are read, shown in a grid; cells may be media.
import { conversation, messages } from './chat.js'
import { el, failure } from './dom.js'
import { Grid, textOf } from './grid.js'
import { parquetRows, plain, untagged } from './run.js'

/** The columns of a table document: [{name, kind, values}], each part read once. */
export async function readTable(run, document) {
  const columns = document.columns.map((name, i) => ({ name, kind: document.kinds[i], values: [] }))
  for (const part of document.parts) {
    if (document.format === 'json') {
      const { data } = JSON.parse(await run.text(part.path))
      for (const row of data) row.forEach((cell, i) => columns[i].values.push(untagged(cell)))
      continue
    }
    const rows = await parquetRows(await run.parquet(part.path))
    for (const row of rows) for (const column of columns) column.values.push(read(row[column.name], column.kind))
  }
  return columns
}

function read(cell, kind) {
  if (cell === null || cell === undefined) return null
  if (kind === 'json' || kind === 'mixed') return untagged(JSON.parse(cell))
  if (cell._doc) return JSON.parse(cell._doc)
  if (Array.isArray(cell)) return cell.map(item => (item?._doc ? JSON.parse(item._doc) : plain(item)))
  if (kind === 'duration') return Number(cell) / 1e6
  if (kind === 'timestamp') return `${cell}+00:00`
  return plain(cell)
}

/** A grid of the table; `media(document)` gives the node of a value, which a click on a row shows large. */
export async function showTable(run, document, media) {
  const columns = await readTable(run, document), detail = el('div', { className: 'detail' })
  const show = value => (value?._type ? thumbnail(run, value) : Array.isArray(value) && value[0]?._type ? el('span', {}, `${value.length} media`) : undefined)
  const grid = new Grid(
    columns.map(({ name, values, kind }) => ({ name, values, kind, show: values.some(value => value?._type || value?.[0]?._type) ? value => show(value) ?? String(value ?? '') : undefined })),
    document.num_rows,
    { choose: row => detail.replaceChildren(...details(columns, row, media)) },
  )
  return el('div', {}, grid.node, detail)
}

function thumbnail(run, document) {
  if (document._type !== 'image') return el('span', {}, document.caption ?? document._type)
  const image = el('img', { alt: document.caption ?? 'image', loading: 'lazy', className: 'thumbnail' })
  image.addEventListener('error', () => image.replaceWith('image is not here'), { once: true })
  Promise.resolve(run.url(document.path)).then(url => (image.src = url), () => image.replaceWith('image is not here'))
  return image
}

function details(columns, row, media) {
  return columns.map(({ name, values }) => {
    const value = values[row], place = el('dd', { dir: 'auto' })
    const items = value?._type ? [value] : Array.isArray(value) && value[0]?._type ? value : null
    if (items?.length) for (const item of items) media(item).then(node => place.append(node), error => place.append(failure(error)))
    else if (messages(value)) place.append(conversation(messages(value)))
    else place.textContent = textOf(value)
    return el('dl', {}, el('dt', {}, name), place)
  })
}
