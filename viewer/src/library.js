// Scripts that are loaded only when a value needs them: molecules, meshes, Vega, Plotly.
// Each is inserted as text, so that the hash in the page's policy decides whether it may run.

const loaded = new Map()

/** Load a library once; the promise gives what it puts into `window`. */
export function library(source, name) {
  if (!loaded.has(name)) {
    loaded.set(
      name,
      source.library(name).then(text => {
        const script = document.createElement('script')
        script.textContent = text
        document.head.append(script)
        const made = window[GLOBALS[name]]
        if (!made) throw Error(`${name} did not start`)
        return made
      }),
    )
  }
  return loaded.get(name)
}
const GLOBALS = { molecule: 'mediatypesMolecule', mesh: 'mediatypesMesh', vega: 'mediatypesVega', plotly: 'Plotly' }
