// What the machine was doing: system.parquet, and system.jsonl while the run is on.
import uPlot from 'uplot'
import { classColor } from './colors.js'
import { bytes, duration, el, short } from './dom.js'
import { parquetRows } from './run.js'
import { envelope } from './series.js'
import { distinct, room } from './ticks.js'

const HIGH = 150, BUCKETS = 400

/** The samples of a run: {times: seconds since its start, columns: name -> numbers, NaN where there is none}; null without any. */
export async function readSystem(run) {
  const rows = run.has('system.parquet') ? await parquetRows(await run.parquet('system.parquet')) : []
  if (run.has('system.jsonl')) {
    for (const line of (await run.text('system.jsonl')).split('\n')) {
      try {
        const row = JSON.parse(line)
        if (row._timestamp > (rows.at(-1)?._timestamp ?? -Infinity)) rows.push(row)
      } catch {
        // a line that is not whole yet
      }
    }
  }
  if (!rows.length) return null
  const names = [...new Set(rows.flatMap(Object.keys))].filter(name => !name.startsWith('_'))
  const numbers = name => Float64Array.from(rows, row => (typeof row[name] === 'number' ? row[name] : NaN))
  return { times: Float64Array.from(rows, row => row._timestamp - run.info.started), columns: new Map(names.map(name => [name, numbers(name)])) }
}

/** What stands in one chart: the same measure of several devices, such as `gpu.0.percent` and `gpu.1.percent`. */
export function byMeasure(names) {
  return Map.groupBy(names, name => name.replace(/\.\d+\./, '.'))
}

const unit = name => (name.endsWith('bytes_per_second') ? value => `${bytes(value)}/s` : name.endsWith('bytes') ? bytes : name.endsWith('percent') ? value => `${short(value)} %` : short)

export function systemCharts({ times, columns }) {
  const style = getComputedStyle(document.body), axis = { stroke: style.getPropertyValue('--ink'), grid: { stroke: style.getPropertyValue('--line'), width: 1 }, ticks: { stroke: style.getPropertyValue('--line') }, font: '11px system-ui' }
  return [...byMeasure(columns.keys())].map(([measure, names]) => {
    const place = el('div', {}), show = unit(measure), tables = names.map(name => envelope(times, columns.get(name), -Infinity, Infinity, BUCKETS)), last = names.map(name => columns.get(name).findLast(value => value === value))
    const data = uPlot.join(tables.map(([x, values]) => [x, Array.from(values, value => (Number.isFinite(value) ? value : null))]))
    const options = { height: HIGH, legend: { show: false }, scales: { x: { time: false } }, axes: [{ ...axis, size: 30, values: (_, ticks) => ticks.map(duration) }, { ...axis, size: (_, texts) => room(texts), values: (_, ticks) => distinct(ticks, show) }], series: [{}, ...names.map((_, i) => ({ stroke: classColor(i), width: 1.3 }))] }
    let plot, width = 0
    new ResizeObserver(() => { // a chart that is out of the page is given up: the window would hold it
      if (place.clientWidth === width) return
      width = place.clientWidth
      plot?.destroy()
      plot = width ? new uPlot({ ...options, width: Math.max(220, width) }, data, place) : null
    }).observe(place)
    return el('section', { className: 'panel', 'aria-label': `${measure}, last ${last.map(show).join(', ')}` }, el('h3', {}, measure), place, el('div', { className: 'values' }, names.map((name, i) => el('span', {}, el('i', { style: { background: classColor(i) } }), el('b', {}, show(last[i])), names.length > 1 && el('small', {}, ` ${name}`)))))
  })
}
