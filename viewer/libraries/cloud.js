// Points in space: our own script, loaded as the libraries are because few runs have points.
import { Cloud, readPly, readPoints } from '../src/cloud.js'

window.mediatypesCloud = (buffer, document) => new Cloud((document.format === 'ply' ? readPly : readPoints)(buffer), document).node
