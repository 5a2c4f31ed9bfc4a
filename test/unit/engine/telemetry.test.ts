import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { describe, it } from 'mocha'
import { testFolder } from '../../harness/folders.ts'
import { TINY } from './fixtures.ts'

const ENGINE = new URL('../../../worker/engine/engine.ts', import.meta.url).href

describe('ONNX Runtime', () => {
  it('is kept from reporting what it runs', () => {
    const home = testFolder('engine')
    const script = `
      const { createEngine } = await import(${JSON.stringify(ENGINE)})
      const engine = createEngine({ threads: 1 })
      const model = await engine.open(${JSON.stringify(TINY)}, { rank: 1, alpha: 1, targets: ['q'] })
      await model.loss({ examples: [Int32Array.of(1, 2)] })
      await engine[Symbol.asyncDispose]()`
    // The library is silent of its own accord under CI, so that must not be what is tested.
    const { CI, ORT_DISABLE_TELEMETRY, ...env } = process.env
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...env, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    // Where it reports, it keeps a device id and a queue of events in the home directory.
    assert.deepEqual(readdirSync(home), [])
    rmSync(home, { recursive: true })
  })
})
