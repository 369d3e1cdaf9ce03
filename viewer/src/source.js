// Where files of runs come from: a server, the page itself, or files that were dropped on it. One interface:
//   runs() -> [{path, run, summary}]   text(path)   bytes(path) -> ArrayBuffer   parquet(path) -> AsyncBuffer
//   url(path) -> for <img>, <audio>...   library(name) -> {src} or {textContent} of a script that is loaded on demand   live(run, listener)

export const TAIL = 1 << 17 // bytes at the end of a Parquet file that are read at first: its footer, of most
const quoted = path => path.split('/').map(encodeURIComponent).join('/')

/** Files of a server: `mediatypes view`, or any static host that the page stands on beside the runs. */
export class Served {
  constructor({ base = 'files/', list = 'runs.json', live = '', runs = [] } = {}) {
    Object.assign(this, { base, list, events: live, listed: runs, early: [] })
  }

  /** The list of runs. A server that tells what happens puts it into the page, and tells what happened since. */
  async runs() {
    if (!this.events) return (await this.fetch(this.list)).json()
    this.stream = new EventSource(this.events)
    this.stream.onmessage = event => this.early.push(JSON.parse(event.data)) // what is told before anybody listens
    return this.listed
  }

  async fetch(address, options) {
    const answer = await fetch(address, options)
    if (!answer.ok) throw Error(`${decodeURIComponent(address)}: ${answer.status} ${answer.statusText}`)
    return answer
  }

  async text(path) {
    return (await this.fetch(this.url(path))).text()
  }

  async bytes(path) {
    return (await this.fetch(this.url(path))).arrayBuffer()
  }

  /** A file by ranges. Its end is asked for at first, which tells its length too; a host without ranges sends it whole. */
  async parquet(path) {
    const address = this.url(path), tail = await this.fetch(address, { headers: { range: `bytes=-${TAIL}` } }), held = await tail.arrayBuffer()
    const byteLength = tail.status === 206 ? Number(tail.headers.get('content-range').split('/')[1]) : held.byteLength, first = byteLength - held.byteLength
    const slice = async (start, end = byteLength) => {
      if (start >= first) return held.slice(start - first, end - first)
      return (await this.fetch(address, { headers: { range: `bytes=${start}-${end - 1}` } })).arrayBuffer()
    }
    return { byteLength, slice }
  }

  url(path) {
    return /^https?:/.test(path) ? path : this.base + quoted(path)
  }

  async library(name) {
    return { src: `library/${name}.js` }
  }

  /** Hear of new runs and of new values in live ones, and with `{lost: true}` that the server does not answer. After
   *  that the first thing told is the list of runs, with `all`. */
  live(listener) {
    if (!this.stream) return
    this.early.forEach(listener)
    this.stream.onmessage = event => listener(JSON.parse(event.data))
    this.stream.onerror = () => listener({ lost: true })
  }
}

/** Files that stand in the page, in `<script type="text/plain" id="file:PATH" data-type="image/png">BASE64</script>`. */
export class Inlined {
  constructor(index) {
    this.index = index
    this.urls = new Map()
    this.nodes = new Map([...document.querySelectorAll('script[type="text/plain"]')].map(node => [node.id, node])) // the page's layout takes them out
  }

  async runs() {
    return this.index.runs
  }

  has(path) {
    return this.nodes.has(`file:${path}`)
  }

  node(path) {
    const node = this.nodes.get(`file:${path}`)
    if (!node) throw Error(`${path} ${this.index.note ? 'was left out of this report, to keep it small or because it was gone' : 'was gone when this report was made'}`)
    return node
  }

  async bytes(path) {
    const text = this.node(path).textContent
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer
    const raw = atob(text), out = new Uint8Array(raw.length)
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i)
    return out.buffer
  }

  async text(path) {
    return new TextDecoder().decode(await this.bytes(path))
  }

  parquet(path) {
    return this.bytes(path)
  }

  /** A file that does not stand in the page may stand beside it, where the report is a folder. */
  async url(path) {
    if (this.index.beside && !this.nodes.has(`file:${path}`)) return this.index.beside + quoted(path)
    if (!this.urls.has(path)) {
      const blob = new Blob([await this.bytes(path)], { type: this.node(path).dataset.type })
      this.urls.set(path, URL.createObjectURL(blob))
    }
    return this.urls.get(path)
  }

  async library(name) {
    const node = this.nodes.get(`library:${name}`)
    if (!node) throw Error(`this page was made without ${name}`)
    return { textContent: node.textContent }
  }

  live() {}
}

/** Files that were dropped on the page or chosen; nothing leaves the browser. */
export class Dropped extends Inlined {
  /** @param files pairs of path and File */
  constructor(files) {
    super({ runs: [] })
    this.files = new Map(files)
  }

  async runs() {
    const found = []
    this.problems = [] // of files that are no runs, or broken ones
    for (const [path, file] of this.files) {
      if (!/(^|\/)run\.json$/.test(path)) continue
      const root = path.slice(0, -'run.json'.length), summary = this.files.get(`${root}summary.json`)
      try {
        found.push({ path: root.slice(0, -1), run: object(await file.text()), summary: summary ? object(await summary.text()) : {} })
      } catch (error) {
        this.problems.push(`${path}: expected the JSON of a run, got something else (${error.message})`)
      }
    }
    return found.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  has(path) {
    return this.files.has(path)
  }

  file(path) {
    const file = this.files.get(path)
    if (!file) throw Error(`${path} is not among the files`)
    return file
  }

  bytes(path) {
    return this.file(path).arrayBuffer()
  }

  async parquet(path) {
    const file = this.file(path)
    return { byteLength: file.size, slice: (start, end) => file.slice(start, end).arrayBuffer() }
  }

  async url(path) {
    if (!this.urls.has(path)) this.urls.set(path, URL.createObjectURL(this.file(path)))
    return this.urls.get(path)
  }
}

function object(text) {
  const value = JSON.parse(text)
  if (!value || typeof value !== 'object' || Array.isArray(value)) throw Error('no object')
  return value
}

/** All files of a drop, folders opened: pairs of path and File. */
export async function droppedFiles(transfer) {
  const found = []
  const walk = async (entry, prefix) => {
    if (entry.isFile) found.push([prefix + entry.name, await new Promise((done, fail) => entry.file(done, fail))])
    else {
      const reader = entry.createReader()
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail)) // at most 100 at a time
        if (!some.length) break
        for (const child of some) await walk(child, `${prefix}${entry.name}/`)
      }
    }
  }
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry()).filter(Boolean)
  for (const entry of entries) await walk(entry, '')
  return found
}
