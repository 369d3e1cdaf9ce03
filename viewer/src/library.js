// Scripts that are loaded only when a value needs them: points, molecules, meshes, Vega, Plotly.
// The page's policy decides whether it may run: by its hash where it stands in the page, by its address where it is served.

const loaded = new Map()

/** Load a library once; the promise gives what it puts into `window`. */
export function library(source, name) {
  if (!loaded.has(name)) {
    loaded.set(name, load(source, name))
    loaded.get(name).catch(() => loaded.delete(name)) // it is tried again for the next value
  }
  return loaded.get(name)
}

async function load(source, name) {
  const script = Object.assign(document.createElement('script'), await source.library(name)) // its address, or its text
  const done = script.src && new Promise((resolve, reject) => Object.assign(script, { onload: resolve, onerror: () => reject(Error(`${name} cannot be loaded: is its Python package installed?`)) }))
  document.head.append(script)
  await done
  const made = window[GLOBALS[name]]
  if (!made) throw Error(`${name} did not start`)
  return made
}

const GLOBALS = { cloud: 'mediatypesCloud', molecule: 'mediatypesMolecule', mesh: 'mediatypesMesh', vega: 'mediatypesVega', plotly: 'Plotly' }
