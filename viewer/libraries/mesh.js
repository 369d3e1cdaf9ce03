// Meshes, drawn by three.
import { AmbientLight, Box3, Color, DirectionalLight, Group, LoadingManager, Mesh, MeshStandardMaterial, PerspectiveCamera, Points, PointsMaterial, Scene, Vector3, WebGLRenderer } from 'three'
import { OrbitControls } from 'three/addons/controls/OrbitControls.js'
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js'
import { MTLLoader } from 'three/addons/loaders/MTLLoader.js'
import { OBJLoader } from 'three/addons/loaders/OBJLoader.js'
import { PLYLoader } from 'three/addons/loaders/PLYLoader.js'
import { STLLoader } from 'three/addons/loaders/STLLoader.js'

const grey = () => new MeshStandardMaterial({ color: 0x9aa7b5, roughness: 0.7, side: 2 })

/** An object of three: `buffer` is the file, `resources` the URLs of the files it names. */
async function read(buffer, format, resources) {
  const manager = new LoadingManager()
  manager.setURLModifier(url => (/^(blob|data):/.test(url) ? url : (resources[decodeURIComponent(url).replace(/^\.\//, '')] ?? 'data:,')))
  const text = () => new TextDecoder().decode(buffer)
  if (format === 'glb' || format === 'gltf') return (await new GLTFLoader(manager).parseAsync(format === 'glb' ? buffer : text(), '')).scene
  if (format === 'stl') return new Mesh(new STLLoader().parse(buffer), grey())
  if (format === 'ply') {
    const geometry = new PLYLoader().parse(buffer), colors = Boolean(geometry.attributes.color)
    if (!geometry.index) return new Points(geometry, new PointsMaterial({ size: 0.02, vertexColors: colors }))
    geometry.computeVertexNormals()
    return new Mesh(geometry, Object.assign(grey(), colors ? { vertexColors: true, color: new Color(1, 1, 1) } : {}))
  }
  if (format === 'obj') {
    const loader = new OBJLoader(manager), name = /^mtllib +(.+)$/m.exec(text())?.[1].trim()
    if (name && resources[name]) loader.setMaterials(new MTLLoader(manager).parse(await (await fetch(resources[name])).text(), ''))
    const object = loader.parse(text())
    if (!name) object.traverse(part => part.isMesh && (part.material = grey()))
    return object
  }
  throw Error(`${format} is not drawn here`)
}

window.mediatypesMesh = async function show(canvas, buffer, format, resources) {
  const object = await read(buffer, format, resources), scene = new Scene(), group = new Group()
  group.add(object)
  const box = new Box3().setFromObject(group), size = box.getSize(new Vector3()).length() || 1
  group.position.sub(box.getCenter(new Vector3()))
  const light = new DirectionalLight(0xffffff, 2.2)
  light.position.set(1, 2, 3)
  scene.add(group, light, new AmbientLight(0xffffff, 1.2))
  const camera = new PerspectiveCamera(40, canvas.clientWidth / canvas.clientHeight, size / 1000, size * 20)
  camera.position.set(size * 0.7, size * 0.5, size)
  const renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true })
  renderer.setPixelRatio(devicePixelRatio)
  renderer.setSize(canvas.clientWidth, canvas.clientHeight, false)
  renderer.setClearColor(0x15181d)
  const controls = new OrbitControls(camera, canvas), draw = () => renderer.render(scene, camera)
  controls.addEventListener('change', draw)
  draw()
}
