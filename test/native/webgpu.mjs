// Runs tfjs's webgpu back end on Dawn (npm `webgpu`) over the software device of Debian's chromium. See README.md.
import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder, checkInWorker, installPackages, requireFrom, run, say, stop } from './setup.mjs'

const folder = cacheFolder('webgpu')
installPackages(folder, { webgpu: '0.6.2', '@tensorflow/tfjs-backend-webgpu': '4.22.0' })

const chromium = () =>
  run('dpkg', ['-L', 'chromium', 'chromium-common'], {
    advice: 'It needs SwiftShader (Debian: apt-get install chromium), or VK_ICD_FILENAMES naming a Vulkan driver.'
  }).split('\n')

/** The Vulkan driver: what the user names, or else SwiftShader. Set here, for a worker's process.env is a mere copy. */
if (process.env.VK_ICD_FILENAMES === undefined) {
  const driver = chromium().find((path) => path.endsWith('/vk_swiftshader_icd.json'))
  if (driver === undefined) stop("Debian's chromium has no vk_swiftshader_icd.json.", 'Name one in VK_ICD_FILENAMES.')
  process.env.VK_ICD_FILENAMES = driver
}

/** The Vulkan loader: Dawn looks on the system, and beside dawn.node, where chromium's own may stand in for libvulkan1. */
const loader = join(dirname(requireFrom(folder).resolve('webgpu')), 'dist', `linux-${process.arch}`, 'libvulkan.so.1')
const bundled = join(dirname(process.env.VK_ICD_FILENAMES), 'libvulkan.so.1')
rmSync(loader, { force: true })
if (existsSync(bundled)) symlinkSync(bundled, loader)

await checkInWorker('./webgpu.check.mjs', { folder })
say(`To use it: NODE_PATH=${join(folder, 'node_modules')} VK_ICD_FILENAMES=${process.env.VK_ICD_FILENAMES} <command>`)
