import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { complaint, root, testProgram, whyNoCommand } from './program.ts'

const folder = join(root, 'compat/python')
const environment = join(root, '.cache/python')
const python = join(environment, 'bin/python')

/** A virtual environment with what requirements.txt names, made once. */
function whyNot(): string | undefined {
  const missing = whyNoCommand('python3', ['-c', 'import ensurepip, venv'])
  if (missing) return `${missing}, or has no venv`
  const requirements = readFileSync(join(folder, 'requirements.txt'), 'utf8')
  const stamp = join(environment, 'requirements.txt')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === requirements) return undefined
  rmSync(environment, { recursive: true, force: true })
  mkdirSync(join(root, '.cache'), { recursive: true })
  const made = complaint('python3', ['-m', 'venv', environment])
  if (made) return `python3 could not make a virtual environment: ${made}`
  const wheels = ['--only-binary', ':all:', '-r', join(folder, 'requirements.txt')]
  const why = complaint(python, ['-m', 'pip', 'install', '--quiet', ...wheels])
  if (why) return `pip could not bring the packages of compat/python: ${why}`
  writeFileSync(stamp, requirements)
  return undefined
}

testProgram({
  name: 'confluent-kafka',
  whyNot: whyNot(),
  build: () => [python, '-B', join(folder, 'main.py')]
})
