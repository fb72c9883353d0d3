import { join } from 'node:path'
import { complaint, root, testProgram, whyNoCommand } from './program.ts'

const folder = join(root, 'compat/go')

/** Go's own module and build caches keep what was brought and built. */
function whyNot(): string | undefined {
  const missing = whyNoCommand('go', ['version'])
  if (missing) return missing
  const why = complaint('go', ['mod', 'download'], folder)
  return why && `Go could not bring the modules of compat/go: ${why}`
}

testProgram({
  name: 'franz-go',
  whyNot: whyNot(),
  build() {
    const program = join(root, '.cache/go/naru-compat')
    const why = complaint('go', ['build', '-o', program, '.'], folder)
    if (why) throw new Error(why)
    return [program]
  }
})
