// Molecules, drawn by 3Dmol.
import * as $3Dmol from '3dmol'

/** A viewer whose listeners of the window and the body are there while its node stands in the page: they would hold it for ever. */
function created(node, options) {
  const held = [], targets = [window, document.body]
  for (const target of targets) target.addEventListener = (...given) => held.push([target, given])
  try {
    return $3Dmol.createViewer(node, options)
  } finally {
    for (const target of targets) delete target.addEventListener // its prototype's own one is there again
    new ResizeObserver(() => held.forEach(([target, given]) => target[node.clientWidth ? 'addEventListener' : 'removeEventListener'](...given))).observe(node)
  }
}

window.mediatypesMolecule = function show(node, text, format) {
  const dark = document.documentElement.dataset.theme === 'dark'
  const viewer = created(node, { backgroundColor: dark ? '#161a1f' : '#ffffff' })
  if (format === 'xyz') text = text.replace(/(\d\.?)[dD](?=[-+]?\d)/g, '$1e') // as Fortran writes exponents
  const model = viewer.addModel(text, { mmcif: 'cif', mcif: 'cif', sd: 'sdf', mol: 'sdf' }[format] ?? format, { keepH: true }) // else some formats lose hydrogens
  node.dataset.atoms = model.selectedAtoms({}).length
  const big = node.dataset.atoms > 400
  viewer.setStyle({}, big ? { cartoon: { color: 'spectrum' } } : { stick: { radius: 0.14 }, sphere: { scale: 0.25 } })
  if (big) viewer.addStyle({ hetflag: true }, { stick: {} })
  viewer.zoomTo()
  viewer.render()
  return viewer
}
