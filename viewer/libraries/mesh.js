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

const KEPT = 8 // meshes whose triangles stay in the memory of the graphics card
const kept = new Set() // the one drawn last at the end
let renderer // the one of all meshes, each copied to its own canvas: a browser has but a few contexts

function freed(object) {
  object.traverse(({ geometry, material }) => {
    geometry?.dispose()
    for (const one of [material ?? []].flat()) {
      for (const value of Object.values(one)) if (value?.isTexture) value.dispose()
      one.dispose()
    }
  })
}

/** Draw a mesh in a canvas whenever that has another size, or its mouse turns it. */
window.mediatypesMesh = async function show(canvas, buffer, format, resources) {
  const object = await read(buffer, format, resources), scene = new Scene(), group = new Group()
  group.add(object)
  const box = new Box3().setFromObject(group), size = box.getSize(new Vector3()).length() || 1
  group.position.sub(box.getCenter(new Vector3()))
  const light = new DirectionalLight(0xffffff, 2.2)
  light.position.set(1, 2, 3)
  scene.add(group, light, new AmbientLight(0xffffff, 1.2))
  const camera = new PerspectiveCamera(40, 1, size / 1000, size * 20)
  camera.position.set(size * 0.7, size * 0.5, size)
  renderer ??= new WebGLRenderer({ canvas: new OffscreenCanvas(1, 1), antialias: true, preserveDrawingBuffer: true })
  const draw = () => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map(side => Math.round(side * devicePixelRatio))
    if (!width || !height) return
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    camera.aspect = width / height
    camera.updateProjectionMatrix()
    renderer.setSize(width, height, false)
    renderer.setClearColor(0x15181d)
    renderer.render(scene, camera)
    canvas.getContext('2d').drawImage(renderer.domElement, 0, 0)
    kept.delete(scene)
    kept.add(scene)
    if (kept.size > KEPT) {
      const [oldest] = kept
      kept.delete(oldest)
      freed(oldest)
    }
  }
  const controls = new OrbitControls(camera)
  controls.addEventListener('change', draw)
  new ResizeObserver(() => {
    if (canvas.clientWidth) controls.connect(canvas)
    else if (controls.domElement) controls.disconnect() // out of the page, whose document would hold it for ever
    draw()
  }).observe(canvas)
}
