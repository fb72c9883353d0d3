import { memoryDisk } from '../../src/disk/memory.ts'
import { diskConformance } from './conformance.ts'

diskConformance('the memory disk', async () => {
  const disk = memoryDisk()
  await disk.mkdir('/data')
  return { disk, folder: '/data' }
})
