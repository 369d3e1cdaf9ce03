// Make one script of an entry and what it imports: `node bundle.mjs ENTRY FILE`, which build.py runs.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Parts of hyparquet for what no file of a run has: geometries, variants, and floats in the encoding ALP.
const absent = { name: 'absent', setup: ({ onResolve }) => onResolve({ filter: /^\.\/(alp|variant|wkb)\.js$/ }, ({ importer }) => (/[\\/]hyparquet[\\/]/.test(importer) ? { path: fileURLToPath(new URL('libraries/absent.js', import.meta.url)) } : undefined)) }
const [, , entry, outfile] = process.argv
await build({
  entryPoints: [entry], outfile, bundle: true, minify: true, format: 'iife', target: ['chrome117', 'firefox119', 'safari17.4'], charset: 'utf8',
  logLevel: 'error', legalComments: 'none', plugins: [absent],
}).catch(() => process.exit(1))
