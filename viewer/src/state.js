// What the user chose. It stands in the address, so that a link shows the same page again.

const DEFAULTS = {
  tab: 'charts', // charts, media, runs, compare, run
  hidden: [], // names of runs that are switched off
  run: '', // the one whose page is open
  x: '', // _step, _relative, _timestamp, or a key; where it is empty, what define_metric says of each key, else _step
  smooth: 0, // 0 to 0.99
  log: false, // logarithmic y
  find: '', // filter of keys
  step: '', // step of all media panels; the last one where it is empty
  off: [], // layers and classes of overlays that are switched off
  score: 0, // boxes below it are not drawn
  opacity: 0.45, // of masks
  sort: '', // column of the table of runs, with - before it for descending
  group: '', // column that groups and colours runs
  colors: [], // path of a run, =, and the colour that was picked for it
  along: '_step', // what the slider of media goes along: _step, _relative, or a key
  pick: '', // filter of runs
  compare: [], // [key, run and step of A, of B, how]
  theme: '', // light, dark; the system's where it is empty
}

const LIMITS = { smooth: [0, 0.99], score: [0, 1], opacity: [0, 1] }

export class State extends EventTarget {
  constructor(hash = location.hash, signal) {
    super()
    this.values = { ...structuredClone(DEFAULTS), ...this.parse(hash) }
    addEventListener('hashchange', () => this.take(this.parse(location.hash)), { signal })
  }

  parse(hash) {
    const given = {}
    for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ''))) {
      const standard = DEFAULTS[name]
      if (Array.isArray(standard)) given[name] = text ? text.split('|').map(decoded) : []
      else if (typeof standard === 'number') given[name] = Number.isFinite(Number(text)) ? Math.min(LIMITS[name][1], Math.max(LIMITS[name][0], Number(text))) : standard
      else if (typeof standard === 'boolean') given[name] = text === '1'
      else if (typeof standard === 'string') given[name] = text
    }
    return given
  }

  get(name) {
    return this.values[name]
  }

  /** Change some values; listeners hear the names of those that are new. */
  set(changes) {
    const names = Object.keys(changes).filter(name => JSON.stringify(changes[name]) !== JSON.stringify(this.values[name]))
    if (!names.length) return
    Object.assign(this.values, changes)
    this.write()
    clearTimeout(this.writing)
    this.writing = setTimeout(() => this.write(), 1500)
    this.dispatchEvent(new CustomEvent('change', { detail: new Set(names) }))
  }

  /** Put what is chosen into the address. */
  write() {
    try {
      history.replaceState(null, '', this.link() || location.pathname + location.search)
    } catch {
      // a browser takes but a few in a time: the last one is written again
    }
  }

  /** Add to a list, or take out of it. */
  toggle(name, item, on) {
    const rest = this.values[name].filter(other => other !== item)
    this.set({ [name]: on ? [...rest, item] : rest })
  }

  take(parsed) {
    this.set({ ...structuredClone(DEFAULTS), ...parsed })
  }

  /** The part of the address behind `#`, with `#`; only what is not as it is by default. */
  link() {
    const query = new URLSearchParams()
    for (const [name, standard] of Object.entries(DEFAULTS)) {
      const value = this.values[name]
      if (JSON.stringify(value) === JSON.stringify(standard)) continue
      query.set(name, Array.isArray(value) ? value.map(encodeURIComponent).join('|') : typeof value === 'boolean' ? Number(value) : value)
    }
    const text = query.toString()
    return text && `#${text}`
  }

  /** Call `listener` when one of the names changes. */
  on(names, listener) {
    const wanted = names.split(' ')
    this.addEventListener('change', event => wanted.some(name => event.detail.has(name)) && listener(event.detail))
  }
}

/** A part of an address as text; one that was cut or written by hand is taken as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
