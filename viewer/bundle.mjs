// Make one script, or style sheet, of an entry and what it imports: `node bundle.mjs ENTRY FILE`, which build.py runs.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Parts of hyparquet for what no file of a run has (geometries, variants, floats in the encoding ALP), and for filters.
const STAND_INS = { alp: 'absent', bloom: 'absent', filter: 'unfiltered', variant: 'absent', wkb: 'absent' }
const standIn = name => ({ path: fileURLToPath(new URL(`libraries/${STAND_INS[name]}.js`, import.meta.url)) })
const slim = { name: 'slim', setup: ({ onResolve }) => onResolve({ filter: /^\.\/(alp|bloom|filter|variant|wkb)\.js$/ }, ({ importer, path }) => (/[\\/]hyparquet[\\/]/.test(importer) ? standIn(path.slice(2, -3)) : undefined)) }
const [, , entry, outfile] = process.argv
await build({
  entryPoints: [entry], outfile, bundle: true, minify: true, format: 'iife', target: ['chrome117', 'firefox119', 'safari17.4'], charset: 'utf8',
  logLevel: 'error', legalComments: 'none', plugins: [slim],
}).catch(() => process.exit(1))
