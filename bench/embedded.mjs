// How long an embedding process waits: the import of the built package, and startBroker() in memory.
const startMs = performance.now()
const { startBroker } = await import('../dist/index.js')
const importedMs = performance.now()
const broker = await startBroker()
const servingMs = performance.now()
await broker.close()
console.log(JSON.stringify({ startMs: servingMs - startMs, importMs: importedMs - startMs }))
