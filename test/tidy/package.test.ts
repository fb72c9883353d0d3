import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText, repositoryFiles } from './source.ts'

interface Manifest {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  license?: string
  version: string
  bin?: Record<string, string>
}

interface Lock {
  packages: Record<string, { resolved?: string; version?: string; hasInstallScript?: boolean; dev?: boolean }>
}

const manifest = JSON.parse(readText('package.json')) as Manifest
const lock = JSON.parse(readText('package-lock.json')) as Lock

test('dependencies are pinned exactly', () => {
  for (const path of repositoryFiles().filter(name => /(^|\/)package\.json$/.test(name))) {
    const { dependencies, devDependencies } = JSON.parse(readText(path)) as Manifest
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${path}: ${name}`)
  }
})

test('the lock file matches the manifest and names no host', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name)
  const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined)
  assert.deepEqual(
    resolved.map(([path]) => path),
    []
  )
})

/** Its script compares two version numbers and may print a warning. */
const harmlessScripts = ['protobufjs']

test('nothing that is installed with the broker needs an install script', () => {
  const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript && !entry.dev)
  assert.deepEqual(
    scripted.map(([path]) => path).filter(path => !harmlessScripts.some(name => path.endsWith(`node_modules/${name}`))),
    []
  )
})

test('the change log speaks of this version and the licence is there', () => {
  assert.match(readText('CHANGELOG.md'), new RegExp(`^## ${manifest.version.replaceAll('.', '\\.')}\\b`, 'm'))
  assert.equal(manifest.license, 'Apache-2.0')
  assert.match(readText('LICENSE'), /Apache License\s+Version 2\.0, January 2004/)
})
