// Builds @tensorflow/tfjs-node's addon against the TensorFlow of the PyPI wheel, and checks it. See README.md.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { cacheFolder, checkInWorker, installPackages, requireFrom, run, say, stop } from './setup.mjs'

const tfjsNode = '4.22.0'
const wheel = {
  requirement: 'tensorflow-cpu==2.15.1',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  python: '3.11',
  platform: 'manylinux2014_x86_64'
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  stop(`This machine is ${process.platform}-${process.arch}; the pinned wheel is for linux-x64.`, 'Nothing was done.')
}

const folder = cacheFolder('tfjs-node')
const tensorflow = join(folder, 'tensorflow')
const library = (name) => join(tensorflow, `libtensorflow_${name}.so.2`)

/** The wheel's two libraries and the C API's headers, 600 MB of the wheel's 1 GB. */
const unpack = `
import pathlib, sys, zipfile
archive, target = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
wanted = ('tensorflow/libtensorflow_', 'tensorflow/include/tensorflow/c/', 'tensorflow/include/tsl/c/',
          'tensorflow/include/tensorflow/core/platform/ctstring', 'tensorflow/include/tsl/platform/ctstring')
archive.extractall(target, [name for name in archive.namelist() if name.startswith(wanted)])
`

const fetchTensorFlow = () => {
  const done = join(tensorflow, 'done')
  if (existsSync(done) && readFileSync(done, 'utf8') === wheel.sha256) return
  const download = join(folder, 'download')
  rmSync(tensorflow, { recursive: true, force: true })
  rmSync(download, { recursive: true, force: true })
  mkdirSync(download)
  writeFileSync(join(download, 'requirements.txt'), `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`)
  say(`downloading ${wheel.requirement} from PyPI (207 MB)`)
  const target = ['--only-binary=:all:', '--implementation=cp', `--python-version=${wheel.python}`]
  const what = ['--require-hashes', '--no-deps', `--platform=${wheel.platform}`, '-d', '.', '-r', 'requirements.txt']
  run('python3', ['-m', 'pip', 'download', '--quiet', ...target, ...what], {
    cwd: download,
    advice: 'It needs python3 with pip (Debian: apt-get install python3-pip) and PyPI, or a mirror that pip knows.'
  })
  say('unpacking the libraries and headers')
  const file = readdirSync(download).find((name) => name.endsWith('.whl'))
  run('python3', ['-c', unpack, join(download, file), folder], { advice: 'Is there 1 GB of free disk?' })
  rmSync(download, { recursive: true })
  writeFileSync(done, wheel.sha256)
}

/** Compiles the two files of the addon; N-API is C with a stable ABI, so neither node-gyp nor Node's headers are needed. */
const buildAddon = () => {
  const require = requireFrom(folder)
  const home = dirname(require.resolve('@tensorflow/tfjs-node/package.json'))
  const addon = require('@mapbox/node-pre-gyp').find(join(home, 'package.json'))
  if (existsSync(addon)) return addon
  const napi = /napi-v(\d+)/.exec(addon)[1]
  say(`compiling the addon for N-API ${napi}`)
  mkdirSync(dirname(addon), { recursive: true })
  const headers = [require('node-api-headers').include_dir, join(tensorflow, 'include')].map((path) => `-I${path}`)
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(home, 'binding', name))
  const libraries = [library('cc'), library('framework'), `-Wl,-rpath,$ORIGIN/${relative(dirname(addon), tensorflow)}`]
  const flags = ['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${napi}`]
  run('g++', [...flags, ...headers, ...sources, ...libraries, '-o', `${addon}.part`], {
    advice: 'It needs a C++17 compiler (Debian: apt-get install g++).'
  })
  renameSync(`${addon}.part`, addon)
  return addon
}

installPackages(folder, { '@tensorflow/tfjs-node': tfjsNode, 'node-api-headers': '1.5.0' })
fetchTensorFlow()
say(`addon: ${buildAddon()}`)
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
await checkInWorker('./tfjs-node.check.mjs', { folder })
say(`To use it: NODE_PATH=${join(folder, 'node_modules')} TF_CPP_MIN_LOG_LEVEL=2 <command>`)
