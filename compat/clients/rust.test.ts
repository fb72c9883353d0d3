import { join } from 'node:path'
import { complaint, root, testProgram, whyNoCommand } from './program.ts'

const folder = join(root, 'compat/rust')
const target = join(root, '.cache/rust')

/** The crate brings librdkafka's source and builds it: that wants a C compiler and make. */
function whyNot(): string | undefined {
  for (const command of ['cargo', 'cc', 'make']) {
    const missing = whyNoCommand(command, ['--version'])
    if (missing) return missing
  }
  const why = complaint('cargo', ['fetch', '--quiet', '--locked'], folder)
  return why && `cargo could not bring the crates of compat/rust: ${why}`
}

testProgram({
  name: 'rdkafka',
  whyNot: whyNot(),
  build() {
    const why = complaint('cargo', ['build', '--quiet', '--locked', '--target-dir', target], folder)
    if (why) throw new Error(why)
    return [join(target, 'debug/naru-compat-rust')]
  }
})
