// Grey PNG of 16 bits, which browsers show in 8: the numbers themselves (PNG 3, sections 9 and 10).

/** (width * height) numbers of a grey PNG of 16 bits that is not interlaced; null for any other file. */
export async function grey16(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer)
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47 || bytes[24] !== 16 || bytes[25] !== 0 || bytes[28]) return null
  const width = view.getUint32(16), height = view.getUint32(20), parts = []
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at))) // IDAT
  }
  const lines = new Uint8Array(await new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate'))).arrayBuffer())
  const stride = 2 * width, out = new Uint16Array(width * height)
  if (lines.length !== height * (stride + 1)) throw Error('expected a whole PNG, got a cut one')
  let above = new Uint8Array(stride)
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1), line = lines.subarray(start + 1, start + 1 + stride)
    unfilter(lines[start], line, above)
    for (let x = 0; x < width; x++) out[y * width + x] = (line[2 * x] << 8) | line[2 * x + 1]
    above = line
  }
  return out
}

/** Make the bytes of a line from what its filter left of them; two bytes are a pixel. */
function unfilter(filter, line, above) {
  for (let i = 0; i < line.length; i++) {
    const left = i > 1 ? line[i - 2] : 0, up = above[i], corner = i > 1 ? above[i - 2] : 0
    line[i] += [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter]
  }
}

function paeth(left, up, corner) {
  const byLeft = Math.abs(up - corner), byUp = Math.abs(left - corner), byCorner = Math.abs(left + up - 2 * corner)
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner
}
